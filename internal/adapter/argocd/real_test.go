package argocd_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/argoproj/argo-cd/v2/pkg/apiclient"
	"github.com/argoproj/argo-cd/v2/pkg/apiclient/application"
	"github.com/argoproj/argo-cd/v2/pkg/apiclient/project"
	"github.com/argoproj/argo-cd/v2/pkg/apis/application/v1alpha1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/cinegit/guardian/internal/adapter/argocd"
	"github.com/cinegit/guardian/internal/deploy"
	"github.com/cinegit/guardian/internal/deploy/deploytest"
)

func TestARealArgoCDKeepsTheContract(t *testing.T) {
	w := newRealWorld(t, false)
	deploytest.Run(t, func(t *testing.T, test func(*testing.T, deploytest.World)) { test(t, w) })
}

func TestARealArgoCDAnswersOverGRPCWeb(t *testing.T) {
	w := newRealWorld(t, true)
	ref := w.Create(t, deploytest.App{First: deploytest.Content{Tag: "v1"}})
	d := w.As(deploytest.Guardian)
	if app, err := d.Application(t.Context(), ref); err != nil || app.Ref.Project != ref.Name {
		t.Errorf("application is %+v, error %v", app, err)
	}
	if _, err := w.As(deploytest.Stranger).Application(t.Context(), ref); err == nil {
		t.Error("a stranger was let in")
	}
	if version, err := d.(*argocd.Client).Probe(t.Context()); err != nil || !strings.HasPrefix(version, "v") {
		t.Errorf("version is %q, error %v", version, err)
	}
}

// setting reads one of the variables that say where the real Argo CD is.
func setting(t *testing.T, name string) string {
	t.Helper()
	value := os.Getenv(name)
	if value == "" {
		t.Skipf("no real Argo CD to test on: %s is not set; it also needs ARGOCD_SERVER, ARGOCD_AUTH_TOKEN, ARGOCD_READONLY_TOKEN, ARGOCD_ADMIN_TOKEN, GIT_URL, GIT_FILE_URL and KUBECONFIG", name)
	}
	return value
}

// realWorld is a real Argo CD. Each application has a project, a folder and a namespace of its name.
type realWorld struct {
	roles    map[deploytest.Role]*argocd.Client
	apps     application.ApplicationServiceClient // an administrator's
	projects project.ProjectServiceClient
	repo     string // as Argo CD names it
	clone    string // a work tree to push from
	prefix   string
	created  int
}

