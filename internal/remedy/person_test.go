package remedy_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cinegit/guardian/internal/adapter/memledger"
	"github.com/cinegit/guardian/internal/deploy"
	"github.com/cinegit/guardian/internal/ledger"
	"github.com/cinegit/guardian/internal/policy"
	"github.com/cinegit/guardian/internal/remedy"
	"github.com/cinegit/guardian/internal/remedy/remedytest"
	"github.com/cinegit/guardian/internal/sandbox/scenario"
)

// healed gives a world in which a bad release was reverted.
func healed(t *testing.T, r rules, there remedytest.App) (*scenario.World, string) {
	t.Helper()
	w := broken(t, r, there)
	w.Until(t.Context(), minutes(12))
	return w, wantEnd(t, w, ledger.Healed, "").ID
}

func runs(t *testing.T, w *scenario.World, there remedytest.App, want string) {
	t.Helper()
	w.Until(t.Context(), w.Now().Sub(scenario.Start())+10*time.Second)
	if got := strings.Join(w.Argo.Runs(there), " "); got != "registry.example/review-prod:"+want {
		t.Errorf("it runs %s, not %s", got, want)
	}
}

func TestUndoPutsBackWhatGuardianChanged(t *testing.T) {
	for name, there := range map[string]remedytest.App{
		"a manual app":            {Name: "review-prod"},
		"an auto-sync app":        {Name: "review-prod", AutoSync: true},
		"a Helm parameter":        {Name: "review-prod", Helm: true},
		"auto-sync and parameter": {Name: "review-prod", Helm: true, AutoSync: true},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, rules{}, there)
			baked(t, w, there)
			before, err := w.Argo.Application(t.Context(), deploy.Ref{Name: "review-prod"})
			must(t, err)
			fire(w)
			w.Until(t.Context(), minutes(12))
			id := wantEnd(t, w, ledger.Healed, "").ID
			inc, err := w.Flow.Undo(t.Context(), id, "alice", "")
			must(t, err)
			runs(t, w, there, "v42")
			after, err := w.Argo.Application(t.Context(), deploy.Ref{Name: "review-prod"})
			must(t, err)
			if !deploy.SameSources(before.Sources, after.Sources) || string(before.AutoSync) != string(after.AutoSync) {
				t.Errorf("before %s %s, after %s %s", before.Sources, before.AutoSync, after.Sources, after.AutoSync)
			}
			if inc.UndoneBy != "alice" || inc.UndoneAt.IsZero() {
				t.Errorf("undone by %q at %s", inc.UndoneBy, inc.UndoneAt)
			}
			quarantines, err := w.Ledger.Quarantines(t.Context())
			must(t, err)
			holds, err := w.Ledger.Holds(t.Context())
			must(t, err)
			if len(quarantines)+len(holds) > 0 {
				t.Errorf("left behind: %+v %+v", quarantines, holds)
			}
		})
	}
}

func TestUndoOfAFlagGivesTheDocumentBackByteForByte(t *testing.T) {
	w := newWorld(t, rules{})
	w.Argo.Ship(app(), "v41", "ci")
	w.Until(t.Context(), minutes(7))
	w.Metrics.Breaks["new-ranking=on"] = 0.3
	must(t, w.Flags.Set("new-ranking", "on"))
	before, _, err := w.Flags.Document(t.Context())
	must(t, err)
	w.Until(t.Context(), minutes(8.2))
	fire(w)
	w.Until(t.Context(), minutes(10))
	_, err = w.Flow.Undo(t.Context(), wantEnd(t, w, ledger.Healed, "put flag").ID, "alice", "")
	must(t, err)
	after, _, err := w.Flags.Document(t.Context())
	must(t, err)
	if diff := cmp.Diff(string(before), string(after)); diff != "" {
		t.Errorf("the document differs:\n%s", diff)
	}
}

