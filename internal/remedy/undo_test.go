package remedy_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cinegit/guardian/internal/deploy"
	"github.com/cinegit/guardian/internal/flag"
	"github.com/cinegit/guardian/internal/ledger"
	"github.com/cinegit/guardian/internal/remedy"
	"github.com/cinegit/guardian/internal/remedy/remedytest"
	"github.com/cinegit/guardian/internal/sandbox/scenario"
)

func whole() remedytest.App { return remedytest.App{Name: "review-prod", Helm: true, AutoSync: true} }

func TestAnUndoTakesBackEveryEffectAndForgetsTheRevert(t *testing.T) {
	w, id := healed(t, rules{}, whole())
	inc, err := w.Flow.Undo(t.Context(), id, "alice", "")
	must(t, err)
	var kinds []string
	for _, e := range inc.Effects {
		if e.UndoneBy != "alice" || e.UndoneAt.IsZero() {
			t.Errorf("%s stands: %+v", e.Kind, e)
		}
		kinds = append(kinds, string(e.Kind))
	}
	if diff := cmp.Diff([]string{string(ledger.EffectAutoSync), string(ledger.EffectRollback), string(ledger.EffectPin)}, kinds); diff != "" {
		t.Error(diff)
	}
	if last, err := w.Ledger.LastRevert(t.Context(), review()); err != nil || last != (ledger.Revert{}) {
		t.Errorf("the last revert is %+v, %v", last, err)
	}
}

func TestOnlyWhatWasTriedIsNotDoneAgainAfterAnUndo(t *testing.T) {
	w := newWorld(t, rules{})
	baked(t, w, app())
	must(t, w.Flags.Set("new-ranking", "on"))
	w.Metrics.Breaks["new-ranking=on"], w.Metrics.Breaks["v42"] = 0.3, 0
	w.Until(t.Context(), minutes(9.5))
	fire(w)
	w.Until(t.Context(), minutes(12))
	inc := wantEnd(t, w, ledger.Healed, "put flag new-ranking")
	if len(inc.Plan) != 2 || inc.Plan[1].Tried {
		t.Fatalf("the plan is %+v", inc.Plan)
	}
	_, err := w.Flow.Undo(t.Context(), inc.ID, "alice", "")
	must(t, err)
	overrides, err := w.Ledger.Overrides(t.Context(), review())
	if err != nil || len(overrides) != 1 || overrides[0].Change != "flag new-ranking" {
		t.Errorf("overrides are %+v, %v", overrides, err)
	}
}

func TestAnUndoThatSleptThroughItsLeaseMayNotGoOn(t *testing.T) {
	w, id := healed(t, rules{}, whole())
	taken := false
	w.Argo.OnCall(func(method string) {
		if method != "patch" || taken {
			return
		}
		taken = true
		_, err := w.Ledger.Hold(t.Context(), review(), "another", w.Now().Add(time.Hour), time.Hour)
		must(t, err)
	})
	before := w.Argo.Calls("rollback")
	if _, err := w.Flow.Undo(t.Context(), id, "alice", ""); !errors.Is(err, ledger.ErrConflict) || !taken {
		t.Errorf("got %v", err)
	}
	if w.Argo.Calls("rollback") != before {
		t.Error("it rolled on without its lease")
	}
	if lease, err := w.Ledger.Lease(t.Context(), review()); err != nil || lease.Holder != "another" {
		t.Errorf("the target is held by %q, %v", lease.Holder, err)
	}
}

