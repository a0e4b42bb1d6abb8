package argocd_test

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/argoproj/argo-cd/v2/pkg/apis/application/v1alpha1"

	"github.com/cinegit/guardian/internal/adapter/argocd"
	"github.com/cinegit/guardian/internal/deploy"
	"github.com/cinegit/guardian/internal/deploy/deploytest"
	sandbox "github.com/cinegit/guardian/internal/sandbox/argocd"
)

func TestTheSandboxKeepsTheContract(t *testing.T) {
	deploytest.Run(t, func(t *testing.T, test func(*testing.T, deploytest.World)) {
		synctest.Test(t, func(t *testing.T) { test(t, newSandboxWorld()) })
	})
}

var accounts = map[string]sandbox.Account{
	"guardian-token": {Name: "guardian", Get: true, Sync: true, Update: true},
	"reader-token":   {Name: "readonly", Get: true},
}

// sandboxWorld is the sandbox in process, with delays short and polls often enough for any clock.
type sandboxWorld struct {
	server  *sandbox.Server
	created int
}

func newSandboxWorld() *sandboxWorld {
	return &sandboxWorld{server: sandbox.New(sandbox.Options{
		Accounts: accounts,
		Timings:  sandbox.Timings{Poll: 10 * time.Second},
	})}
}

func (w *sandboxWorld) As(role deploytest.Role) deploytest.Deployer {
	return argocd.NewWithClient(w.server.Client(string(role)+"-token"), 0)
}

func (w *sandboxWorld) Create(_ *testing.T, app deploytest.App) deploy.Ref {
	w.created++
	name := fmt.Sprintf("app-%d", w.created)
	w.server.Commit(map[string]sandbox.Manifests{name: manifests(app.First, app.Chart), "second": {Resources: []string{"ConfigMap/second"}}})
	of := sandbox.App{Ref: deploy.Ref{Name: name, Project: name}, Path: name, AutoSync: app.AutoSync}
	if app.Chart {
		of.Parameters = map[string]string{sandbox.TagParameter: app.Tag}
	}
	if app.Second {
		of.MorePaths = []string{"second"}
	}
	if app.Closed {
		w.server.CloseWindow(name, app.Manual)
	}
	w.server.Create(of)
	return deploy.Ref{Name: name}
}

func manifests(c deploytest.Content, chart bool) sandbox.Manifests {
	m := sandbox.Manifests{Resources: []string{"ConfigMap/web-config"}}
	if chart {
		m.Chart, m.Tag = "example.invalid/web", c.Tag
	} else {
		m.Images = []string{"example.invalid/web:" + c.Tag}
	}
	if c.Extra != "" {
		m.Resources = append(m.Resources, "ConfigMap/"+c.Extra)
	}
	if c.Hook {
		m.Hook = "migrate"
	}
	if c.Broken {
		m.Broken = "error converting YAML to JSON: mapping values are not allowed in this context"
	}
	return m
}

func (w *sandboxWorld) Commit(t *testing.T, ref deploy.Ref, content deploytest.Content) string {
	t.Helper()
	revision := w.server.Commit(map[string]sandbox.Manifests{ref.Name: manifests(content, false)})
	w.must(t, w.server.Refresh(ref))
	return revision
}

func (w *sandboxWorld) SetTag(t *testing.T, ref deploy.Ref, tag string) {
	t.Helper()
	w.must(t, w.server.Edit(ref, func(spec *v1alpha1.ApplicationSpec) {
		spec.Source.Helm.AddParameter(v1alpha1.HelmParameter{Name: sandbox.TagParameter, Value: tag})
	}))
}

func (w *sandboxWorld) Sync(t *testing.T, ref deploy.Ref) {
	t.Helper()
	w.must(t, w.server.Sync(ref, "somebody"))
}

func (w *sandboxWorld) CloseWindow(_ *testing.T, ref deploy.Ref) {
	w.server.CloseWindow(ref.Name, false)
}

func (w *sandboxWorld) OpenWindow(_ *testing.T, ref deploy.Ref) { w.server.OpenWindow(ref.Name) }

func (w *sandboxWorld) Image(_ deploy.Ref, tag string) string { return "example.invalid/web:" + tag }

func (w *sandboxWorld) Exists(t *testing.T, ref deploy.Ref, configMap string) bool {
	t.Helper()
	object, err := w.server.Object(ref)
	w.must(t, err)
	return slices.ContainsFunc(object.Status.Resources, func(r v1alpha1.ResourceStatus) bool {
		return r.Kind == "ConfigMap" && r.Name == configMap
	})
}

func (w *sandboxWorld) must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
