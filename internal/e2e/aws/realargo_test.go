//go:build e2e

package aws_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cinegit/guardian/internal/e2e/argocd"
	"github.com/cinegit/guardian/internal/ledger"
)

// realArgo is an Argo CD itself, on a cluster without machines. It is driven by its REST API, which shares no
// code with what the function uses.
type realArgo struct {
	server *argocd.Server
	work   string // a clone of the repository that it deploys from
	http   *http.Client
}

func startArgoCD(t *testing.T) *realArgo {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 25*time.Minute) // a first build takes long
	defer cancel()
	server, err := argocd.Start(ctx, argocd.Options{Dir: t.TempDir(), Log: t.Logf})
	must(t, err)
	t.Cleanup(server.Stop)
	a := &realArgo{server: server, work: filepath.Join(t.TempDir(), "work"), http: &http.Client{
		Timeout:   20 * time.Second,
		Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}, // its certificate is its own
	}}
	out, err := exec.CommandContext(ctx, "git", "clone", "--quiet", server.GitDir, a.work).CombinedOutput()
	if err != nil {
		t.Fatalf("git clone: %v: %s", err, out)
	}
	return a
}

func (a *realArgo) connection() string {
	return fmt.Sprintf("server: %q, insecure: true", a.server.Address)
}

func (a *realArgo) token() string { return a.server.AdminToken }

// application is as much of one as is looked at.
type application struct {
	Operation *struct {
		Sync *struct{ Source *json.RawMessage } // which a rollback has and a sync lacks
	}
	Status struct {
		Health         struct{ Status string }
		Summary        struct{ Images []string }
		History        []json.RawMessage
		OperationState struct{ Phase string }
	}
}

func (a *realArgo) call(method, path string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(context.Background(), method, "https://"+a.server.Address+"/api/v1/applications"+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", "Bearer "+a.server.AdminToken)
	r.Header.Set("Content-Type", "application/json")
	res, err := a.http.Do(r)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	if res.StatusCode >= http.StatusBadRequest {
		return fmt.Errorf("%s %s: %s: %.400s", method, path, res.Status, raw)
	}
	return json.Unmarshal(raw, out)
}

func (a *realArgo) get(service string) (out application, err error) {
	return out, a.call(http.MethodGet, "/"+service+"?project=default", nil, &out)
}

const deployment = `apiVersion: apps/v1
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
      containers: [{name: main, image: "example.invalid/%[1]s:%[2]s"}]
`

func (a *realArgo) deploy(service, tag string) error {
	folder := filepath.Join(a.work, service)
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(folder, "app.yaml"), fmt.Appendf(nil, deployment, service, tag), 0o600); err != nil {
		return err
	}
	if err := a.push(service + " " + tag); err != nil {
		return err
	}
	object := map[string]any{"metadata": map[string]any{"name": service}, "spec": map[string]any{
		"project": "default", "destination": map[string]any{"server": "https://kubernetes.default.svc", "namespace": "default"},
		"source": map[string]any{"repoURL": a.server.GitURL, "path": service, "targetRevision": "main"},
	}}
	if err := a.call(http.MethodPost, "?upsert=true", object, new(application)); err != nil {
		return err
	}
	return a.call(http.MethodPost, "/"+service+"/sync", map[string]any{"prune": true}, new(application))
}

func (a *realArgo) push(message string) error {
	for _, args := range [][]string{{"add", "--all"}, {"commit", "--quiet", "--message", message}, {"push", "--quiet", "origin", "HEAD:refs/heads/main"}} {
		c := exec.CommandContext(context.Background(), "git", args...)
		c.Dir = a.work
		c.Env = append(os.Environ(), "GIT_AUTHOR_NAME=e2e", "GIT_AUTHOR_EMAIL=e2e@example.invalid", "GIT_COMMITTER_NAME=e2e", "GIT_COMMITTER_EMAIL=e2e@example.invalid")
		if out, err := c.CombinedOutput(); err != nil {
			return fmt.Errorf("git %s: %w: %s", args[0], err, out)
		}
	}
	return nil
}

func (a *realArgo) runs(service, tag string) bool {
	app, err := a.get(service)
	image := "example.invalid/" + service + ":" + tag
	return err == nil && app.Operation == nil && app.Status.OperationState.Phase == "Succeeded" &&
		app.Status.Health.Status == "Healthy" && cmp.Equal(app.Status.Summary.Images, []string{image})
}

func (a *realArgo) history(service string) int {
	app, err := a.get(service)
	if err != nil {
		return 0 // there is no application
	}
	return len(app.Status.History)
}

func (a *realArgo) rollingBack(service string) bool {
	app, err := a.get(service)
	return err == nil && app.Operation != nil && app.Operation.Sync != nil && app.Operation.Sync.Source != nil
}

// TestStackRollsBackInArgoCDItself has a bad release undone, and the undoing taken back by a person.
func TestStackRollsBackInArgoCDItself(t *testing.T) {
	w := newWorld(t, setup{real: true})
	w.badRelease()
	w.fire("player")
	w.healedOnce()
	inc, err := w.operator.Undo(t.Context(), "last", "it was the network")
	must(t, err)
	if inc.End != ledger.Healed || inc.Target.Service != "player" {
		t.Errorf("undone is %s of %s", inc.End, inc.Target)
	}
	w.until("player runs v2 again", func() bool { return w.argo.runs("player", "v2") && w.argo.history("player") == 4 })
}