func newRealWorld(t *testing.T, grpcWeb bool) *realWorld {
	t.Helper()
	server, repo, origin := setting(t, "ARGOCD_SERVER"), setting(t, "GIT_URL"), setting(t, "GIT_FILE_URL")
	setting(t, "KUBECONFIG")
	w := &realWorld{
		roles: map[deploytest.Role]*argocd.Client{}, repo: repo,
		clone: t.TempDir(), prefix: "contract-" + strconv.FormatInt(time.Now().UnixMilli(), 36),
	}
	for role, token := range map[deploytest.Role]string{
		deploytest.Guardian: setting(t, "ARGOCD_AUTH_TOKEN"),
		deploytest.Reader:   setting(t, "ARGOCD_READONLY_TOKEN"),
		deploytest.Stranger: "not-a-token",
	} {
		w.roles[role] = newClient(t, argocd.Config{Server: server, Insecure: true, GRPCWeb: grpcWeb, Token: constant(token)})
	}
	admin, err := apiclient.NewClient(&apiclient.ClientOptions{ServerAddr: server, Insecure: true, AuthToken: setting(t, "ARGOCD_ADMIN_TOKEN")})
	must(t, err)
	conn, apps, err := admin.NewApplicationClient()
	must(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	projectConn, projects, err := admin.NewProjectClient()
	must(t, err)
	t.Cleanup(func() { _ = projectConn.Close() })
	w.apps, w.projects = apps, projects
	run(t, w.clone, "git", "clone", "-q", origin, ".")
	return w
}

func (w *realWorld) As(role deploytest.Role) deploytest.Deployer { return w.roles[role] }

func (w *realWorld) Create(t *testing.T, app deploytest.App) deploy.Ref {
	t.Helper()
	w.created++
	name := fmt.Sprintf("%s-%d", w.prefix, w.created)
	w.write(t, name+"-second", map[string]string{"second.yaml": configMap("second", "x")})
	w.push(t, name, app.First, app.Chart)
	w.saveProject(t, name, window(app.Closed, app.Manual))
	object := w.object(name, app)
	t.Cleanup(func() { w.remove(name) })
	_, err := w.apps.Create(t.Context(), &application.ApplicationCreateRequest{Application: object})
	must(t, err)
	return deploy.Ref{Name: name}
}

func (w *realWorld) object(name string, app deploytest.App) *v1alpha1.Application {
	source := v1alpha1.ApplicationSource{RepoURL: w.repo, Path: name, TargetRevision: "main"}
	if app.Chart {
		source.Helm = &v1alpha1.ApplicationSourceHelm{Parameters: []v1alpha1.HelmParameter{{Name: "image.tag", Value: app.Tag}}}
	}
	spec := v1alpha1.ApplicationSpec{
		Project:     name,
		Destination: v1alpha1.ApplicationDestination{Server: "https://kubernetes.default.svc", Namespace: name},
		Source:      &source,
		SyncPolicy:  &v1alpha1.SyncPolicy{SyncOptions: v1alpha1.SyncOptions{"CreateNamespace=true"}},
	}
	if app.Second {
		second := v1alpha1.ApplicationSource{RepoURL: w.repo, Path: name + "-second", TargetRevision: "main"}
		spec.Source, spec.Sources = nil, v1alpha1.ApplicationSources{source, second}
	}
	if app.AutoSync {
		spec.SyncPolicy.Automated = &v1alpha1.SyncPolicyAutomated{}
	}
	return &v1alpha1.Application{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: spec}
}

// remove takes an application and its project away; its empty namespace stays. An application
// outlives its operation, and that a closed window.
func (w *realWorld) remove(name string) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	cascade := true
	_, _ = w.projects.Create(ctx, &project.ProjectCreateRequest{Upsert: true, Project: projectOf(name, nil)})
	_, _ = w.apps.TerminateOperation(ctx, &application.OperationTerminateRequest{Name: &name})
	_, _ = w.apps.Delete(ctx, &application.ApplicationDeleteRequest{Name: &name, Cascade: &cascade})
	for ctx.Err() == nil {
		if _, err := w.projects.Delete(ctx, &project.ProjectQuery{Name: name}); err == nil {
			return
		}
		select {
		case <-ctx.Done():
		case <-time.After(200 * time.Millisecond):
		}
	}
}

func (w *realWorld) Commit(t *testing.T, ref deploy.Ref, content deploytest.Content) string {
	t.Helper()
	revision := w.push(t, ref.Name, content, false)
	hard := string(v1alpha1.RefreshTypeHard)
	_, err := w.apps.Get(t.Context(), &application.ApplicationQuery{Name: &ref.Name, Refresh: &hard})
	must(t, err)
	return revision
}

func (w *realWorld) SetTag(t *testing.T, ref deploy.Ref, tag string) {
	t.Helper()
	patch, kind := fmt.Sprintf(`{"spec":{"source":{"helm":{"parameters":[{"name":"image.tag","value":%q}]}}}}`, tag), "merge"
	_, err := w.apps.Patch(t.Context(), &application.ApplicationPatchRequest{Name: &ref.Name, Patch: &patch, PatchType: &kind})
	must(t, err)
}

func (w *realWorld) Sync(t *testing.T, ref deploy.Ref) {
	t.Helper()
	_, err := w.apps.Sync(t.Context(), &application.ApplicationSyncRequest{Name: &ref.Name})
	must(t, err)
}

func (w *realWorld) CloseWindow(t *testing.T, ref deploy.Ref) {
	t.Helper()
	w.saveProject(t, ref.Name, window(true, false))
}

func (w *realWorld) OpenWindow(t *testing.T, ref deploy.Ref) {
	t.Helper()
	w.saveProject(t, ref.Name, nil)
}