// Alertmanager tells that the alert is over at just the moment when a person undoes what ended it.
func TestAnUndoIsWrittenDownAlsoWhereTheIncidentIsWrittenAtTheSameMoment(t *testing.T) {
	for _, moment := range []string{"get", "patch", "rollback"} {
		w, id := healed(t, rules{}, whole())
		written := 0
		w.Argo.OnCall(func(method string) {
			if method != moment {
				return
			}
			written++
			inc, err := w.Ledger.Incident(t.Context(), id)
			must(t, err)
			_, err = w.Ledger.Commit(t.Context(), ledger.Change{Incident: inc, Events: []ledger.Event{{At: w.Now(), Kind: ledger.EventAlert, Text: "over"}}})
			must(t, err)
		})
		inc, err := w.Flow.Undo(t.Context(), id, "alice", "")
		if err != nil || written == 0 {
			t.Fatalf("at %s, written %d times beside: %v", moment, written, err)
		}
		for _, e := range inc.Effects {
			if e.UndoneBy != "alice" {
				t.Errorf("at %s: not undone: %s", moment, e.What)
			}
		}
		if over, undone := strings.Count(timeline(t, w, id), "over"), strings.Count(timeline(t, w, id), "undone: "); over < written || undone != len(inc.Effects) {
			t.Errorf("at %s: %d of %d told, %d of %d undone\n%s", moment, over, written, undone, len(inc.Effects), timeline(t, w, id))
		}
		w.Argo.OnCall(nil)
		runs(t, w, whole(), "v42")
	}
}

func TestAnUndoThatFailedInTheMiddleGoesOnWhereItStood(t *testing.T) {
	w, id := healed(t, rules{}, whole())
	patches, rollbacks := w.Argo.Calls("patch"), w.Argo.Calls("rollback")
	w.Argo.Fail("rollback", remedytest.Fault{Err: deploy.ErrUnavailable})
	if _, err := w.Flow.Undo(t.Context(), id, "alice", ""); !errors.Is(err, deploy.ErrUnavailable) {
		t.Errorf("got %v", err)
	}
	inc, err := w.Flow.Undo(t.Context(), id, "ben", "")
	must(t, err)
	if again := w.Argo.Calls("patch") - patches; again != 2 || w.Argo.Calls("rollback")-rollbacks != 2 {
		t.Errorf("patched %d times, want the pin and auto-sync once each", again)
	}
	if inc.UndoneBy != "ben" || inc.Effects[2].UndoneBy != "alice" || inc.Effects[1].UndoneBy != "ben" {
		t.Errorf("undone by %s: %+v", inc.UndoneBy, inc.Effects)
	}
}

func TestWhatAPersonPutBackAlreadyIsNotPutBackAgain(t *testing.T) {
	t.Run("the source and the release", func(t *testing.T) {
		w := newWorld(t, rules{}, whole())
		baked(t, w, whole())
		sources := applicationOf(t, w).Sources
		fire(w)
		w.Until(t.Context(), minutes(12))
		id := wantEnd(t, w, ledger.Healed, "").ID
		must(t, w.Argo.Patch(t.Context(), deploy.Ref{Name: "review-prod"}, []byte(`{"spec":{"source":`+string(sources)+`}}`)))
		w.Argo.Sync(whole(), "bob")
		w.Until(t.Context(), minutes(13))
		patches, rollbacks := w.Argo.Calls("patch"), w.Argo.Calls("rollback")
		_, err := w.Flow.Undo(t.Context(), id, "alice", "")
		must(t, err)
		if w.Argo.Calls("patch")-patches != 1 || w.Argo.Calls("rollback") != rollbacks || applicationOf(t, w).AutoSync == nil {
			t.Errorf("patched %d times, rolled %d times; auto-sync is %s", w.Argo.Calls("patch")-patches, w.Argo.Calls("rollback")-rollbacks, applicationOf(t, w).AutoSync)
		}
		runs(t, w, whole(), "v42")
	})
	t.Run("the flag", func(t *testing.T) {
		w := badFlag(t, rules{})
		w.Until(t.Context(), minutes(10))
		id := wantEnd(t, w, ledger.Healed, "").ID
		before, err := latest(t, w).Effects[0].FlagBefore()
		must(t, err)
		now, err := w.Flags.Flag(t.Context(), "new-ranking")
		must(t, err)
		must(t, w.Flags.Restore(t.Context(), before, now))
		w.Flow.Flags = refusing{w.Flow.Flags, errors.New("it must not be written")}
		inc, err := w.Flow.Undo(t.Context(), id, "alice", "")
		if err != nil || inc.UndoneBy != "alice" {
			t.Errorf("undone by %q, %v", inc.UndoneBy, err)
		}
	})
}

