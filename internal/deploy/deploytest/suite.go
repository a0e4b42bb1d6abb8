package deploytest

import "testing"

// Run holds a World to the contract. in runs one test in a fresh World or in one that is shared; it
// may do so in a bubble of virtual time.
func Run(t *testing.T, in func(t *testing.T, test func(t *testing.T, w World))) {
	for _, c := range []struct {
		name string
		test func(*testing.T, World)
	}{
		{"an application that was never synced has nothing to show", neverSynced},
		{"a rollback runs the old release and leaves the spec alone", rollbackRuns},
		{"a rollback appends to the history under the content's name", rollbackAppends},
		{"a rollback is told from a sync by its operation", rollbackShows},
		{"an unknown history entry is gone", unknownEntry},
		{"auto-sync refuses a rollback until it is off, and then again re-syncs to head", autoSync},
		{"a release stuck in progress refuses a rollback until it is terminated", stuckRelease},
		{"terminating nothing is no error", terminateNothing},
		{"releases by Helm parameter share a revision and not an identity", helmParameter},
		{"a patched source makes a rolled back Helm parameter last", helmParameterLasts},
		{"a bad image turns Degraded and a rollback heals it", badImage},
		{"a rollback keeps what the newer release added unless it prunes", prune},
		{"a rollback works while git's head is broken", brokenHead},
		{"several sources are rolled back together", severalSources},
		{"a parked rollback that is terminated stays in progress until the window opens, and never fires", parkedRollback},
		{"a parked rollback fires when the window opens", parkedRollbackFires},
		{"a window for people lets a rollback through", manualWindow},
		{"a reader may look and not touch", reader},
		{"a stranger is not let in", stranger},
		{"an unknown application is denied, or not found where the project is known", unknownApplication},
	} {
		t.Run(c.name, func(t *testing.T) { in(t, c.test) })
	}
}
