package deploytest

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/cinegit/guardian/internal/deploy"
)

func autoSync(t *testing.T, w World) {
	d := w.As(Guardian)
	ref := w.Create(t, App{First: Content{Tag: "v1"}, AutoSync: true})
	synced(t, w, ref, 0, "v1")
	w.Commit(t, ref, Content{Tag: "v2"})
	before := synced(t, w, ref, 1, "v2")
	if live, _ := before.Live(); before.AutoSync == nil || !live.Automated || !before.Operation.Automated {
		t.Errorf("auto-sync does not show: %s %+v", before.AutoSync, before.Operation)
	}
	if err := d.Rollback(t.Context(), ref, 0, false); !errors.Is(err, deploy.ErrAutoSync) {
		t.Fatalf("error is %v", err)
	}
	patch(t, d, ref, `{"spec":{"syncPolicy":{"automated":null}}}`)
	after := rollBack(t, w, before, 0, "v1")
	if after.AutoSync != nil {
		t.Errorf("auto-sync is %s", after.AutoSync)
	}
	patch(t, d, ref, fmt.Sprintf(`{"spec":{"syncPolicy":{"automated":%s}}}`, before.AutoSync))
	again := synced(t, w, ref, 3, "v2")
	if live, _ := again.Live(); live.Identity() != entry(t, again, 1).Identity() || !live.Automated {
		t.Errorf("auto-sync did not go to head: %s", describe(again))
	}
}

func stuckRelease(t *testing.T, w World) {
	d := w.As(Guardian)
	ref, _ := released(t, w, App{}, "v1")
	w.Commit(t, ref, Content{Tag: "v2", Hook: true})
	w.Sync(t, ref)
	await(t, d, ref, "the hook", func(a deploy.Application) bool {
		return a.Operation.InProgress() && strings.Contains(a.Operation.Message, "hook")
	})
	if err := d.Rollback(t.Context(), ref, 0, false); !errors.Is(err, deploy.ErrBusy) {
		t.Fatalf("error is %v", err)
	}
	before := terminated(t, d, ref)
	rollBack(t, w, before, 0, "v1")
}

func terminateNothing(t *testing.T, w World) {
	ref, _ := released(t, w, App{}, "v1")
	if err := w.As(Guardian).Terminate(t.Context(), ref); err != nil {
		t.Error(err)
	}
}

func helmParameter(t *testing.T, w World) {
	ref, _ := released(t, w, App{Chart: true, Tag: "v1"}, "v1")
	w.SetTag(t, ref, "v2")
	w.Sync(t, ref)
	before := synced(t, w, ref, 1, "v2")
	first, second := entry(t, before, 0), entry(t, before, 1)
	if first.Revisions[0] != second.Revisions[0] || first.Identity() == second.Identity() {
		t.Errorf("entries are %+v and %+v", first, second)
	}
	if first.Label() != "image.tag=v1" {
		t.Errorf("label is %s", first.Label())
	}
	after := rollBack(t, w, before, 0, "v1")
	if !deploy.SameSources(after.Sources, second.Sources) {
		t.Errorf("the spec changed to %s", after.Sources)
	}
}

func helmParameterLasts(t *testing.T, w World) {
	ref, _ := released(t, w, App{Chart: true, Tag: "v1"}, "v1")
	w.SetTag(t, ref, "v2")
	w.Sync(t, ref)
	before := synced(t, w, ref, 1, "v2")
	first := entry(t, before, 0)
	rollBack(t, w, before, 0, "v1")
	patch(t, w.As(Guardian), ref, fmt.Sprintf(`{"spec":{"source":%s}}`, first.Sources))
	app := await(t, w.As(Guardian), ref, "Synced", func(a deploy.Application) bool { return a.SyncStatus == "Synced" })
	if !deploy.SameSources(app.Sources, first.Sources) {
		t.Errorf("spec is %s", app.Sources)
	}
	w.Sync(t, ref)
	if again := synced(t, w, ref, 3, "v1"); entry(t, again, 3).Identity() != first.Identity() {
		t.Errorf("the next sync went elsewhere: %s", describe(again))
	}
}

func reader(t *testing.T, w World) {
	ref, _ := released(t, w, App{}, "v1")
	d := w.As(Reader)
	if _, err := d.Application(t.Context(), ref); err != nil {
		t.Errorf("look: %v", err)
	}
	for what, err := range map[string]error{
		"rollback":  d.Rollback(t.Context(), ref, 0, false),
		"terminate": d.Terminate(t.Context(), ref),
		"patch":     d.Patch(t.Context(), ref, []byte(`{"spec":{"syncPolicy":{"automated":null}}}`)),
	} {
		if !errors.Is(err, deploy.ErrDenied) {
			t.Errorf("%s: error is %v", what, err)
		}
	}
}

func stranger(t *testing.T, w World) {
	ref := w.Create(t, App{First: Content{Tag: "v1"}})
	if _, err := w.As(Stranger).Application(t.Context(), ref); !errors.Is(err, deploy.ErrUnauthenticated) {
		t.Errorf("error is %v", err)
	}
}

func unknownApplication(t *testing.T, w World) {
	known := look(t, w.As(Guardian), w.Create(t, App{First: Content{Tag: "v1"}})).Ref
	unknown := deploy.Ref{Name: known.Name + "-not"}
	_, err := w.As(Guardian).Application(t.Context(), unknown)
	if !errors.Is(err, deploy.ErrDenied) {
		t.Errorf("without project: error is %v", err)
	}
	unknown.Project = known.Project
	_, err = w.As(Guardian).Application(t.Context(), unknown)
	if !errors.Is(err, deploy.ErrNotFound) {
		t.Errorf("with project: error is %v", err)
	}
}

func patch(t *testing.T, d Deployer, ref deploy.Ref, merge string) {
	t.Helper()
	if err := d.Patch(t.Context(), ref, []byte(merge)); err != nil {
		t.Fatal(err)
	}
}

// terminated ends the operation in progress and waits until it is over.
func terminated(t *testing.T, d Deployer, ref deploy.Ref) deploy.Application {
	t.Helper()
	if err := d.Terminate(t.Context(), ref); err != nil {
		t.Fatal(err)
	}
	over := await(t, d, ref, "the operation's end", func(a deploy.Application) bool { return !a.Operation.InProgress() })
	if over.Operation.Phase != deploy.PhaseFailed {
		t.Errorf("a terminated operation is %+v", over.Operation)
	}
	return over
}