func TestUndoRefusesWhatAPersonChangedSince(t *testing.T) {
	for name, tt := range map[string]struct {
		app    remedytest.App
		change func(t *testing.T, w *scenario.World)
		reason string
	}{
		"another release": {app(), func(t *testing.T, w *scenario.World) {
			t.Helper()
			w.Argo.Ship(app(), "v43", "bob")
			w.Until(t.Context(), minutes(13))
		}, "bob deployed v43 since"},
		"an operation in progress": {app(), func(t *testing.T, w *scenario.World) {
			t.Helper()
			w.Argo.Ship(app(), "v43", "bob")
		}, "an operation is in progress at review-prod"},
		"another parameter": {remedytest.App{Name: "review-prod", Helm: true}, func(t *testing.T, w *scenario.World) {
			t.Helper()
			must(t, w.Argo.Set(app(), "hang", "on"))
			w.Argo.Ship(remedytest.App{Name: "review-prod", Helm: true}, "v43", "bob")
		}, "the source of review-prod was changed since"},
	} {
		t.Run(name, func(t *testing.T) {
			w, id := healed(t, rules{}, tt.app)
			tt.change(t, w)
			before := w.Argo.Landed()
			_, err := w.Flow.Undo(t.Context(), id, "alice", "")
			if !errors.Is(err, remedy.ErrCannotUndo) || !strings.Contains(err.Error(), tt.reason) {
				t.Errorf("got %v", err)
			}
			landed(t, w, before...)
			if lease, err := w.Ledger.Lease(t.Context(), review()); err != nil || lease.Holder != "" {
				t.Errorf("the target is held by %q, %v", lease.Holder, err)
			}
		})
	}
}

func TestUndoOfAFlagThatAPersonChangedSinceIsRefused(t *testing.T) {
	w := badFlag(t, rules{})
	w.Until(t.Context(), minutes(10))
	id := wantEnd(t, w, ledger.Healed, "").ID
	must(t, w.Flags.Set("new-ranking", "on"))
	must(t, w.Flags.Set("new-ranking", "half"))
	if _, err := w.Flow.Undo(t.Context(), id, "alice", ""); !errors.Is(err, remedy.ErrCannotUndo) || !strings.Contains(err.Error(), "flag new-ranking was changed since") {
		t.Errorf("got %v", err)
	}
}

func TestUndoIsRefusedWhileTheIncidentIsAtWorkAndWhereNothingIsLeft(t *testing.T) {
	w := broken(t, rules{}, app())
	w.Until(t.Context(), minutes(8)+time.Second)
	if _, err := w.Flow.Undo(t.Context(), latest(t, w).ID, "alice", ""); !errors.Is(err, remedy.ErrCannotUndo) || !strings.Contains(err.Error(), "is still at work") {
		t.Errorf("got %v", err)
	}
	w.Until(t.Context(), minutes(12))
	id := wantEnd(t, w, ledger.Healed, "").ID
	_, err := w.Flow.Undo(t.Context(), id, "alice", "")
	must(t, err)
	w.Until(t.Context(), minutes(13))
	if _, err := w.Flow.Undo(t.Context(), id, "alice", ""); !errors.Is(err, remedy.ErrCannotUndo) || !strings.Contains(err.Error(), "left nothing to undo") {
		t.Errorf("a second time: %v", err)
	}
}

func TestUndoWaitsWhileAnotherIncidentIsAtWorkThere(t *testing.T) {
	w, id := healed(t, rules{}, app())
	w.Metrics.Down = true
	fire(w)
	w.Until(t.Context(), minutes(12.5))
	if _, err := w.Flow.Undo(t.Context(), id, "alice", ""); !errors.Is(err, ledger.ErrHeld) {
		t.Errorf("got %v", err)
	}
}

