//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cinegit/guardian/internal/e2e/proc"
)

// rules is the alert of every service: more than a twentieth of its requests fail, for two seconds.
// Services called silent-… never raise it.
const rules = `groups:
  - name: errors
    interval: 1s
    rules:
      - alert: HighErrorRatio
        expr: |
          sum by (service, env) (rate(http_requests_total{code=~"5..",service!~"silent-.*"}[5s]))
            / sum by (service, env) (rate(http_requests_total[5s])) > 0.05
        for: 2s
        labels: {severity: critical}
        annotations:
          summary: '{{ $value | humanizePercentage }} of the requests to {{ $labels.service }} fail'
`

// prometheus is a real Prometheus that can be cut off and come back on its data.
type prometheusServer struct {
	url     string
	program proc.Program
	process *proc.Process
}

// startPrometheus starts one that scrapes target (host:port) at path every second.
func startPrometheus(t testing.TB, dir, target, path string, alertmanagers []string) *prometheusServer {
	t.Helper()
	binary, err := proc.Find("prometheus", "prometheus")
	if err != nil {
		t.Fatal(err)
	}
	ports, err := proc.Ports(1)
	if err != nil {
		t.Fatal(err)
	}
	listen := fmt.Sprintf("127.0.0.1:%d", ports[0])
	write(t, filepath.Join(dir, "rules.yaml"), rules)
	write(t, filepath.Join(dir, "prometheus.yaml"), fmt.Sprintf(`global: {scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}
rule_files: [rules.yaml]
alerting:
  alertmanagers:
    - static_configs: [{targets: [%s]}]
scrape_configs:
  - job_name: services
    metrics_path: %s
    static_configs: [{targets: [%q]}]
`, strings.Join(alertmanagers, ", "), path, target))
	p := &prometheusServer{url: "http://" + listen, program: proc.Program{
		Name: "prometheus", Path: binary, Logs: dir,
		Args: []string{
			"--config.file=" + filepath.Join(dir, "prometheus.yaml"), "--storage.tsdb.path=" + filepath.Join(dir, "tsdb"),
			"--web.listen-address=" + listen, "--log.level=warn",
		},
	}}
	p.start(t)
	t.Cleanup(p.kill)
	return p
}

func (p *prometheusServer) start(t testing.TB) {
	t.Helper()
	var err error
	if p.process, err = proc.Start(p.program); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := p.process.Ready(ctx, proc.Answers(http.DefaultClient, p.url+"/-/ready")); err != nil {
		t.Fatal(err)
	}
}

func (p *prometheusServer) kill() { p.process.Kill() }

// startAlertmanager starts one that posts to webhook with a bearer token, and gives its host:port. It
// knows of no other: two of them send everything twice.
func startAlertmanager(t testing.TB, dir, webhook, token string) string {
	t.Helper()
	binary, err := proc.Find("prometheus-alertmanager", "prometheus-alertmanager")
	if err != nil {
		t.Fatal(err)
	}
	ports, err := proc.Ports(1)
	if err != nil {
		t.Fatal(err)
	}
	listen := fmt.Sprintf("127.0.0.1:%d", ports[0])
	config := filepath.Join(dir, "alertmanager.yaml")
	write(t, config, fmt.Sprintf(`route:
  receiver: guardian
  group_by: [service, env]
  group_wait: 0s
  group_interval: 1s
  repeat_interval: 30s
receivers:
  - name: guardian
    webhook_configs:
      - url: %q
        send_resolved: true
        http_config: {authorization: {type: Bearer, credentials: %q}}
`, webhook, token))
	process, err := proc.Start(proc.Program{Name: "alertmanager", Path: binary, Logs: dir, Args: []string{
		"--config.file=" + config, "--storage.path=" + filepath.Join(dir, "data"),
		"--web.listen-address=" + listen, "--cluster.listen-address=", "--log.level=warn",
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(process.Kill)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := process.Ready(ctx, proc.Answers(http.DefaultClient, "http://"+listen+"/-/ready")); err != nil {
		t.Fatal(err)
	}
	return listen
}

func write(t testing.TB, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// until waits for something that outside systems do in their own time.
func until(t testing.TB, ctx context.Context, what string, probe func(context.Context) error) {
	t.Helper()
	if err := proc.Until(ctx, probe); err != nil {
		t.Fatalf("waiting until %s: %v", what, err)
	}
}