// refusing is a store of flags that restores nothing.
type refusing struct {
	remedy.Flags
	err error
}

func (f refusing) Restore(context.Context, flag.Definition, flag.Definition) error { return f.err }

func applicationOf(t *testing.T, w *scenario.World) deploy.Application {
	t.Helper()
	a, err := w.Argo.Application(t.Context(), deploy.Ref{Name: "review-prod"})
	must(t, err)
	return a
}

func TestAFlagThatSomebodyChangesAtTheMomentOfTheUndoIsLeftToThem(t *testing.T) {
	for err, cannot := range map[error]bool{flag.ErrConflict: true, flag.ErrUnavailable: false} {
		w := badFlag(t, rules{})
		w.Until(t.Context(), minutes(10))
		id := wantEnd(t, w, ledger.Healed, "").ID
		w.Flow.Flags = refusing{w.Flow.Flags, err}
		if _, got := w.Flow.Undo(t.Context(), id, "alice", ""); !errors.Is(got, err) || errors.Is(got, remedy.ErrCannotUndo) != cannot {
			t.Errorf("got %v", got)
		}
		if inc := latest(t, w); !inc.UndoneAt.IsZero() || !strings.Contains(timeline(t, w, id), "undo failed") {
			t.Errorf("undone at %s", inc.UndoneAt)
		}
	}
}

// A write whose answer never came may have landed: what stands there is put back only if it is what would
// have been written.
func TestAFlagWhoseAnswerNeverCameIsPutBackUnlessAPersonChangedItSince(t *testing.T) {
	for variant, refused := range map[string]bool{"": false, "half": true} {
		w := badFlag(t, rules{})
		w.Flags.Lands = slicesOf(1, flag.ErrUnavailable)
		w.Flags.Fails = append([]error{nil}, slicesOf(500, flag.ErrUnavailable)...)
		w.Until(t.Context(), minutes(8.2)+time.Second)
		id := latest(t, w).ID
		_, err := w.Flow.Handle(t.Context(), remedy.Task{ID: id, Step: remedy.StepGiveUp}) // before anybody looks again
		must(t, err)
		inc := wantEnd(t, w, ledger.FailedDirty, "failed for good")
		if len(inc.Effects) != 1 || len(inc.Effects[0].After) != 0 {
			t.Fatalf("it was seen to be done: %+v", inc.Effects)
		}
		if variant != "" {
			must(t, w.Flags.Set("new-ranking", variant))
		}
		_, err = w.Flow.Undo(t.Context(), id, "alice", "")
		if refused != errors.Is(err, remedy.ErrCannotUndo) || refused != (err != nil) {
			t.Errorf("changed to %q: %v", variant, err)
		}
		want := map[bool]string{false: "on", true: variant}[refused]
		if got, err := w.Flags.Serving(t.Context(), "new-ranking"); err != nil || got != want {
			t.Errorf("changed to %q: it serves %s, want %s, %v", variant, got, want, err)
		}
	}
}

