package local

import (
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cinegit/guardian/internal/ledger"
)

// recorded reads a recorded payload as if it had been sent just before now: every time in it is moved
// by as much as moves the end of the recording to now.
func recorded(t *testing.T, now time.Time, path string) []byte {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("..", "..", "testdata", "payloads", path))
	must(t, err)
	shift := now.Sub(time.Date(2026, 11, 22, 19, 2, 0, 0, time.UTC))
	moment := regexp.MustCompile(`2026-11-\d\dT\d\d:\d\d:\d\d[^"]*`)
	return moment.ReplaceAllFunc(raw, func(text []byte) []byte {
		at, err := time.Parse(time.RFC3339Nano, string(text))
		must(t, err)
		return []byte(at.Add(shift).Format(time.RFC3339Nano))
	})
}

// recordedRules lead every recorded alert to review in prod.
const recordedRules = `
  - {match: '{alertname="CheckoutErrorBudgetBurn"}', target: {service: checkout, stage: prod}, remedies: [revert], verify: {gates: [errors]}}
  - {match: '{alertname="High5xxRate"}', target: {service: label service, stage: label env}, remedies: [revert], verify: {gates: [errors]}}
  - {match: '{"日本"="東京"}', target: {service: label service.name, stage: label deployment.environment}, remedies: [revert], verify: {gates: [errors]}}
`

func TestRecordedWebhooksOfEverySenderAreTakenAndEndInTheLedger(t *testing.T) {
	cases := []struct {
		files  []string // of one path, in the order of their sending
		path   string
		opened []string // targets, by name
		counts []string // outcomes of alerts
	}{
		{[]string{"alertmanager-0.25-firing.json", "alertmanager-0.25-resolved.json"}, "", []string{"checkout/prod"}, []string{"opened", "resolved"}},
		{[]string{"alertmanager-0.31-firing.json", "alertmanager-0.31-resolved.json"}, "", []string{"checkout/prod"}, []string{"opened", "resolved"}},
		{[]string{"alertmanager-0.34-firing.json"}, "", []string{"review/prod"}, []string{"ignored: truncated", "opened", "resolved"}},
		{[]string{"grafana-firing.json", "grafana-firing.json"}, "", []string{"review/prod"}, []string{"opened"}},
		{[]string{"utf8-labels.json"}, "", []string{"review/prod"}, []string{"opened"}},
		{[]string{"list-prometheus.json"}, "/api/v2/alerts", []string{"review/prod"}, []string{"opened", "resolved"}},
		{[]string{"list-vmalert.json", "list-vmalert.json"}, "/api/v2/alerts", []string{"review/prod"}, []string{"opened"}},
	}
	for _, c := range cases {
		t.Run(c.files[0], func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, setup{services: []string{"review", "checkout"}})
			w.write("guardian.yaml", strings.Replace(w.policy(), "\nlimits:", recordedRules+"limits:", 1))
			g := w.guardian()
			h, now := g.Handler(), time.Now()
			for _, name := range c.files {
				if got := send(h, http.MethodPost, "/webhooks/alertmanager"+c.path, hookToken, recorded(t, now, "alertmanager/"+name)); got.Code != http.StatusAccepted {
					t.Fatalf("%s: status %d: %s", name, got.Code, got.Body)
				}
				drain(t, g)
			}
			incidents, err := g.ledger.Incidents(t.Context(), 0)
			must(t, err)
			var opened []string
			for _, inc := range incidents {
				opened = append(opened, inc.Target.String())
				until(t, "the false alarm ends", func() bool { return endOf(t, g, inc.ID) == ledger.StoodDown })
			}
			if diff := cmp.Diff(c.opened, opened); diff != "" {
				t.Error(diff)
			}
			var counts []string
			for name := range counted(t, h) {
				if what, ok := strings.CutPrefix(name, `guardian_alerts_total{outcome="`); ok {
					counts = append(counts, strings.TrimSuffix(what, `"}`))
				}
			}
			slices.Sort(counts)
			if diff := cmp.Diff(c.counts, counts); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// endOf is how an incident ended; empty while it has not.
func endOf(t *testing.T, g *Guardian, id string) ledger.End {
	t.Helper()
	inc, err := g.ledger.Incident(t.Context(), id)
	must(t, err)
	return inc.End
}

func TestARecordedAlertThatFiresAndIsResolvedKeepsBothMoments(t *testing.T) {
	w := newWorld(t, setup{services: []string{"checkout"}})
	w.write("guardian.yaml", strings.Replace(w.policy(), "\nlimits:", recordedRules[:strings.Index(recordedRules, "\n  - {match: '{alertname=\"High")]+"\nlimits:", 1))
	w.prom.Down(true) // the incident is held, so that it is open when the alert is resolved
	g, now := w.guardian(), time.Now()
	for _, name := range []string{"alertmanager-0.31-firing.json", "alertmanager-0.31-resolved.json"} {
		send(g.Handler(), http.MethodPost, "/webhooks/alertmanager", hookToken, recorded(t, now, "alertmanager/"+name))
		drain(t, g)
	}
	open, err := g.ledger.OpenIncidents(t.Context())
	must(t, err)
	if len(open) != 1 || len(open[0].Alerts) != 1 {
		t.Fatalf("open incidents %+v, want one of one alert", open)
	}
	a := open[0].Alerts[0]
	got := []string{a.Name, a.Fingerprint, a.Summary, a.Runbook}
	want := []string{"CheckoutErrorBudgetBurn", "716d6dbcc45ab3d7", "error ratio 20% on checkout v2", "https://runbooks.example/checkout"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if a.ResolvedAt.Before(a.StartsAt) {
		t.Errorf("starts %s, resolved %s", a.StartsAt, a.ResolvedAt)
	}
}

func TestANotificationMakesGuardianReadTheApplicationThatItNames(t *testing.T) {
	files, err := filepath.Glob("../../testdata/payloads/argocd/notification-*.json")
	must(t, err)
	if len(files) == 0 {
		t.Fatal("no recorded notifications")
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, setup{services: []string{"plain", "other"}})
			w.badRelease()
			g := w.guardian()
			raw, err := os.ReadFile(file)
			must(t, err)
			if got := send(g.Handler(), http.MethodPost, "/webhooks/argocd", hookToken, raw); got.Code != http.StatusAccepted {
				t.Fatalf("status %d: %s", got.Code, got.Body)
			}
			drain(t, g)
			runs := map[string]int{}
			for _, name := range w.set.services {
				releases, err := g.ledger.Releases(t.Context(), ledger.Target{Service: name, Stage: "prod"})
				must(t, err)
				runs[name] = len(releases)
			}
			if diff := cmp.Diff(map[string]int{"plain": 2, "other": 0}, runs); diff != "" {
				t.Error(diff)
			}
		})
	}
}
