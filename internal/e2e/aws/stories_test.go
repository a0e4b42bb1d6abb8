//go:build e2e

package aws_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/alertmanager/template"

	"github.com/cinegit/guardian/events/alertmanager"
	"github.com/cinegit/guardian/internal/ledger"
)

func readAll(r io.Reader) string {
	raw, _ := io.ReadAll(r) // what is cut short is not what is looked for
	return string(raw)
}

// alert is Alertmanager's webhook for services in prod.
func alert(t *testing.T, startsAt time.Time, services ...string) []byte {
	t.Helper()
	m := alertmanager.Message{Version: "4", GroupKey: "{}:{}", Data: template.Data{Receiver: "guardian", Status: "firing"}}
	for _, s := range services {
		set := template.KV{"alertname": "Bad", "service": s, "env": "prod"}
		m.Alerts = append(m.Alerts, template.Alert{Status: "firing", Labels: set, StartsAt: startsAt})
	}
	raw, err := json.Marshal(m)
	must(t, err)
	return raw
}

// post sends a webhook and gives the status.
func (w *world) post(function, path, token string, body []byte) int {
	w.t.Helper()
	r, err := http.NewRequestWithContext(w.t.Context(), http.MethodPost, w.urls[function]+path, bytes.NewReader(body))
	must(w.t, err)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+token)
	res, err := w.http.Do(r)
	must(w.t, err)
	defer func() { _ = res.Body.Close() }()
	_ = readAll(res.Body)
	return res.StatusCode
}

const alertPath, argoPath = "/webhooks/alertmanager", "/webhooks/argocd"

func (w *world) fire(services ...string) {
	w.t.Helper()
	if status := w.post("alerts", alertPath, hookToken, alert(w.t, time.Now(), services...)); status != http.StatusAccepted {
		w.t.Fatalf("the webhook was answered %d", status)
	}
}

// ended waits until a number of incidents has ended, and gives the ends by service.
func (w *world) ended(n int) map[string]ledger.End {
	w.t.Helper()
	ends := map[string]ledger.End{}
	w.until("incidents have ended", func() bool {
		all, err := w.operator.Incidents(w.t.Context(), 100)
		must(w.t, err)
		clear(ends)
		for _, inc := range all {
			if inc.End != "" {
				ends[inc.Target.Service] = inc.End
			}
		}
		return len(ends) >= n
	})
	return ends
}

func TestStackHealsABadReleaseAndABadFlag(t *testing.T) {
	w := newWorld(t, "act", nil)
	w.ship("v1", services()...)
	w.tick(t.Context())
	w.ship("v2", "player")
	w.flip("on")
	w.tick(t.Context())
	w.fire("player", "review")
	if diff := cmp.Diff(map[string]ledger.End{"player": ledger.Healed, "review": ledger.Healed}, w.ended(2)); diff != "" {
		t.Error(diff)
	}
	if !w.runs("player", "v1") || w.history("player") != 3 || w.history("review") != 1 || w.flagOn(t.Context()) {
		t.Errorf("player runs v1: %t, after %d deployments; review was deployed %d times, its flag is on: %t",
			w.runs("player", "v1"), w.history("player"), w.history("review"), w.flagOn(t.Context()))
	}
}
