package deploytest

import (
	"errors"
	"slices"
	"testing"

	"github.com/cinegit/guardian/internal/deploy"
)

func neverSynced(t *testing.T, w World) {
	ref := w.Create(t, App{First: Content{Tag: "v1"}})
	app := await(t, w.As(Guardian), ref, "a first look", func(a deploy.Application) bool { return !a.ReconciledAt.IsZero() })
	if _, ok := app.Live(); ok || app.Health != "Missing" || app.SyncStatus != "OutOfSync" || app.Operation != nil {
		t.Errorf("application is %s", describe(app))
	}
	if app.Ref.Project == "" {
		t.Error("the project is not filled in")
	}
}

func rollbackRuns(t *testing.T, w World) {
	_, before := released(t, w, App{}, "v1", "v2")
	after := rollBack(t, w, before, 0, "v1")
	if !deploy.SameSources(before.Sources, after.Sources) || !slices.Equal(before.Head, after.Head) {
		t.Errorf("the spec or the head changed: %s", describe(after))
	}
	out := await(t, w.As(Guardian), before.Ref, "OutOfSync", func(a deploy.Application) bool { return a.SyncStatus == "OutOfSync" })
	if live, _ := out.Live(); slices.Equal(live.Revisions, out.Head) {
		t.Errorf("what runs is taken for git's head: %s", describe(out))
	}
}

func rollbackAppends(t *testing.T, w World) {
	_, before := released(t, w, App{}, "v1", "v2")
	after := rollBack(t, w, before, 0, "v1")
	live, _ := after.Live()
	if live.ID != 2 || len(after.History) != 3 {
		t.Fatalf("history is not 0, 1, 2: %s", describe(after))
	}
	if first := entry(t, after, 0); live.Identity() != first.Identity() || live.Identity() == entry(t, after, 1).Identity() {
		t.Errorf("entry 2 does not have the content of 0: %s", describe(after))
	}
	if live.DeployedAt.IsZero() || live.StartedAt.IsZero() || live.InitiatedBy == "" || live.Automated {
		t.Errorf("entry lacks who and when: %+v", live)
	}
}

func rollbackShows(t *testing.T, w World) {
	_, before := released(t, w, App{}, "v1", "v2")
	if op := before.Operation; op.Rollback || op.DryRun || op.Automated || op.Phase != deploy.PhaseSucceeded {
		t.Errorf("a sync reads as %+v", op)
	}
	after := rollBack(t, w, before, 0, "v1")
	first, op := entry(t, after, 0), after.Operation
	if !op.Rollback || op.Automated || op.InitiatedBy == "" || op.StartedAt.IsZero() || op.FinishedAt.IsZero() {
		t.Errorf("a rollback reads as %+v", op)
	}
	if deploy.Identity(op.Sources, op.Revisions) != first.Identity() {
		t.Errorf("operation's content is not that of entry 0: %s %v", op.Sources, op.Revisions)
	}
}

func unknownEntry(t *testing.T, w World) {
	ref, _ := released(t, w, App{}, "v1")
	if err := w.As(Guardian).Rollback(t.Context(), ref, 99, false); !errors.Is(err, deploy.ErrGone) {
		t.Errorf("error is %v", err)
	}
}

func badImage(t *testing.T, w World) {
	ref, _ := released(t, w, App{}, "v1")
	w.Commit(t, ref, Content{Tag: "v2-bad"})
	w.Sync(t, ref)
	before := await(t, w.As(Guardian), ref, "Degraded", func(a deploy.Application) bool { return a.Health == "Degraded" })
	if live, _ := before.Live(); live.ID != 1 || !slices.Contains(before.Images, w.Image(ref, "v2-bad")) {
		t.Errorf("degraded application is %s", describe(before))
	}
	rollBack(t, w, before, 0, "v1")
}

func prune(t *testing.T, w World) {
	ref, _ := released(t, w, App{}, "v1")
	w.Commit(t, ref, Content{Tag: "v2", Extra: "addition"})
	w.Sync(t, ref)
	before := synced(t, w, ref, 1, "v2")
	before = rollBack(t, w, before, 0, "v1")
	if !w.Exists(t, ref, "addition") {
		t.Error("a rollback without prune removed what the newer release added")
	}
	if err := w.As(Guardian).Rollback(t.Context(), ref, 0, true); err != nil {
		t.Fatal(err)
	}
	settle(t, w, before, entry(t, before, 0), "v1")
	await(t, w.As(Guardian), ref, "the addition to be pruned", func(deploy.Application) bool {
		return !w.Exists(t, ref, "addition")
	})
}

func brokenHead(t *testing.T, w World) {
	ref, _ := released(t, w, App{}, "v1", "v2")
	w.Commit(t, ref, Content{Tag: "v3", Broken: true})
	w.Sync(t, ref)
	before := await(t, w.As(Guardian), ref, "the sync to fail", func(a deploy.Application) bool {
		return !a.Operation.InProgress() && a.Operation.Phase != deploy.PhaseSucceeded
	})
	if live, _ := before.Live(); live.ID != 1 || before.Operation.Rollback {
		t.Errorf("a failed sync left its mark: %s", describe(before))
	}
	rollBack(t, w, before, 0, "v1")
}

func severalSources(t *testing.T, w World) {
	ref, before := released(t, w, App{Second: true}, "v1", "v2")
	if before.Operation.Rollback {
		t.Errorf("a sync of several sources reads as a rollback")
	}
	after := rollBack(t, w, before, 0, "v1")
	if live, _ := after.Live(); len(live.Revisions) != 2 || live.Identity() != entry(t, after, 0).Identity() {
		t.Errorf("history is %s", describe(after))
	}
	if !after.Operation.Rollback || !w.Exists(t, ref, "second") {
		t.Errorf("operation is %+v", after.Operation)
	}
}
