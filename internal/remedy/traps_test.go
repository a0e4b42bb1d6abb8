package remedy_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/cinegit/guardian/internal/deploy"
	"github.com/cinegit/guardian/internal/ledger"
	"github.com/cinegit/guardian/internal/remedy"
	"github.com/cinegit/guardian/internal/remedy/remedytest"
	"github.com/cinegit/guardian/internal/sandbox/scenario"
)

// What follows are the ways of Argo CD that catch who does not know them.

func TestTrapStaleHealthAfterAnOperationIsNoRecovery(t *testing.T) {
	w := broken(t, rules{}, app())
	for at := minutes(8); at < minutes(8)+4*time.Second; at += 50 * time.Millisecond {
		w.Until(t.Context(), at)
		seen, err := w.Argo.Application(t.Context(), deploy.Ref{Name: "review-prod"})
		must(t, err)
		old := strings.Contains(strings.Join(seen.Images, " "), "v42")
		if inc := latest(t, w); old && !inc.SettledAt.IsZero() {
			t.Fatalf("%s after the alert it is called live while %v runs, %s", at-minutes(8), seen.Images, seen.Health)
		}
	}
	w.Until(t.Context(), minutes(12))
	wantEnd(t, w, ledger.Healed, "")
}

func TestTrapAfterARollbackTheEntryBeforeIsTheBadOne(t *testing.T) {
	w, _ := healed(t, rules{limits: "cooldown: 1m"}, app()) // history is v41 v42 v41
	w.Metrics.Breaks["v43"] = 0.2
	w.Argo.Ship(app(), "v43", "ci")
	w.Until(t.Context(), minutes(15))
	fire(w)
	w.Until(t.Context(), minutes(18))
	wantEnd(t, w, ledger.Healed, "revert release v43 to v41 (history id 2)")
	landed(t, w, "rollback review-prod 0", "rollback review-prod 2")
}

func TestTrapARetryOfTheQuarantinedReleaseIsRevertedPastItself(t *testing.T) {
	w, _ := healed(t, rules{limits: "cooldown: 1m"}, app())
	w.Argo.Ship(app(), "v42", "ci") // history is v41 v42 v41 v42
	w.Until(t.Context(), minutes(15))
	fire(w)
	w.Until(t.Context(), minutes(18))
	wantEnd(t, w, ledger.Healed, "revert release v42 to v41 (history id 2)")
}

func TestTrapTheReleaseRevertedToTurnsBadAndIsNotRevertedInTurn(t *testing.T) {
	w, _ := healed(t, rules{limits: "cooldown: 1m"}, app())
	w.Metrics.Breaks["v41"] = 0.2
	w.Until(t.Context(), minutes(20))
	fire(w)
	w.Until(t.Context(), minutes(25))
	wantEnd(t, w, ledger.FailedClean, "v41 is what incident review-prod-")
	landed(t, w, "rollback review-prod 0")
}

func TestTrapARollbackByAPersonIsNotReverted(t *testing.T) {
	w := newWorld(t, rules{})
	baked(t, w, app())
	must(t, w.Argo.Rollback(context.Background(), deploy.Ref{Name: "review-prod"}, 0, false)) // Argo CD names nobody else here
	w.Metrics.Breaks["v41"] = 0.2
	w.Until(t.Context(), minutes(10))
	fire(w)
	w.Until(t.Context(), minutes(12))
	wantEnd(t, w, ledger.FailedClean, "a revert is never reverted")
}

func TestTrapAutoSyncIsOffBeforeTheOperationInProgressIsTerminated(t *testing.T) {
	there := remedytest.App{Name: "review-prod", AutoSync: true}
	w := newWorld(t, rules{}, there)
	w.Argo.Ship(there, "v41", "")
	w.Until(t.Context(), minutes(6))
	must(t, w.Argo.Set(there, "hang", "on"))
	w.Metrics.Breaks["v42"] = 0.2
	w.Argo.Ship(there, "v42", "")
	w.Until(t.Context(), minutes(8))
	fire(w)
	w.Until(t.Context(), minutes(12))
	wantEnd(t, w, ledger.Healed, "revert release v42")
	landed(t, w, `patch review-prod {"spec":{"syncPolicy":{"automated":null}}}`, "terminate review-prod", "rollback review-prod 0")
}