// An undo that dies anywhere can be asked for again, and puts the same back.
func TestAnUndoThatDiesAnywhereCanBeAskedForAgain(t *testing.T) {
	for name, there := range map[string]remedytest.App{
		"auto-sync and parameter": {Name: "review-prod", Helm: true, AutoSync: true},
		"a manual app":            {Name: "review-prod"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, how := range []memledger.How{memledger.Lost, memledger.Landed} {
				for n := 0; ; n++ {
					w, id := healed(t, rules{}, there)
					rollbacks := w.Argo.Calls("rollback")
					w.Store.SetFaults(memledger.CrashAtWrite(n, how))
					_, crash := w.Flow.Undo(t.Context(), id, "alice", "")
					w.Store.SetFaults(nil)
					w.Until(t.Context(), minutes(12.5))
					_, err := w.Flow.Undo(t.Context(), id, "alice", "")
					if err != nil && !strings.Contains(err.Error(), "left nothing to undo") {
						t.Errorf("died at write %d (landed: %t), and then: %v", n, how, err)
					}
					runs(t, w, there, "v42")
					if again := w.Argo.Calls("rollback") - rollbacks; again != 1 {
						t.Errorf("died at write %d (landed: %t): rolled %d times", n, how, again)
					}
					if crash == nil {
						break
					}
				}
			}
		})
	}
}

func TestWhatAPersonUndidIsNotDoneAgain(t *testing.T) {
	w, id := healed(t, rules{limits: "cooldown: 1m"}, app())
	_, err := w.Flow.Undo(t.Context(), id, "alice", "")
	must(t, err)
	w.Until(t.Context(), minutes(20))
	fire(w)
	w.Until(t.Context(), minutes(25))
	wantEnd(t, w, ledger.FailedClean, "alice decided against it")
}

func TestReleaseGivesAutoSyncBackOnceAFixIsThere(t *testing.T) {
	there := remedytest.App{Name: "review-prod", AutoSync: true}
	w, _ := healed(t, rules{}, there)
	if _, err := w.Flow.Release(t.Context(), review(), "alice", false); !errors.Is(err, remedy.ErrQuarantined) || !strings.Contains(err.Error(), "auto-sync would ship v42 again at once") {
		t.Fatalf("got %v", err)
	}
	w.Argo.Ship(there, "v43", "ci")
	done, err := w.Flow.Release(t.Context(), review(), "alice", false)
	if err != nil || !done.AutoSync || len(done.Lifted) != 0 {
		t.Fatalf("got %+v, %v", done, err)
	}
	runs(t, w, there, "v43")
	if _, err := w.Flow.Release(t.Context(), review(), "alice", false); !errors.Is(err, remedy.ErrNotHeld) {
		t.Errorf("a second time: %v", err)
	}
}

func TestReleaseWithLiftShipsTheQuarantinedReleaseAgain(t *testing.T) {
	there := remedytest.App{Name: "review-prod", AutoSync: true}
	w, _ := healed(t, rules{}, there)
	done, err := w.Flow.Release(t.Context(), review(), "alice", true)
	if err != nil || !done.AutoSync || len(done.Lifted) != 1 || done.Lifted[0].LiftedBy != "alice" {
		t.Fatalf("got %+v, %v", done, err)
	}
	runs(t, w, there, "v42")
}

func TestReleaseOfAManualAppOnlyLifts(t *testing.T) {
	w, _ := healed(t, rules{}, app())
	if _, err := w.Flow.Release(t.Context(), review(), "alice", false); !errors.Is(err, remedy.ErrNotHeld) {
		t.Errorf("got %v", err)
	}
	done, err := w.Flow.Release(t.Context(), review(), "alice", true)
	if err != nil || done.AutoSync || len(done.Lifted) != 1 {
		t.Errorf("got %+v, %v", done, err)
	}
}

func TestReleaseIsRefusedWhileAnIncidentIsAtWork(t *testing.T) {
	there := remedytest.App{Name: "review-prod", AutoSync: true}
	w := broken(t, rules{}, there)
	w.Until(t.Context(), minutes(8)+time.Second)
	if _, err := w.Flow.Release(t.Context(), review(), "alice", true); !errors.Is(err, ledger.ErrHeld) {
		t.Errorf("got %v", err)
	}
	w.Until(t.Context(), minutes(12))
	wantEnd(t, w, ledger.Healed, "")
}

