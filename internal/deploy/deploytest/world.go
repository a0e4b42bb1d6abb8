// Package deploytest is one contract suite for whatever claims to be Argo CD behind Guardian's port:
// the adapter on the sandbox in virtual time, and the adapter on a real Argo CD.
package deploytest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cinegit/guardian/internal/deploy"
)

// Deployer is remedy.Deployer, written once more so that the suite needs no flow.
type Deployer interface {
	Application(ctx context.Context, ref deploy.Ref) (deploy.Application, error)
	SyncAllowed(ctx context.Context, ref deploy.Ref) (allowed bool, why string, err error)
	Rollback(ctx context.Context, ref deploy.Ref, id int64, prune bool) error
	Terminate(ctx context.Context, ref deploy.Ref) error
	Patch(ctx context.Context, ref deploy.Ref, mergePatch []byte) error
}

// Role is what a token allows.
type Role string

// The roles that a World has tokens for.
const (
	Guardian Role = "guardian" // get, sync and update
	Reader   Role = "reader"   // get
	Stranger Role = "stranger" // a token that Argo CD did not issue
)

// Content is what an application's folder deploys.
type Content struct {
	Tag    string // of its image; one that contains "bad" never becomes ready
	Extra  string // name of one more ConfigMap
	Hook   bool   // a PreSync Job that does not end
	Broken bool   // cannot be parsed
}

// App says which application to create.
type App struct {
	First    Content
	Chart    bool   // a Helm chart with parameter image.tag
	Tag      string // the parameter's value, in the application's spec
	Second   bool   // a second source, with a ConfigMap
	AutoSync bool
	Closed   bool // in a project whose sync window is closed
	Manual   bool // that window lets operations through that a person starts
}

// World is an Argo CD with a git repository and a cluster, in which the suite does as it likes. Its
// methods are what people do; they fail the test where they cannot.
type World interface {
	// As gives the port with a role's token.
	As(role Role) Deployer
	// Create adds an application that was never synced. Its name and folder are not taken.
	Create(t *testing.T, app App) deploy.Ref
	// Commit changes the application's folder and lets Argo CD look at it.
	Commit(t *testing.T, ref deploy.Ref, content Content) (revision string)
	// SetTag changes parameter image.tag in the application's spec.
	SetTag(t *testing.T, ref deploy.Ref, tag string)
	// Sync asks for git's head.
	Sync(t *testing.T, ref deploy.Ref)
	// CloseWindow and OpenWindow change the window of the application's project.
	CloseWindow(t *testing.T, ref deploy.Ref)
	OpenWindow(t *testing.T, ref deploy.Ref)
	// Image gives the full name of the image that a tag stands for in this application.
	Image(ref deploy.Ref, tag string) string
	// Exists tells whether the application's ConfigMap of this name is in the cluster.
	Exists(t *testing.T, ref deploy.Ref, configMap string) bool
}

const (
	patience = 90 * time.Second // a real Argo CD polls git every 10 s and gives up on a roll-out after 8 s
	glance   = 20 * time.Millisecond
)

// await looks at the application until the condition holds.
func await(t *testing.T, d Deployer, ref deploy.Ref, what string, holds func(deploy.Application) bool) deploy.Application {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for {
		app := look(t, d, ref)
		if holds(app) {
			return app
		}
		select {
		case <-ctx.Done():
			t.Fatalf("%s: waited in vain for %s: %s", ref, what, describe(app))
		case <-time.After(glance):
		}
	}
}

func look(t *testing.T, d Deployer, ref deploy.Ref) deploy.Application {
	t.Helper()
	app, err := d.Application(t.Context(), ref)
	if err != nil {
		t.Fatal(err)
	}
	return app
}

// synced waits until the application has entry id in its history and is Healthy on the tag.
func synced(t *testing.T, w World, ref deploy.Ref, id int64, tag string) deploy.Application {
	t.Helper()
	want := []string{w.Image(ref, tag)}
	return await(t, w.As(Guardian), ref, fmt.Sprintf("entry %d Healthy on %v", id, want), func(a deploy.Application) bool {
		live, ok := a.Live()
		return ok && live.ID == id && !a.Operation.InProgress() && a.Health == "Healthy" && slices.Equal(a.Images, want)
	})
}

// released creates an application and syncs it through the tags, one commit each.
func released(t *testing.T, w World, app App, tags ...string) (deploy.Ref, deploy.Application) {
	t.Helper()
	app.First.Tag = tags[0]
	ref := w.Create(t, app)
	var now deploy.Application
	for i, tag := range tags {
		if i > 0 {
			w.Commit(t, ref, Content{Tag: tag})
		}
		w.Sync(t, ref)
		now = synced(t, w, ref, int64(i), tag)
	}
	return ref, now
}

// rollBack goes back to an entry and waits until that is live. At no moment may deploy.Settled say
// so while other images run.
func rollBack(t *testing.T, w World, before deploy.Application, id int64, tag string) deploy.Application {
	t.Helper()
	d, ref := w.As(Guardian), before.Ref
	if err := d.Rollback(t.Context(), ref, id, false); err != nil {
		t.Fatal(err)
	}
	return settle(t, w, before, entry(t, before, id), tag)
}

func settle(t *testing.T, w World, before deploy.Application, to deploy.Entry, tag string) deploy.Application {
	t.Helper()
	ref, mark, want := before.Ref, deploy.MarkOf(before), []string{w.Image(before.Ref, tag)}
	return await(t, w.As(Guardian), ref, "the rollback to "+tag, func(a deploy.Application) bool {
		if blind := deploy.Settled(a, mark, to, nil); blind.Done && !slices.Equal(a.Images, want) {
			t.Fatalf("settled too early (%s): %s", blind.Reason, describe(a))
		}
		now := deploy.Settled(a, mark, to, want)
		if now.Failed {
			t.Fatalf("rollback failed: %s: %s", now.Reason, describe(a))
		}
		return now.Done
	})
}

func entry(t *testing.T, a deploy.Application, id int64) deploy.Entry {
	t.Helper()
	i := slices.IndexFunc(a.History, func(e deploy.Entry) bool { return e.ID == id })
	if i < 0 {
		t.Fatalf("no history entry %d: %s", id, describe(a))
	}
	return a.History[i]
}

func describe(a deploy.Application) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s, images %v, head %v, reconciled %s", a.SyncStatus, a.Health, a.Images, a.Head, a.ReconciledAt.Format(time.TimeOnly))
	if op := a.Operation; op != nil {
		fmt.Fprintf(&b, ", operation %s %q to %v, finished %s", op.Phase, op.Message, op.Revisions, op.FinishedAt.Format(time.TimeOnly))
	}
	for _, e := range a.History {
		fmt.Fprintf(&b, ", %d:%s", e.ID, e.Identity())
	}
	return b.String()
}