func TestTrapAnAutoSyncThatSlipsInBetweenIsMetByTryingAgain(t *testing.T) {
	there := remedytest.App{Name: "review-prod", AutoSync: true}
	w := broken(t, rules{}, there)
	w.Argo.Fail("rollback", remedytest.Fault{Err: deploy.ErrBusy}, remedytest.Fault{Err: deploy.ErrAutoSync})
	w.Until(t.Context(), minutes(12))
	wantEnd(t, w, ledger.Healed, "revert release v42")
	landed(t, w, `patch review-prod {"spec":{"syncPolicy":{"automated":null}}}`, "rollback review-prod 0")
}

func TestTrapAutoSyncThatAPersonSwitchesOnAgainIsLeftOn(t *testing.T) {
	there := remedytest.App{Name: "review-prod", AutoSync: true}
	w := broken(t, rules{}, there)
	w.Argo.OnCall(func(method string) {
		if method == "rollback" {
			must(t, w.Argo.Set(there, "autosync", "on"))
		}
	})
	w.Until(t.Context(), minutes(12))
	wantEnd(t, w, ledger.FailedDirty, "somebody switched auto-sync on again")
	landed(t, w, `patch review-prod {"spec":{"syncPolicy":{"automated":null}}}`)
}

func TestTrapAHelmParameterReleaseComesBackAtTheNextSyncUnlessTheSpecIsPinned(t *testing.T) {
	there := remedytest.App{Name: "review-prod", Helm: true}
	w, _ := healed(t, rules{}, there)
	seen, err := w.Argo.Application(t.Context(), deploy.Ref{Name: "review-prod"})
	must(t, err)
	if seen.SyncStatus != "Synced" || !strings.Contains(string(seen.Sources), `"v41"`) {
		t.Errorf("the next sync ships something else: %s %s", seen.SyncStatus, seen.Sources)
	}
}

func TestTrapAPinThatIsDeniedDoesNotUndoTheRevertAndIsTold(t *testing.T) {
	there := remedytest.App{Name: "review-prod", Helm: true}
	w := broken(t, rules{}, there)
	must(t, w.Argo.Set(there, "deny", "update"))
	w.Until(t.Context(), minutes(12))
	inc := wantEnd(t, w, ledger.Healed, "")
	if !strings.Contains(timeline(t, w, inc.ID), "the source could not be pinned, the next sync brings image.tag=v42 back") {
		t.Error(timeline(t, w, inc.ID))
	}
}

func TestTrapAnOperationParkedByAWindowIsTerminatedAndDoesNotFireLater(t *testing.T) {
	w := broken(t, rules{}, app())
	w.Argo.OnCall(func(method string) {
		if method == "rollback" {
			must(t, w.Argo.Set(app(), "window", "closed"))
		}
	})
	w.Until(t.Context(), minutes(12))
	inc := wantEnd(t, w, ledger.FailedClean, "a sync window forbids it now: open the window, or set manualSync on it")
	must(t, w.Argo.Set(app(), "window", "open"))
	w.Until(t.Context(), minutes(15))
	runs(t, w, app(), "v42")
	landed(t, w, "rollback review-prod 0", "terminate review-prod")
	for _, e := range inc.Effects {
		if e.UndoneAt.IsZero() {
			t.Errorf("%s is said to stand", e.Kind)
		}
	}
	if v, err := w.Flow.Admit(t.Context(), review(), "v42"); err != nil || !v.Admitted {
		t.Errorf("v42 was never left, and is not admitted: %+v, %v", v, err)
	}
	if last, err := w.Ledger.LastRevert(t.Context(), review()); err != nil || last.To != "" {
		t.Errorf("a revert is remembered that never was: %+v, %v", last, err)
	}
}

