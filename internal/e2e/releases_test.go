//go:build e2e

package e2e

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/cinegit/guardian/internal/api"
	"github.com/cinegit/guardian/internal/ledger"
)

func (s *stack) target() ledger.Target { return ledger.Target{Service: s.service, Stage: stage} }

// manualSync: a bad release is reverted, healed and quarantined.
func manualSync(t *testing.T, w *world) {
	s := w.stack(t, setup{})
	s.ship(t, "v2-broken")
	inc := s.ended(t, 1, ledger.Healed).Incident
	s.reverted(t, "v1", 0, 0, 1, 2)
	s.rolledBack(t, 1)
	if len(inc.Confirmed) == 0 || len(inc.Suspects) == 0 || len(inc.Verified) == 0 {
		t.Errorf("incident lacks evidence: confirmed %v, suspects %v, verified %v", inc.Confirmed, inc.Suspects, inc.Verified)
	}
	if s.notifies && s.inbox.notified() == 0 {
		t.Error("Guardian took no notification of Argo CD's")
	}
	app, err := s.argo.get(t.Context(), s.app)
	if err != nil {
		t.Fatal(err)
	}
	admission, err := s.guardian.client.Admit(t.Context(), api.Admit{Target: s.target(), Release: app.Status.History[1].Revision})
	if err != nil || admission.Admitted {
		t.Errorf("the reverted release is admitted again: %+v, %v", admission, err)
	}
}

// autoSync: auto-sync is off after the revert, not given back while it would bring the bad release
// back, and given back for a fix.
func autoSync(t *testing.T, w *world) {
	s := w.stack(t, setup{autoSync: true})
	s.ship(t, "v2-broken")
	inc := s.ended(t, 1, ledger.Healed).Incident
	s.reverted(t, "v1", 0, 0, 1, 2)
	s.rolledBack(t, 1)
	if !did(inc, ledger.EffectAutoSync) {
		t.Errorf("auto-sync was not switched off: %+v", inc.Effects)
	}
	_, err := s.guardian.client.Release(t.Context(), api.Release{Target: s.target()})
	refused(t, err, http.StatusConflict)

	s.rollOut(t, "v3")
	s.wait(t, "Argo CD sees the fix", func(ctx context.Context) error {
		app, err := s.argo.get(ctx, s.app)
		history := app.Status.History
		if err != nil || app.Status.Sync.Revision == history[1].Revision || len(history) != 3 {
			return errors.Join(err, fmt.Errorf("it compares with %s", app.Status.Sync.Revision))
		}
		return nil
	})
	if _, err := s.guardian.client.Release(t.Context(), api.Release{Target: s.target()}); err != nil {
		t.Fatal(err)
	}
	s.waitRuns(t, "v3")
	app, err := s.argo.get(t.Context(), s.app)
	if err != nil || !strings.Contains(string(app.Spec.SyncPolicy.Automated), `"prune":true`) {
		t.Errorf("auto-sync came back as %s, want it with prune as it was (%v)", app.Spec.SyncPolicy.Automated, err)
	}
}

// helmParameter: the release shares its revision with the one before, and the spec must not bring it
// back at the next sync.
func helmParameter(t *testing.T, w *world) {
	s := w.stack(t, setup{helm: true})
	s.ship(t, "v2-broken")
	inc := s.ended(t, 1, ledger.Healed).Incident
	s.reverted(t, "v1", 0, 0, 1, 2)
	s.rolledBack(t, 1)
	if len(inc.Suspects) == 0 || inc.Suspects[0].Kind != ledger.SuspectParameter {
		t.Errorf("first suspect is %+v, want the Helm parameter", inc.Suspects)
	}
	s.argo.sync(t, s.app)
	s.waitRuns(t, "v1")
	app, err := s.argo.get(t.Context(), s.app)
	if err != nil || app.Spec.Source.Helm == nil || !slices.Equal(app.Spec.Source.Helm.Parameters, []parameter{{"image.tag", "v1"}}) {
		t.Errorf("spec.source is %+v, want image.tag=v1 pinned (%v)", app.Spec.Source, err)
	}
}

// stuckInProgress: the operation that ships the bad release never ends by itself.
func stuckInProgress(t *testing.T, w *world) {
	s := w.stack(t, setup{})
	s.branch.commit(t, "last", afterwards(s.app))
	s.rollOut(t, "v2-broken-bad")
	s.awake.Store(true)
	inc := s.ended(t, 1, ledger.Healed).Incident
	s.reverted(t, "v1", 0, 0, 1)
	s.rolledBack(t, 1)
	if !did(inc, ledger.EffectTerminate) {
		t.Errorf("the operation in progress was not terminated: %+v", inc.Effects)
	}
	if len(inc.Suspects) != 1 {
		t.Errorf("suspects are %+v, want the stuck release alone: the one under it proved good", inc.Suspects)
	}
}

// closedWindow: what a sync window forbids is refused with the reason, and nothing is left that would
// fire when the window opens.
func closedWindow(t *testing.T, w *world) {
	s := w.stack(t, setup{})
	s.rollOut(t, "v2-broken")
	s.waitRuns(t, "v2-broken")
	s.argo.closeWindow(t, s.app)
	s.awake.Store(true)
	inc := s.ended(t, 1, ledger.FailedClean).Incident
	if !strings.Contains(inc.Reason, "sync window") {
		t.Errorf("reason is %q, want it to name the sync window", inc.Reason)
	}
	s.untouched(t, "v2-broken", 0, 1)
	s.paged(t)
}

// noPingPong: a second bad release goes back to the one that proved good, not to the release before; and
// what was reverted to is not reverted in turn.
func noPingPong(t *testing.T, w *world) {
	s := w.stack(t, setup{})
	s.ship(t, "v2-broken")
	s.ended(t, 1, ledger.Healed)
	s.reverted(t, "v1", 0, 0, 1, 2)

	s.ship(t, "v3-broken")
	s.ended(t, 2, ledger.Healed)
	s.reverted(t, "v1", 0, 0, 1, 2, 3, 4)
	s.rolledBack(t, 2)

	s.ill.Store(true)
	inc := s.ended(t, 3, ledger.FailedClean).Incident
	if !strings.Contains(inc.Reason, "never reverted") {
		t.Errorf("reason is %q, want it to refuse the revert of a revert", inc.Reason)
	}
	s.reverted(t, "v1", 0, 0, 1, 2, 3, 4)
	s.rolledBack(t, 2)
}

// undo: one command puts the world back, and Guardian keeps to that decision.
func undo(t *testing.T, w *world) {
	s := w.stack(t, setup{})
	s.ship(t, "v2-broken")
	inc := s.ended(t, 1, ledger.Healed).Incident
	s.reverted(t, "v1", 0, 0, 1, 2)

	if _, err := s.guardian.client.Undo(t.Context(), inc.ID, "we need v2"); err != nil {
		t.Fatal(err)
	}
	s.reverted(t, "v2-broken", 1, 0, 1, 2, 3)
	again := s.ended(t, 2, ledger.FailedClean).Incident
	s.reverted(t, "v2-broken", 1, 0, 1, 2, 3)
	s.rolledBack(t, 2) // Guardian's and the undo's
	if again.Acted() {
		t.Errorf("Guardian acted against a person's decision: %+v", again.Effects)
	}
	_, err := s.guardian.client.Undo(t.Context(), inc.ID, "again")
	refused(t, err, http.StatusConflict)
}
