//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cinegit/guardian/internal/api"
	"github.com/cinegit/guardian/internal/e2e/proc"
)

// stage is the one stage of every service here.
const stage = "prod"

// guardian is one `guardian serve` with a ledger and a policy of its own.
type guardian struct {
	url     string
	program proc.Program
	process *proc.Process
	client  *api.Client
}

// wiring is what a Guardian is connected to.
type wiring struct {
	service, application, project string
	argo                          *argoProxy
	argoToken                     string
	prometheus                    string
	say                           string // URL
	flags                         string // path of a flagd document; empty for none
	remedies                      string
	webhookToken                  string
}

// policy is what a user would write, with short times.
func (w wiring) policy() string {
	flags, declared := "", ""
	if w.flags != "" {
		flags = fmt.Sprintf("  flags: {flagd: %q}\n", w.flags)
		declared = "    flags: {" + flagKey + ": {safe: \"off\"}}\n"
	}
	return fmt.Sprintf(`apiVersion: guardian/v1
mode: act
server:
  webhookTokens: [env:E2E_WEBHOOK_TOKEN]
  operators: {e2e: env:E2E_OPERATOR_TOKEN}
connections:
  argocd: {server: %q, token: env:E2E_ARGOCD_TOKEN, caFile: %q, timeout: 5s}
  prometheus: {url: %q, timeout: 2s}
%snotify:
  - webhook: %q
services:
  %s:
    gates: [errors]
%s    stages:
      - {name: %s, application: %s, project: %s, deploy: wait, bake: 5s, settle: 40s}
gates:
  errors:
    bad: sum(increase(http_requests_total{service="$service",env="$stage",code=~"5.."}[$window]))
    total: sum(increase(http_requests_total{service="$service",env="$stage"}[$window]))
    max: 5%%
    window: 5s
    interval: 1s
    initialDelay: 2s # what is live shows in traffic and scrapes a little later
    failureLimit: 6
rules:
  - name: errors
    match: '{alertname="HighErrorRatio",severity="critical"}'
    target: {service: label service, stage: label env}
    remedies: [%s]
    verify: {gates: [errors], within: 15s}
limits: {cooldown: 1s, fleet: 20 in 1m, share: 100%%, alertMaxAge: 5m, blameWindow: 10m}
`, w.argo.address, w.argo.caFile, w.prometheus, flags, w.say, w.service, declared, stage, w.application, w.project, w.remedies)
}

// startGuardian writes the policy and starts a Guardian with it on a free port.
func startGuardian(t testing.TB, binary, dir, listen string, w wiring) *guardian {
	t.Helper()
	policy := filepath.Join(dir, "guardian.yaml")
	write(t, policy, w.policy())
	operator := rand.Text()
	g := &guardian{url: "http://" + listen, program: proc.Program{
		Name: "guardian", Path: binary, Logs: dir,
		Args: []string{"serve", "--config", policy, "--data", filepath.Join(dir, "data"), "--listen", listen, "--reconcile", "2s"},
		Env: []string{
			"E2E_WEBHOOK_TOKEN=" + w.webhookToken, "E2E_OPERATOR_TOKEN=" + operator, "E2E_ARGOCD_TOKEN=" + w.argoToken,
			"ARGOCD_SERVER=", "ARGOCD_AUTH_TOKEN=",
		},
	}}
	var err error
	if g.client, err = api.New(api.ClientConfig{URL: g.url, Token: operator}); err != nil {
		t.Fatal(err)
	}
	g.start(t)
	t.Cleanup(func() {
		g.process.Stop()
		if err := g.process.Err(); err != nil {
			t.Errorf("guardian did not end cleanly: %v", err)
		}
		keepsSecrets(t, dir, w.webhookToken, operator, w.argoToken)
		if t.Failed() {
			t.Logf("guardian's log:\n%s", g.process.Tail(15))
		}
	})
	return g
}

// keepsSecrets checks that no token stands in a log or the ledger.
func keepsSecrets(t testing.TB, dir string, tokens ...string) {
	t.Helper()
	for _, name := range []string{"guardian.log", "data/guardian.db"} {
		raw, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Error(err)
		}
		for _, token := range tokens {
			if bytes.Contains(raw, []byte(token)) {
				t.Errorf("%s holds a token", name)
			}
		}
	}
}

// start starts the process, also again on the ledger that it left.
func (g *guardian) start(t testing.TB) {
	t.Helper()
	var err error
	if g.process, err = proc.Start(g.program); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := g.process.Ready(ctx, proc.Answers(http.DefaultClient, g.url+"/healthz")); err != nil {
		t.Fatal(err)
	}
}

// post sends a webhook as somebody with this token would.
func (g *guardian) post(t testing.TB, token, body string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, g.url+"/webhooks/alertmanager", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+token)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	return res.StatusCode
}
