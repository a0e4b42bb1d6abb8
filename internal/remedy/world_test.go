package remedy_test

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/cinegit/guardian/internal/ledger"
	"github.com/cinegit/guardian/internal/policy"
	"github.com/cinegit/guardian/internal/remedy/remedytest"
	"github.com/cinegit/guardian/internal/sandbox/scenario"
)

// review is the target of most tests, and app its application.
func review() ledger.Target { return ledger.Target{Service: "review", Stage: "prod"} }

func app() remedytest.App { return remedytest.App{Name: "review-prod"} }

// rules is what a test's policy says beyond the common parts.
type rules struct {
	mode     string // act
	service  string // further lines of the service, each with four spaces
	services string // further services
	gates    string // further gates
	remedies string // flag, revert
	verify   string
	limits   string
	mute     string // further fields of the rule
}

func (r rules) yaml() string {
	or := func(s, other string) string {
		if s == "" {
			return other
		}
		return s
	}
	return fmt.Sprintf(`apiVersion: guardian/v1
mode: %s
connections:
  argocd: {server: argocd.example.org, token: env:TOKEN}
  prometheus: {url: http://prometheus.example.org}
  flags: {flagd: flags.json}
services:
  review:
    gates: [errors]
    flags: {new-ranking: {safe: "off"}}
%s    stages: [{name: prod, application: review-prod, bake: 3m, settle: 2m}]
%sgates:
  errors:
    query: ratio{service="$service",stage="$stage"}
    failureCondition: result > 0.05
%srules:
  - name: many-errors
    match: '{alertname=~"ManyErrors|Slow"}'
    target: {service: label service, stage: label env}
    remedies: [%s]
    verify: {within: 4m%s}
%slimits: {%s}
`, or(r.mode, "act"), r.service, r.services, r.gates, or(r.remedies, "flag, revert"), r.verify, r.mute, r.limits)
}

func (r rules) policy(t *testing.T) *policy.Policy {
	t.Helper()
	p, err := policy.Parse("policy.yaml", []byte(r.yaml()))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// another gives the lines of one more service with one stage.
func another(names ...string) string {
	var b strings.Builder
	for _, name := range names {
		fmt.Fprintf(&b, "  %s:\n    gates: [errors]\n    stages: [{name: prod, application: %s-prod, bake: 3m, settle: 2m}]\n", name, name)
	}
	return b.String()
}

func newWorld(t *testing.T, r rules, apps ...remedytest.App) *scenario.World {
	t.Helper()
	return worldOf(t, r.policy(t), apps...)
}

// worldOf is newWorld for a policy that many worlds share, as reading one takes longer than a world lives.
func worldOf(t *testing.T, p *policy.Policy, apps ...remedytest.App) *scenario.World {
	t.Helper()
	w, err := scenario.New(t.TempDir(), p, slog.New(slog.DiscardHandler), apps...)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// minutes after the start of the world.
func minutes(n float64) time.Duration { return time.Duration(n * float64(time.Minute)) }

// baked ships v41, lets it prove good, and ships v42, which breaks a fifth of the requests. The
// world then stands at 8 minutes, two after v42 came.
func baked(t *testing.T, w *scenario.World, app remedytest.App) {
	t.Helper()
	w.Argo.Ship(app, "v41", "ci")
	w.Until(t.Context(), minutes(6))
	w.Metrics.Breaks["v42"] = 0.2
	w.Argo.Ship(app, "v42", "ci")
	w.Until(t.Context(), minutes(8))
}

// fire posts an alert of review/prod that begins now.
func fire(w *scenario.World) {
	w.Receive(scenario.Alert("ManyErrors", "review", "prod", w.Now(), "firing"))
}

// latest gives the newest incident.
func latest(t *testing.T, w *scenario.World) ledger.Incident {
	t.Helper()
	all, err := w.Ledger.Incidents(t.Context(), 1)
	if err != nil || len(all) == 0 {
		t.Fatalf("there is no incident: %v", err)
	}
	return all[0]
}

// wantEnd checks the end of the newest incident and that its reason says so.
func wantEnd(t *testing.T, w *scenario.World, end ledger.End, reason string) ledger.Incident {
	t.Helper()
	inc := latest(t, w)
	if inc.End != end || !strings.Contains(inc.Reason, reason) {
		t.Errorf("incident %s ended %q at %s: %q\nwant %s: …%s…\n%s", inc.ID, inc.End, inc.Step, inc.Reason, end, reason, timeline(t, w, inc.ID))
	}
	return inc
}

// timeline is an incident's story for a failing test.
func timeline(t *testing.T, w *scenario.World, id string) string {
	t.Helper()
	events, err := w.Ledger.Events(t.Context(), id, -1)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, e := range events {
		fmt.Fprintf(&b, "  %s %-8s %s\n", e.At.Format(time.TimeOnly), e.Kind, e.Text)
	}
	return b.String()
}