func TestAReleaseThatFailsKeepsWhatIsToGiveBack(t *testing.T) {
	there := remedytest.App{Name: "review-prod", AutoSync: true}
	w, _ := healed(t, rules{}, there)
	w.Argo.Ship(there, "v43", "ci")
	w.Argo.Fail("patch", remedytest.Fault{Err: deploy.ErrUnavailable})
	if _, err := w.Flow.Release(t.Context(), review(), "alice", false); !errors.Is(err, deploy.ErrUnavailable) {
		t.Errorf("got %v", err)
	}
	done, err := w.Flow.Release(t.Context(), review(), "alice", false)
	if err != nil || !done.AutoSync {
		t.Errorf("again: %+v, %v", done, err)
	}
}

func TestAdmitAsksQuarantineAndFreeze(t *testing.T) {
	w, _ := healed(t, rules{services: another("orders")}, app())
	ask := func(service, release string) remedy.Admission {
		t.Helper()
		got, err := w.Flow.Admit(t.Context(), ledger.Target{Service: service, Stage: "prod"}, release)
		must(t, err)
		return got
	}
	for _, tt := range []struct {
		service, release string
		admitted         bool
		why              string
	}{
		{"review", "v42", false, "v42 is quarantined since incident review-prod-"},
		{"review", "v43", true, "neither quarantined nor frozen"},
		{"orders", "v42", true, "neither quarantined nor frozen"},
		{"reveiw", "v43", false, `the policy knows no stage "prod" of a service "reveiw"`},
	} {
		if got := ask(tt.service, tt.release); got.Admitted != tt.admitted || !strings.Contains(got.Why, tt.why) {
			t.Errorf("%s to %s: %+v", tt.release, tt.service, got)
		}
	}
	must(t, w.Ledger.SetFreeze(t.Context(), ledger.Freeze{Service: "orders", By: "bob", Why: "black friday", Until: w.Now().Add(time.Hour)}))
	if got := ask("orders", "v42"); got.Admitted || !strings.Contains(got.Why, "frozen by bob until 2026-11-23T10:12:00Z: black friday") {
		t.Errorf("frozen: %+v", got)
	}
	if got := ask("review", "v43"); !got.Admitted {
		t.Errorf("another's freeze: %+v", got)
	}
	must(t, w.Ledger.LiftFreeze(t.Context(), "orders", ""))
	if got := ask("orders", "v42"); !got.Admitted {
		t.Errorf("lifted: %+v", got)
	}
	must(t, w.Ledger.SetFreeze(t.Context(), ledger.Freeze{By: "bob", Until: w.Now().Add(time.Minute)}))
	w.Until(t.Context(), minutes(13))
	if got := ask("orders", "v42"); !got.Admitted {
		t.Errorf("run out: %+v", got)
	}
}

func TestASuggestionIsAskedOnceAndAnsweredOnce(t *testing.T) {
	w := broken(t, rules{mode: "suggest"}, app())
	w.Until(t.Context(), minutes(9))
	id := latest(t, w).ID
	for range 3 { // a state machine that asks again
		_, err := w.Flow.Handle(t.Context(), remedy.Task{ID: id, Step: ledger.StepApprove, Token: "token-of-" + id})
		must(t, err)
	}
	if n := strings.Count(timeline(t, w, id), "asking a person"); n != 1 {
		t.Errorf("it was asked %d times", n)
	}
	yes := ledger.Approval{Granted: true, By: "alice", At: w.Now()}
	must(t, w.Answer(t.Context(), id, yes))
	if err := w.Answer(t.Context(), id, ledger.Approval{By: "bob"}); !errors.Is(err, remedy.ErrNotAsking) {
		t.Errorf("a second answer: %v", err)
	}
	w.Until(t.Context(), minutes(12))
	inc := wantEnd(t, w, ledger.Healed, "")
	if inc.Approval == nil || inc.Approval.By != "alice" {
		t.Errorf("approved by %+v", inc.Approval)
	}
	landed(t, w, "rollback review-prod 0")
}

