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
	"github.com/cinegit/guardian/internal/e2e/aws/cloud"
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
		if err != nil { // while the ledger is out of reach
			return false
		}
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
	w := newWorld(t, setup{})
	w.ship("v1", services()...)
	w.tick(t.Context())
	w.ship("v2", "player")
	w.flip("on")
	w.tick(t.Context())
	w.fire("player", "review")
	if diff := cmp.Diff(map[string]ledger.End{"player": ledger.Healed, "review": ledger.Healed}, w.ended(2)); diff != "" {
		t.Error(diff)
	}
	if !w.argo.runs("player", "v1") || w.argo.history("player") != 3 || w.argo.history("review") != 1 || w.flagOn(t.Context()) {
		t.Errorf("player runs v1: %t, after %d deployments; review was deployed %d times, its flag is on: %t",
			w.argo.runs("player", "v1"), w.argo.history("player"), w.argo.history("review"), w.flagOn(t.Context()))
	}
}

// badRelease ships v1 and v2 of player, which is bad, with Guardian looking on.
func (w *world) badRelease() {
	w.t.Helper()
	w.ship("v1", services()...)
	w.tick(w.t.Context())
	w.ship("v2", "player")
	w.tick(w.t.Context())
}

// healedOnce fails the test unless player is healed by one incident and one rollback.
func (w *world) healedOnce() {
	w.t.Helper()
	if diff := cmp.Diff(map[string]ledger.End{"player": ledger.Healed}, w.ended(1)); diff != "" {
		w.t.Error(diff)
	}
	all, err := w.operator.Incidents(w.t.Context(), 100)
	must(w.t, err)
	if len(all) != 1 || !w.argo.runs("player", "v1") || w.argo.history("player") != 3 {
		w.t.Errorf("%d incidents, want 1; player runs v1: %t, after %d deployments, want v1, v2 and one rollback",
			len(all), w.argo.runs("player", "v1"), w.argo.history("player"))
	}
}

func TestStackAsksAPersonAndDoesAsTheySay(t *testing.T) {
	w := newWorld(t, setup{mode: "suggest"})
	w.badRelease()
	w.fire("player")
	id := w.waits()
	w.tick(t.Context()) // which says that somebody still asks
	if w.argo.history("player") != 2 {
		t.Error("something was done before it was approved")
	}
	inc, err := w.operator.Approve(t.Context(), id, "the dashboard says so too")
	must(t, err)
	if inc.ID != id {
		t.Errorf("approved %s, want %s", inc.ID, id)
	}
	w.healedOnce()
}

// TestStackSurvivesAThrottledLedger throttles each function longer than the SDK tries by itself, and
// dispatch, which begins here, while it starts.
func TestStackSurvivesAThrottledLedger(t *testing.T) {
	w := newWorld(t, setup{})
	w.badRelease()
	const times = 8
	callers := []string{"dispatch", "judge", "decide", "argocdhand", "notify"}
	for _, function := range callers {
		w.gateway.Fail(cloud.Fault{
			Caller: key(function), Operation: "dynamodb:*", Times: times,
			Status: http.StatusBadRequest, Code: "ProvisionedThroughputExceededException",
		})
	}
	w.fire("player")
	w.healedOnce()
	for i, hits := range w.gateway.Mend() {
		if hits != times {
			t.Errorf("%s was throttled %d times, want %d", callers[i], hits, times)
		}
	}
}

func TestStackDoesOnceWhatIsDeliveredTwice(t *testing.T) {
	w := newWorld(t, setup{twice: true})
	w.badRelease()
	w.fire("player")
	w.fire("player") // and another Alertmanager says so too
	w.healedOnce()
}
