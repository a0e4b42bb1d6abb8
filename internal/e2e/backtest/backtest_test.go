//go:build e2e

package backtest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cinegit/guardian/internal/backtest"
	"github.com/cinegit/guardian/internal/e2e/proc"
)

const head = `apiVersion: guardian/v1
connections:
  argocd: {server: argocd.example.com, token: env:ARGOCD_TOKEN}
  prometheus: {url: http://127.0.0.1:9090}
gates:
  errors:
    bad: sum(increase(http_requests_total{service="$service",env="$stage",code=~"5.."}[$window]))
    total: sum(increase(http_requests_total{service="$service",env="$stage"}[$window]))
    tolerance: 25%
  latency:
    query: histogram_quantile(0.99, sum by (le) (rate(http_request_duration_seconds_bucket{service="$service",env="$stage"}[$window])))
    failureCondition: result > 0.8
services:
`

func policyText() string {
	var b strings.Builder
	b.WriteString(head)
	for i := range services {
		fmt.Fprintf(&b, "  service-%02d:\n    gates: [errors, latency]\n    stages: [{name: prod, application: service-%02d-prod, bake: 30m}]\n", i, i)
	}
	return b.String()
}

// atMost is how long 90 days of 20 services may take.
const atMost = time.Minute

func TestNinetyDaysOfTwentyServicesInAMinute(t *testing.T) {
	w := newWorld(t)
	began := time.Now()
	r, err := w.run(t.Context(), t, "--out", filepath.Join(w.dir, "out"))
	took := time.Since(began)
	must(t, err)
	t.Logf("%d releases of %d targets, %d of them bad: %s", r.Releases, r.Targets, w.bad, took.Round(100*time.Millisecond))
	for _, s := range r.Scores {
		t.Logf("%s %s: judged %d, no data %d, reverted %d, false %d, missed %d, to detect %+v", s.Row.Kind, s.Row.Name, s.Judged, s.NoData, s.Reverted, *s.False, *s.Missed, *s.Detect)
	}
	if took > atMost {
		t.Errorf("it took %s, more than %s", took, atMost)
	}
	w.check(t, r)
	checkMissed(t, r)

	began = time.Now()
	again, err := w.run(t.Context(), t, "--out", filepath.Join(w.dir, "out"))
	must(t, err)
	t.Logf("once more: %s", time.Since(began).Round(100*time.Millisecond))
	if again.Resumed != r.Releases {
		t.Errorf("%d of %d taken up", again.Resumed, r.Releases)
	}
	page, err := os.Stat(filepath.Join(w.dir, "out", "report.html"))
	must(t, err)
	t.Logf("report.html: %.1f MB", float64(page.Size())/1e6)
}

// check holds a report against what was put into the history.
func (w *world) check(t *testing.T, r backtest.Report) {
	t.Helper()
	if r.Releases != days*services || r.Errors != 0 || *r.Incidents != w.bad {
		t.Errorf("%d releases, %d errors, %d incidents", r.Releases, r.Errors, *r.Incidents)
	}
	for _, s := range r.Scores {
		if s.Row.Kind != backtest.ByGates {
			continue
		}
		if good := r.Releases - w.bad; *s.False > good/200 {
			t.Errorf("%d of %d good releases would have been reverted", *s.False, good)
		}
		if s.Detect == nil || s.Detect.Median > 120 || s.Detect.P95 > 600 {
			t.Errorf("to detect: %+v", s.Detect)
		}
		if s.NoData > services { // the very first day has no baseline for some
			t.Errorf("%d could not be judged: %+v", s.NoData, s.Reasons)
		}
	}
}

func TestAnInterruptedRunEndsCleanlyAndGoesOn(t *testing.T) {
	w := newWorld(t)
	const settings, few = "--sweep=tolerance=10%,25%,50%", 10
	last := "--to=" + begin().AddDate(0, 0, few-1).Format(time.DateOnly)
	out := filepath.Join(w.dir, "stopped")
	command := w.command(t.Context(), "--out", out, last, settings)
	var stderr bytes.Buffer
	command.Stderr = &stderr
	must(t, command.Start())
	must(t, proc.Until(t.Context(), func(context.Context) error {
		if page, err := os.Stat(filepath.Join(out, "progress.jsonl")); err != nil || page.Size() == 0 {
			return errors.New("nothing is kept yet")
		}
		return nil
	}))
	must(t, command.Process.Signal(syscall.SIGINT))
	var exit *exec.ExitError
	if err := command.Wait(); !errors.As(err, &exit) || exit.ExitCode() != 1 || !strings.Contains(stderr.String(), "goes on from there") {
		t.Fatalf("%v: %s", err, stderr.String())
	}
	r, err := w.run(t.Context(), t, "--out", out, last, settings)
	must(t, err)
	if r.Resumed == 0 || r.Releases != few*services || len(r.Settings) != 3 {
		t.Errorf("%d of %d taken up, in %d settings", r.Resumed, r.Releases, len(r.Settings))
	}
	t.Logf("%s; %d taken up", strings.TrimSpace(stderr.String()), r.Resumed)
}

