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
	w := broken(t, rules{mode: "suggest"}, app())
	w.Until(t.Context(), minutes(8)+time.Second)
	id := latest(t, w).ID
	if _, err := w.Flow.Undo(t.Context(), id, "alice", ""); !errors.Is(err, remedy.ErrCannotUndo) || !strings.Contains(err.Error(), "(step approve): reject it first") {
		t.Errorf("got %v", err)
	}
	must(t, w.Answer(t.Context(), id, ledger.Approval{Granted: true, By: "alice", At: w.Now()}))
	w.Until(t.Context(), minutes(12))
	wantEnd(t, w, ledger.Healed, "")
	_, err := w.Flow.Undo(t.Context(), id, "alice", "")
	must(t, err)
	w.Until(t.Context(), minutes(13))
	if _, err := w.Flow.Undo(t.Context(), id, "alice", ""); !errors.Is(err, remedy.ErrCannotUndo) || !strings.Contains(err.Error(), "left nothing to undo") {
		t.Errorf("a second time: %v", err)
	}
}

func TestAPersonNeedNotWaitForGatesThatNeverAnswerToUndo(t *testing.T) {
	for name, at := range map[string]time.Duration{"settling": minutes(8) + 2*time.Second, "verifying": minutes(15)} {
		t.Run(name, func(t *testing.T) {
			w := broken(t, rules{}, app())
			w.Until(t.Context(), minutes(8)+time.Second)
			w.Metrics.Down = true
			w.Until(t.Context(), at)
			id := latest(t, w).ID
			_, err := w.Flow.Undo(t.Context(), id, "alice", "")
			must(t, err)
			runs(t, w, app(), "v42")
			w.Until(t.Context(), minutes(60))
			wantEnd(t, w, ledger.StoodDown, "alice undoes it before it could be told whether it helped")
			landed(t, w, "rollback review-prod 0", "rollback review-prod 1")
		})
	}
}

func TestWhatCannotBeUndoneEndsNoIncident(t *testing.T) {
	w := broken(t, rules{}, app())
	w.Until(t.Context(), minutes(8)+5*time.Second)
	must(t, w.Argo.Set(app(), "window", "closed"))
	if _, err := w.Flow.Undo(t.Context(), latest(t, w).ID, "alice", ""); !errors.Is(err, remedy.ErrCannotUndo) || !strings.Contains(err.Error(), "a sync window forbids it now") {
		t.Errorf("got %v", err)
	}
	w.Until(t.Context(), minutes(12))
	wantEnd(t, w, ledger.Healed, "")
	landed(t, w, "rollback review-prod 0")
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
