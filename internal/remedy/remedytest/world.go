package remedytest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/cinegit/guardian/internal/deploy"
	"github.com/cinegit/guardian/internal/deploy/deploytest"
)

// world is the contract suite's world on the Argo CD in memory.
type world struct {
	*ArgoCD
	apps    map[string]App
	commits int
}

// NewWorld gives the contract suite an Argo CD in memory.
func NewWorld() deploytest.World {
	return &world{New(time.Now), map[string]App{}, 0}
}

func (w *world) As(role deploytest.Role) deploytest.Deployer {
	switch role {
	case deploytest.Reader:
		return token{w, "sync,update", nil}
	case deploytest.Stranger:
		return token{w, "", deploy.ErrUnauthenticated}
	}
	return token{w, "", nil}
}

func (w *world) Create(t *testing.T, a deploytest.App) deploy.Ref {
	t.Helper()
	app := App{Name: fmt.Sprintf("app-%d", len(w.apps)), AutoSync: a.AutoSync, Helm: a.Chart, MultiFrom: a.Second}
	w.ArgoCD.Create(app)
	w.apps[app.Name] = app
	if a.Closed {
		w.set(t, app, "window", map[bool]string{true: "manual", false: "closed"}[a.Manual])
	}
	ref := deploy.Ref{Name: app.Name, Project: "default"}
	w.Commit(t, ref, a.First)
	return ref
}

func (w *world) set(t *testing.T, app App, what, value string) {
	t.Helper()
	if err := w.Set(app, what, value); err != nil {
		t.Fatal(err)
	}
}

func (w *world) Commit(t *testing.T, ref deploy.Ref, c deploytest.Content) string {
	t.Helper()
	app := w.apps[ref.Name]
	w.set(t, app, "hang", map[bool]string{true: "on"}[c.Hook])
	w.set(t, app, "head", map[bool]string{true: "broken"}[c.Broken])
	w.commits++
	revision := fmt.Sprintf("%040x", w.commits)
	configMaps := []string{"second"}
	if c.Extra != "" {
		configMaps = append(configMaps, c.Extra)
	}
	w.ArgoCD.Commit(app, revision, c.Tag, configMaps...)
	return revision
}

func (w *world) SetTag(t *testing.T, ref deploy.Ref, tag string) {
	t.Helper()
	w.ArgoCD.Commit(w.apps[ref.Name], "", tag)
}

func (w *world) Sync(t *testing.T, ref deploy.Ref) {
	t.Helper()
	w.ArgoCD.Sync(w.apps[ref.Name], "alice")
}

func (w *world) CloseWindow(t *testing.T, ref deploy.Ref) {
	t.Helper()
	w.set(t, w.apps[ref.Name], "window", "closed")
}

func (w *world) OpenWindow(t *testing.T, ref deploy.Ref) {
	t.Helper()
	w.set(t, w.apps[ref.Name], "window", "open")
}

func (w *world) Image(ref deploy.Ref, tag string) string {
	return Image(w.apps[ref.Name], tag)
}

func (w *world) Exists(t *testing.T, ref deploy.Ref, configMap string) bool {
	t.Helper()
	return w.ArgoCD.Exists(w.apps[ref.Name], configMap)
}

// token is Argo CD as one token sees it: without some rights, or not at all.
type token struct {
	w      *world
	denied string
	err    error
}

func (k token) with(ref deploy.Ref, method string, do func() error) error {
	if app, known := k.w.apps[ref.Name]; known {
		if err := k.w.Set(app, "deny", k.denied); err != nil {
			return err
		}
		defer func() { _ = k.w.Set(app, "deny", "") }()
	}
	if k.err != nil {
		k.w.Fail(method, Fault{Err: k.err})
	}
	return do()
}

func (k token) Application(ctx context.Context, ref deploy.Ref) (app deploy.Application, err error) {
	err = k.with(ref, "get", func() error { app, err = k.w.Application(ctx, ref); return err })
	return app, err
}

func (k token) SyncAllowed(ctx context.Context, ref deploy.Ref) (allowed bool, why string, err error) {
	err = k.with(ref, "windows", func() error { allowed, why, err = k.w.SyncAllowed(ctx, ref); return err })
	return allowed, why, err
}

func (k token) Rollback(ctx context.Context, ref deploy.Ref, id int64, prune bool) error {
	return k.with(ref, "rollback", func() error { return k.w.Rollback(ctx, ref, id, prune) })
}

func (k token) Terminate(ctx context.Context, ref deploy.Ref) error {
	return k.with(ref, "terminate", func() error { return k.w.Terminate(ctx, ref) })
}

func (k token) Patch(ctx context.Context, ref deploy.Ref, mergePatch []byte) error {
	return k.with(ref, "patch", func() error { return k.w.Patch(ctx, ref, mergePatch) })
}