// checkMissed looks at the releases that would have been left alone though they were bad: there is none,
// also of those that went bad two or four minutes after they went out.
func checkMissed(t *testing.T, r backtest.Report) {
	t.Helper()
	for _, one := range r.Results {
		if one.Verdict == backtest.Missed {
			t.Errorf("%s of %s would have been left alone: %s", one.Release.Release, one.Target, one.Headline.Reason)
		}
	}
}

// world is a Prometheus with the history, and a guardian.
type world struct {
	dir, guardian, prometheus string
	bad                       int
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{dir: t.TempDir(), guardian: os.Getenv("GUARDIAN_BIN")}
	if keep := os.Getenv("GUARDIAN_E2E_KEEP"); keep != "" {
		w.dir = filepath.Join(keep, t.Name())
		must(t, os.MkdirAll(w.dir, 0o755))
	}
	if w.guardian == "" {
		w.guardian = filepath.Join(t.TempDir(), "guardian")
		out, err := exec.CommandContext(t.Context(), "go", "build", "-o", w.guardian, "../../../cmd/guardian").CombinedOutput()
		if err != nil {
			t.Fatalf("build guardian: %v\n%s", err, out)
		}
	}
	releases, incidents, bad := lists()
	w.bad = bad
	for name, text := range map[string]string{"guardian.yaml": policyText(), "releases.yaml": releases, "incidents.yaml": incidents} {
		must(t, os.WriteFile(filepath.Join(w.dir, name), []byte(text), 0o644))
	}
	w.startPrometheus(t, history(t))
	return w
}

// history gives the folder of the history, which is written if it is not there.
func history(t *testing.T) string {
	t.Helper()
	kept := os.Getenv("GUARDIAN_E2E_HISTORY")
	dir := kept
	if dir == "" {
		dir = t.TempDir()
	}
	done := filepath.Join(dir, "complete")
	if _, err := os.Stat(done); err == nil {
		return dir
	}
	began := time.Now()
	must(t, os.RemoveAll(dir))
	must(t, os.MkdirAll(dir, 0o755))
	series, samples := write(t, dir)
	must(t, os.WriteFile(done, nil, 0o644))
	t.Logf("history of %d days: %d series, %.0f million samples, written in %s", days, series, float64(samples)/1e6, time.Since(began).Round(time.Second))
	return dir
}

func (w *world) startPrometheus(t *testing.T, history string) {
	t.Helper()
	path, err := proc.Find("prometheus", "prometheus")
	must(t, err)
	ports, err := proc.Ports(1)
	must(t, err)
	config := filepath.Join(w.dir, "prometheus.yml")
	must(t, os.WriteFile(config, []byte("global: {scrape_interval: 1h}\n"), 0o644))
	w.prometheus = fmt.Sprintf("http://127.0.0.1:%d", ports[0])
	p, err := proc.Start(proc.Program{Name: "prometheus", Path: path, Logs: w.dir, Args: []string{
		"--config.file=" + config, "--storage.tsdb.path=" + history, "--storage.tsdb.retention.time=10y",
		"--storage.tsdb.min-block-duration=2h", "--storage.tsdb.max-block-duration=2h",
		fmt.Sprintf("--web.listen-address=127.0.0.1:%d", ports[0]),
	}})
	must(t, err)
	t.Cleanup(p.Stop)
	must(t, p.Ready(t.Context(), proc.Answers(http.DefaultClient, w.prometheus+"/-/ready")))
}

func (w *world) command(ctx context.Context, args ...string) *exec.Cmd {
	file := func(name string) string { return filepath.Join(w.dir, name) }
	all := append([]string{
		"backtest", "--config", file("guardian.yaml"), "--prometheus", w.prometheus, "--json",
		"--from", begin().Format(time.DateOnly), "--to", begin().AddDate(0, 0, days-1).Format(time.DateOnly),
		"--releases", file("releases.yaml"), "--incidents", file("incidents.yaml"),
	}, args...)
	return exec.CommandContext(ctx, w.guardian, all...)
}

func (w *world) run(ctx context.Context, t *testing.T, args ...string) (r backtest.Report, err error) {
	t.Helper()
	command := w.command(ctx, args...)
	var stderr bytes.Buffer
	command.Stderr = &stderr
	raw, err := command.Output()
	if err != nil {
		return r, fmt.Errorf("%w: %s", err, stderr.String())
	}
	state := command.ProcessState
	t.Logf("guardian took %s of processor time", (state.UserTime() + state.SystemTime()).Round(100*time.Millisecond))
	return r, json.Unmarshal(raw, &r)
}