func TestTrapAParkedRollbackThatCannotBeTerminatedIsTold(t *testing.T) {
	w := broken(t, rules{}, app())
	w.Argo.OnCall(func(method string) {
		if method == "rollback" {
			must(t, w.Argo.Set(app(), "window", "closed"))
		}
	})
	w.Argo.Fail("terminate", slicesOf(500, remedytest.Fault{Err: deploy.ErrUnavailable})...)
	w.Until(t.Context(), minutes(20))
	wantEnd(t, w, ledger.FailedDirty, "it could not be terminated: it fires when the window opens")
}

func slicesOf[T any](n int, v T) []T {
	all := make([]T, n)
	for i := range all {
		all[i] = v
	}
	return all
}

func TestTrapAClosedWindowIsSeenBeforeActing(t *testing.T) {
	w := newWorld(t, rules{})
	baked(t, w, app())
	must(t, w.Argo.Set(app(), "window", "closed"))
	fire(w)
	w.Until(t.Context(), minutes(12))
	wantEnd(t, w, ledger.FailedClean, "a sync window forbids it now (deny window)")
	landed(t, w)
}

func TestTrapABrokenHeadDoesNotStopARollback(t *testing.T) {
	w := newWorld(t, rules{})
	baked(t, w, app())
	must(t, w.Argo.Set(app(), "head", "broken"))
	fire(w)
	w.Until(t.Context(), minutes(12))
	wantEnd(t, w, ledger.Healed, "revert release v42")
}

func TestTrapARollbackThatFailsIsNotCalledHealed(t *testing.T) {
	w := newWorld(t, rules{})
	baked(t, w, app())
	must(t, w.Argo.Set(app(), "fail", "one or more objects failed to apply"))
	fire(w)
	w.Until(t.Context(), minutes(12))
	wantEnd(t, w, ledger.FailedDirty, "the rollback failed: operation Failed: one or more objects failed to apply")
}

func TestTrapAFailedRollbackIsNoSuspectOfTheNextAlert(t *testing.T) {
	w := newWorld(t, rules{limits: "cooldown: 1m"})
	baked(t, w, app())
	must(t, w.Argo.Set(app(), "fail", "webhook denied the request"))
	fire(w)
	w.Until(t.Context(), minutes(12))
	wantEnd(t, w, ledger.FailedDirty, "the rollback failed")
	fire(w)
	w.Until(t.Context(), minutes(15))
	inc := wantEnd(t, w, ledger.Healed, "revert release v42 to v41 (history id 0)")
	if len(inc.Suspects) != 1 {
		t.Errorf("suspects are %+v", inc.Suspects)
	}
}

func TestTrapARollbackToAnImageThatNeverGetsReadyIsGivenUpInTime(t *testing.T) {
	w := newWorld(t, rules{service: "    unproven: allow\n"})
	w.Argo.Ship(app(), "bad-1", "ci")
	w.Until(t.Context(), minutes(1))
	w.Metrics.Breaks["v42"] = 0.2
	w.Argo.Ship(app(), "v42", "ci")
	w.Until(t.Context(), minutes(3))
	fire(w)
	w.Until(t.Context(), minutes(8))
	wantEnd(t, w, ledger.FailedDirty, "it was not live within 2m: application is Degraded")
}

func TestTrapHistoryThatMovedOnIsNotRolledBackBlindly(t *testing.T) {
	w := broken(t, rules{mode: "suggest"}, app())
	w.Until(t.Context(), minutes(8.5))
	for i := range 10 { // ten syncs of the same release push the entry out of Argo CD's history
		w.Argo.Ship(app(), "v42", "ci")
		w.Until(t.Context(), minutes(8.5)+time.Duration(i)*5*time.Second)
	}
	must(t, w.Answer(t.Context(), latest(t, w).ID, ledger.Approval{Granted: true, By: "alice", At: w.Now()}))
	w.Until(t.Context(), minutes(15))
	if inc := latest(t, w); inc.End != ledger.FailedClean {
		t.Errorf("it ended %s: %s", inc.End, inc.Reason)
	}
	landed(t, w)
}

