//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// branch is a test's own branch of the repository that Argo CD deploys from.
type branch struct {
	name, dir string
}

func newBranch(t testing.TB, pushURL, name string) *branch {
	t.Helper()
	b := &branch{name: name, dir: t.TempDir()}
	b.git(t, "init", "--quiet", "--initial-branch="+name)
	b.git(t, "remote", "add", "origin", pushURL)
	t.Cleanup(func() { b.git(t, "push", "--quiet", "origin", "--delete", name) })
	return b
}

func (b *branch) git(t testing.TB, args ...string) {
	t.Helper()
	c := exec.Command("git", args...)
	c.Dir = b.dir
	c.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_TERMINAL_PROMPT=0",
		"GIT_AUTHOR_NAME=e2e", "GIT_AUTHOR_EMAIL=e2e@example.invalid",
		"GIT_COMMITTER_NAME=e2e", "GIT_COMMITTER_EMAIL=e2e@example.invalid")
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("git %v: %v: %s", args, err, out)
	}
}

// commit replaces files and pushes.
func (b *branch) commit(t testing.TB, message string, files map[string]string) {
	t.Helper()
	for name, content := range files {
		path := filepath.Join(b.dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	b.git(t, "add", "--all")
	b.git(t, "commit", "--quiet", "--allow-empty", "--message", message)
	b.git(t, "push", "--quiet", "origin", "HEAD:refs/heads/"+b.name)
}

// manifests is a Deployment of the image.
func manifests(app, image string) map[string]string {
	return map[string]string{"app.yaml": fmt.Sprintf(`apiVersion: apps/v1
kind: Deployment
metadata: {name: %[1]s, labels: {app: %[1]s}}
spec:
  replicas: 1
  progressDeadlineSeconds: 900
  selector: {matchLabels: {app: %[1]s}}
  template:
    metadata: {labels: {app: %[1]s}}
    spec:
      automountServiceAccountToken: false
      terminationGracePeriodSeconds: 0
      containers: [{name: main, image: %[2]q}]
`, app, image)}
}

// afterwards is what a sync creates once the Deployment is healthy: one that never is keeps the
// operation in progress.
func afterwards(app string) map[string]string {
	return map[string]string{"afterwards.yaml": fmt.Sprintf(`apiVersion: v1
kind: ConfigMap
metadata: {name: %s, annotations: {argocd.argoproj.io/sync-wave: "1"}}
`, app)}
}

// chart is the same Deployment as a Helm chart with the parameter image.tag.
func chart(app, image string) map[string]string {
	return map[string]string{
		"Chart.yaml":  "apiVersion: v2\nname: e2e\nversion: 0.1.0\n",
		"values.yaml": "image: {tag: v1}\n",
		"templates/app.yaml": fmt.Sprintf(`apiVersion: apps/v1
kind: Deployment
metadata: {name: %[1]s}
spec:
  replicas: 1
  selector: {matchLabels: {app: %[1]s}}
  template:
    metadata: {labels: {app: %[1]s}}
    spec:
      automountServiceAccountToken: false
      terminationGracePeriodSeconds: 0
      containers: [{name: main, image: "%[2]s:{{ .Values.image.tag }}"}]
`, app, image),
	}
}