func window(closed, manual bool) v1alpha1.SyncWindows {
	if !closed {
		return nil
	}
	return v1alpha1.SyncWindows{{Kind: "deny", Schedule: "* * * * *", Duration: "1h", Applications: []string{"*"}, ManualSync: manual}}
}

func (w *realWorld) saveProject(t *testing.T, name string, windows v1alpha1.SyncWindows) {
	t.Helper()
	_, err := w.projects.Create(t.Context(), &project.ProjectCreateRequest{Upsert: true, Project: projectOf(name, windows)})
	must(t, err)
}

func projectOf(name string, windows v1alpha1.SyncWindows) *v1alpha1.AppProject {
	return &v1alpha1.AppProject{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: v1alpha1.AppProjectSpec{
			SourceRepos:              []string{"*"},
			Destinations:             []v1alpha1.ApplicationDestination{{Server: "*", Namespace: "*"}},
			ClusterResourceWhitelist: []metav1.GroupKind{{Group: "*", Kind: "*"}},
			SyncWindows:              windows,
		},
	}
}

func (w *realWorld) Image(_ deploy.Ref, tag string) string { return "example.invalid/web:" + tag }

func (w *realWorld) Exists(t *testing.T, ref deploy.Ref, configMap string) bool {
	t.Helper()
	out := run(t, "", "kubectl", "-n", ref.Name, "get", "configmap", configMap, "--ignore-not-found", "-o", "name")
	return out != ""
}

// push commits an application's folder. Others may push to the same repository meanwhile.
func (w *realWorld) push(t *testing.T, name string, content deploytest.Content, chart bool) string {
	t.Helper()
	w.write(t, name, files(content, chart))
	run(t, w.clone, "git", "add", "-A")
	run(t, w.clone, "git", "-c", "user.name=t", "-c", "user.email=t@example.invalid", "commit", "-q", "--allow-empty", "-m", name)
	run(t, w.clone, "git", "pull", "-q", "--rebase")
	run(t, w.clone, "git", "push", "-q")
	return run(t, w.clone, "git", "rev-parse", "HEAD")
}

func (w *realWorld) write(t *testing.T, folder string, files map[string]string) {
	t.Helper()
	root := filepath.Join(w.clone, folder)
	must(t, os.RemoveAll(root))
	for name, text := range files {
		path := filepath.Join(root, name)
		must(t, os.MkdirAll(filepath.Dir(path), 0o755))
		must(t, os.WriteFile(path, []byte(text), 0o600))
	}
}

func files(c deploytest.Content, chart bool) map[string]string {
	if chart {
		return map[string]string{
			"Chart.yaml":            "{apiVersion: v2, name: web, version: 0.1.0}",
			"values.yaml":           "image: {tag: none}",
			"templates/deploy.yaml": deployment("{{ .Values.image.tag }}"),
		}
	}
	out := map[string]string{"deploy.yaml": deployment(c.Tag), "config.yaml": configMap("web-config", c.Tag)}
	if c.Extra != "" {
		out["extra.yaml"] = configMap(c.Extra, "x")
	}
	if c.Hook {
		out["hook.yaml"] = strings.ReplaceAll(job, "TAG", "bad") // its pod never completes
	}
	if c.Broken {
		out["broken.yaml"] = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: broken}\ndata: {a: b: c}\n"
	}
	return out
}

func configMap(name, value string) string {
	return fmt.Sprintf("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s}\ndata: {value: %q}\n", name, value)
}

func deployment(tag string) string {
	return fmt.Sprintf(`
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  progressDeadlineSeconds: 8
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      automountServiceAccountToken: false
      containers: [{name: web, image: "example.invalid/web:%s"}]
`, tag)
}

const job = `
apiVersion: batch/v1
kind: Job
metadata: {name: migrate, annotations: {argocd.argoproj.io/hook: PreSync}}
spec:
  template:
    spec:
      automountServiceAccountToken: false
      restartPolicy: Never
      containers: [{name: migrate, image: "example.invalid/migrate:TAG"}]
`

func run(t *testing.T, dir, name string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}