func TestTrapAnOwnedApplicationIsRefusedWithWhatToDo(t *testing.T) {
	for _, owner := range []string{"ApplicationSet shop", "Application root"} {
		there := remedytest.App{Name: "review-prod", Owner: owner}
		w := broken(t, rules{}, there)
		w.Until(t.Context(), minutes(12))
		wantEnd(t, w, ledger.FailedClean, "the application is made by "+owner+", which would undo the change: revert there")
		landed(t, w)
	}
}

func TestTrapAnApplicationThatIsGoneOrForbiddenEndsCleanAtOnce(t *testing.T) {
	w := broken(t, rules{}, app())
	must(t, w.Argo.Set(app(), "deny", "get"))
	w.Until(t.Context(), minutes(9))
	wantEnd(t, w, ledger.FailedClean, "Argo CD could not be read: permission denied")
}

func TestTrapAPersonsDeploymentInProgressIsLeftAlone(t *testing.T) {
	w := newWorld(t, rules{})
	baked(t, w, app())
	must(t, w.Argo.Set(app(), "hang", "on"))
	w.Argo.Ship(app(), "v43", "bob")
	w.Until(t.Context(), minutes(8)+time.Second)
	w.Receive(scenario.Alert("ManyErrors", "review", "prod", w.Now().Add(-20*time.Second), "firing"))
	w.Until(t.Context(), minutes(9))
	wantEnd(t, w, ledger.FailedClean, "bob is deploying v43 right now")
	landed(t, w)
}

func TestTrapAPersonWhoDeploysBetweenDecisionAndEffectWins(t *testing.T) {
	w := broken(t, rules{}, app())
	shipped := false
	w.Argo.OnCall(func(method string) {
		if inc := latest(t, w); method == "get" && inc.Step == ledger.StepAct && !shipped {
			shipped = true
			w.Argo.Ship(app(), "v43", "bob")
		}
	})
	w.Until(t.Context(), minutes(12))
	wantEnd(t, w, ledger.FailedClean, "bob is deploying v43 right now")
	landed(t, w)
}

// shy is an Argo CD that does not say what a sync in progress ships until it has been asked some times, as
// the real one does until it has compared.
type shy struct {
	remedy.Deployer
	silent *int
}

func (s shy) Application(ctx context.Context, ref deploy.Ref) (deploy.Application, error) {
	app, err := s.Deployer.Application(ctx, ref)
	if op := app.Operation; op.InProgress() && *s.silent > 0 {
		*s.silent--
		unknown := *op
		unknown.Revisions, unknown.Sources = nil, nil
		app.Operation = &unknown
	}
	return app, err
}

func TestTrapAPersonsSyncOfWhoKnowsIsWaitedForAndNotTerminated(t *testing.T) {
	for name, tt := range map[string]struct {
		silent int
		says   string
	}{
		"until Argo CD says what it is": {3, "bob is deploying v43 right now"},
		"and not for ever":              {1000, "bob began a sync, and Argo CD does not say yet of what"},
	} {
		t.Run(name, func(t *testing.T) {
			w := broken(t, rules{}, app())
			must(t, w.Argo.Set(app(), "hang", "on"))
			shipped, silent := false, tt.silent
			w.Flow.Deployer = shy{w.Flow.Deployer, &silent}
			w.Argo.OnCall(func(method string) {
				if inc := latest(t, w); method == "get" && inc.Step == ledger.StepAct && !shipped {
					shipped = true
					w.Argo.Ship(app(), "v43", "bob")
				}
			})
			w.Until(t.Context(), minutes(14))
			wantEnd(t, w, ledger.FailedClean, tt.says)
			landed(t, w)
		})
	}
}
