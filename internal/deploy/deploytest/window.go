package deploytest

import (
	"errors"
	"testing"

	"github.com/cinegit/guardian/internal/deploy"
)

// parked asks for a rollback while the window is closed.
func parked(t *testing.T, w World) (before deploy.Application) {
	t.Helper()
	d := w.As(Guardian)
	ref, before := released(t, w, App{}, "v1", "v2")
	w.CloseWindow(t, ref)
	if allowed, why, err := d.SyncAllowed(t.Context(), ref); err != nil || allowed || why == "" {
		t.Errorf("closed window: allowed %t (%s), error %v", allowed, why, err)
	}
	if err := d.Rollback(t.Context(), ref, 0, false); err != nil {
		t.Fatal(err)
	}
	mark, to := deploy.MarkOf(before), entry(t, before, 0)
	await(t, d, ref, "the window to hold it back", func(a deploy.Application) bool {
		return deploy.Settled(a, mark, to, nil).Blocked
	})
	return before
}

func parkedRollback(t *testing.T, w World) {
	ref, d := parked(t, w).Ref, w.As(Guardian)
	if err := d.Terminate(t.Context(), ref); err != nil {
		t.Fatal(err)
	}
	await(t, d, ref, "Terminating", func(a deploy.Application) bool { return a.Operation.Phase == deploy.PhaseTerminating })
	if err := d.Rollback(t.Context(), ref, 0, false); !errors.Is(err, deploy.ErrBusy) {
		t.Errorf("while it is terminated: error is %v", err)
	}
	w.OpenWindow(t, ref)
	over := await(t, d, ref, "the operation's end", func(a deploy.Application) bool { return !a.Operation.InProgress() })
	if over.Operation.Phase != deploy.PhaseFailed || len(over.History) != 2 {
		t.Errorf("the terminated rollback fired all the same: %s", describe(over))
	}
	if allowed, why, err := w.As(Guardian).SyncAllowed(t.Context(), ref); err != nil || !allowed {
		t.Errorf("open window: allowed %t (%s), error %v", allowed, why, err)
	}
	w.Sync(t, ref)
	synced(t, w, ref, 2, "v2")
}

func parkedRollbackFires(t *testing.T, w World) {
	before := parked(t, w)
	w.OpenWindow(t, before.Ref)
	settle(t, w, before, entry(t, before, 0), "v1")
}

func manualWindow(t *testing.T, w World) {
	ref, before := released(t, w, App{Closed: true, Manual: true}, "v1", "v2")
	if allowed, why, err := w.As(Guardian).SyncAllowed(t.Context(), ref); err != nil || !allowed {
		t.Errorf("allowed %t (%s), error %v", allowed, why, err)
	}
	rollBack(t, w, before, 0, "v1")
}