func TestAnAnswerThatCameBeforeTheTokenOrDiedOnItsWayIsFound(t *testing.T) {
	w := broken(t, rules{mode: "suggest"}, app())
	w.Until(t.Context(), minutes(9))
	id := latest(t, w).ID
	if _, _, ok, err := w.Flow.Unanswered(t.Context(), id); ok || err != nil {
		t.Fatalf("it waits rightly, and is answered: %t, %v", ok, err)
	}
	_, _, err := w.Flow.Approve(t.Context(), id, ledger.Approval{Granted: true, By: "alice"}) // and the process dies before it sends it
	must(t, err)
	token, answer, ok, err := w.Flow.Unanswered(t.Context(), id)
	if err != nil || !ok || token != "token-of-"+id || answer.Next != ledger.StepAct || answer.Hand != remedy.HandArgoCD {
		t.Errorf("found %q, %+v, %t, %v", token, answer, ok, err)
	}
	late, err := w.Flow.Handle(t.Context(), remedy.Task{ID: id, Step: ledger.StepApprove, Token: "new"})
	must(t, err)
	token, _, ok, err = w.Flow.Unanswered(t.Context(), id)
	if err != nil || !ok || token != "new" || late.Next != ledger.StepAct {
		t.Errorf("the new token is %q (%t, %v), the answer %+v", token, ok, err, late)
	}
	w.Until(t.Context(), minutes(12)) // the loop sends it
	wantEnd(t, w, ledger.Healed, "")
}

func TestARejectionIsRememberedForThisChangeOnly(t *testing.T) {
	w := broken(t, rules{mode: "suggest"}, app())
	w.Until(t.Context(), minutes(9))
	must(t, w.Answer(t.Context(), latest(t, w).ID, ledger.Approval{By: "alice", Why: "it is the database", At: w.Now()}))
	wantEnd(t, w, ledger.StoodDown, "alice rejected: revert release v42")
	w.Until(t.Context(), minutes(10))
	fire(w)
	w.Until(t.Context(), minutes(11))
	wantEnd(t, w, ledger.FailedClean, "alice decided against it on 2026-11-23 09:09:00: it is the database")
	w.Argo.Ship(app(), "v43", "ci")
	w.Metrics.Breaks["v43"] = 0.2
	w.Until(t.Context(), minutes(13))
	fire(w)
	w.Until(t.Context(), minutes(14))
	if inc := latest(t, w); inc.Step != ledger.StepApprove {
		t.Errorf("another release stands at %s: %s", inc.Step, inc.Reason)
	}
}

func TestARejectionAfterAFlagWasPutEndsDirty(t *testing.T) {
	w := newWorld(t, rules{service: "    mode: suggest\n"})
	baked(t, w, app())
	must(t, w.Flags.Set("new-ranking", "on"))
	w.Until(t.Context(), minutes(9.5))
	fire(w)
	w.Until(t.Context(), minutes(9.6))
	id := latest(t, w).ID
	must(t, w.Answer(t.Context(), id, ledger.Approval{Granted: true, By: "alice", At: w.Now()}))
	w.Until(t.Context(), minutes(12))
	if inc := latest(t, w); inc.Step != ledger.StepApprove || inc.Plan[inc.Current].Kind != policy.RemedyRevert {
		t.Fatalf("it stands at %s", inc.Step)
	}
	must(t, w.Answer(t.Context(), id, ledger.Approval{By: "alice", At: w.Now()}))
	wantEnd(t, w, ledger.FailedDirty, "alice rejected: revert release v42")
}

func TestASuggestionExpiresOnlyWhenItsTimeIsOver(t *testing.T) {
	w := broken(t, rules{mode: "suggest", limits: "approval: 5m"}, app())
	w.Until(t.Context(), minutes(12))
	if _, _, err := w.Flow.Expire(t.Context(), latest(t, w).ID); !errors.Is(err, remedy.ErrNotAsking) {
		t.Errorf("got %v", err)
	}
	w.Until(t.Context(), minutes(20))
	wantEnd(t, w, ledger.FailedClean, "nobody approved within 5m: revert release v42")
	landed(t, w)
}
