package demo

import (
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
)

// policyText is the demo's guardian.yaml: a real one, only with short times.
const policyText = `apiVersion: guardian/v1
mode: act
server:
  webhookTokens: [file:%[1]s/webhook.token]
  operators: {demo: "file:%[1]s/operator.token"}
connections:
  argocd:     {server: %[2]q, token: "file:%[1]s/argocd.token", plainText: true}
  prometheus: {url: %[3]q}
  flags:      {flagd: %[4]q}
services:
  review:
    gates: [errors]
    flags: {timeline-merge: {safe: "off"}}
    stages:
      - {name: prod, application: review-prod, bake: 2s}
  player:
    gates: [errors, latency]
    stages:
      - {name: prod, application: player-prod, bake: 2s}
gates:
  errors:
    bad:   sum(increase(http_requests_total{service="$service",env="$stage",code=~"5.."}[$window]))
    total: sum(increase(http_requests_total{service="$service",env="$stage"}[$window]))
    max: 5%%
    window: 5s
    interval: 1s
  latency:
    query: histogram_quantile(0.99, sum by (le) (rate(http_request_duration_seconds_bucket{service="$service",env="$stage"}[$window])))
    failureCondition: result > 0.5
    window: 5s
    interval: 1s
rules:
  - name: error budget burns
    match: '{alertname="ErrorBudgetBurn", severity="critical"}'
    target: {service: label service, stage: label env}
    remedies: [flag, revert]
    verify: {gates: [errors], within: 30s}
limits: {share: 100%%}
`

// writePolicy writes the policy and its tokens, and gives the path and the two tokens.
func writePolicy(w *world) (path, webhook, operator string, err error) {
	webhook, operator = rand.Text(), rand.Text()
	path = filepath.Join(w.dir, "guardian.yaml")
	files := map[string]string{
		filepath.Join(w.dir, "webhook.token"):  webhook,
		filepath.Join(w.dir, "operator.token"): operator,
		filepath.Join(w.dir, "argocd.token"):   argoToken,
		path:                                   fmt.Sprintf(policyText, w.dir, w.argoAddr, w.metricsAddr, w.flags),
	}
	for name, text := range files {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			return "", "", "", err
		}
	}
	return path, webhook, operator, nil
}