func TestARollbackIsUndoneOnlyToWhatTheHistoryStillHolds(t *testing.T) {
	for name, tt := range map[string]struct {
		drop    int // entries of the history that Argo CD no longer shows
		refused bool
	}{"the first is gone": {1, false}, "what ran before is gone": {2, true}} {
		w, id := healed(t, rules{}, app())
		w.Flow.Deployer = seeing{w.Flow.Deployer, func(a *deploy.Application) { a.History = a.History[tt.drop:] }}
		_, err := w.Flow.Undo(t.Context(), id, "alice", "")
		if refused := errors.Is(err, remedy.ErrCannotUndo) && strings.Contains(err.Error(), "history no longer holds v42"); refused != tt.refused || !refused && err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAnUndoAfterAnOperationWasTerminatedLeavesThatEnded(t *testing.T) {
	w := newWorld(t, rules{}, app())
	baked(t, w, app())
	must(t, w.Argo.Set(app(), "hang", "on"))
	w.Metrics.Breaks["v43"], w.Metrics.Breaks["v42"] = 0.2, 0
	w.Argo.Ship(app(), "v43", "argocd-image-updater")
	w.Until(t.Context(), minutes(8.5))
	fire(w)
	w.Until(t.Context(), minutes(14))
	inc := wantEnd(t, w, ledger.Healed, "revert release v43")
	if inc.Effects[0].Kind != ledger.EffectTerminate {
		t.Fatalf("effects are %+v", inc.Effects)
	}
	got, err := w.Flow.Undo(t.Context(), inc.ID, "alice", "")
	must(t, err)
	if !strings.Contains(timeline(t, w, inc.ID), "a terminated operation stays ended") || got.UndoneBy != "alice" || got.Effects[0].UndoneAt.IsZero() {
		t.Errorf("undone by %q\n%s", got.UndoneBy, timeline(t, w, inc.ID))
	}
}

func TestATargetIsReleasedWithLiftAlsoWhereNothingIsQuarantined(t *testing.T) {
	there := remedytest.App{Name: "review-prod", AutoSync: true}
	w := broken(t, rules{}, there)
	must(t, w.Argo.Set(there, "deny", "sync"))
	w.Until(t.Context(), minutes(12))
	wantEnd(t, w, ledger.FailedDirty, "permission denied")
	must(t, w.Argo.Set(there, "deny", ""))
	out, err := w.Flow.Release(t.Context(), review(), "alice", true)
	if err != nil || !out.AutoSync || len(out.Lifted) != 0 || applicationOf(t, w).AutoSync == nil {
		t.Errorf("released %+v, %v", out, err)
	}
}

// redrawn is a store of flags in which somebody has changed a flag's document, and not what it serves.
type redrawn struct{ remedy.Flags }

func (f redrawn) Flag(ctx context.Context, key string) (flag.Definition, error) {
	d, err := f.Flags.Flag(ctx, key)
	d.Raw = []byte(strings.Replace(string(d.Raw), "{", `{"metadata":{"by":"bob"},`, 1))
	return d, err
}

func TestAFlagWhoseDocumentAPersonChangedIsTheirsThoughItServesTheSame(t *testing.T) {
	w := badFlag(t, rules{})
	w.Until(t.Context(), minutes(10))
	id := wantEnd(t, w, ledger.Healed, "").ID
	w.Flow.Flags = redrawn{w.Flow.Flags}
	if _, err := w.Flow.Undo(t.Context(), id, "alice", ""); !errors.Is(err, remedy.ErrCannotUndo) || !strings.Contains(err.Error(), "was changed since") {
		t.Errorf("got %v", err)
	}
}

func TestAnUndoOfATargetThatThePolicyLostSaysWhatCanBeDone(t *testing.T) {
	w, id := healed(t, rules{}, app())
	gone := rules{services: another("orders")}.policy(t)
	delete(gone.Services, "review")
	w.SetPolicy(gone)
	_, err := w.Flow.Undo(t.Context(), id, "alice", "")
	if !errors.Is(err, remedy.ErrCannotUndo) || !strings.Contains(err.Error(), "the policy no longer knows review/prod: add it again") {
		t.Errorf("got %v", err)
	}
}

func TestAnUndoThatCutsAVerificationShortIsToldOnce(t *testing.T) {
	s, _ := verifying(t, rules{})
	_, err := s.Flow.Undo(t.Context(), s.id, "alice", "")
	must(t, err)
	wantEnd(t, s.World, ledger.StoodDown, "alice undoes it before it could be told whether it helped")
	for _, text := range []string{"undoes it before", "alice undoes what Guardian did", "undone: "} {
		if n := s.told(t, text); n != 1 {
			t.Errorf("%q is told %d times\n%s", text, n, timeline(t, s.World, s.id))
		}
	}
	messages, err := s.Ledger.Outbox(t.Context())
	must(t, err)
	messages = slices.DeleteFunc(messages, func(m ledger.Message) bool { return m.ID == s.id+"-act" })
	if len(messages) != 1 || messages[0].Version != 1 || messages[0].End != ledger.StoodDown {
		t.Errorf("people are told %+v", messages)
	}
}
