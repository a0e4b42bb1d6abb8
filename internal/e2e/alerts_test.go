//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cinegit/guardian/internal/ledger"
)

// twoAlertmanagers: a pair without gossip, as in a network partition, sends everything twice.
func twoAlertmanagers(t *testing.T, w *world) {
	s := w.stack(t, setup{})
	s.ship(t, "v2-broken")
	s.ended(t, 1, ledger.Healed)
	s.wait(t, "both Alertmanagers have delivered", func(context.Context) error {
		senders := map[string]bool{}
		for _, d := range s.inbox.firing() {
			senders[d.Sender] = senders[d.Sender] || d.Status == http.StatusAccepted
		}
		if !senders["a"] || !senders["b"] {
			return fmt.Errorf("accepted from: %v", senders)
		}
		return nil
	})
	s.wait(t, "the queue is empty", func(ctx context.Context) error {
		status, err := s.guardian.client.Status(ctx)
		if err != nil || status.Queue.Depth+status.Queue.Dead > 0 {
			return errors.Join(err, fmt.Errorf("queue: %+v", status.Queue))
		}
		return nil
	})
	s.incidents(t, 1)
	s.reverted(t, "v1", 0, 0, 1, 2)
	s.rolledBack(t, 1)
}

// forgedWebhook: without the token it is not taken; with it, the metrics say that nothing is bad.
func forgedWebhook(t *testing.T, w *world) {
	s := w.stack(t, setup{})
	s.ship(t, "v2") // something to blame
	body := webhook(s.service, time.Now())
	for _, token := range []string{"", "wrong", s.webhookToken + "x"} {
		if status := s.guardian.post(t, token, body); status != http.StatusUnauthorized {
			t.Errorf("token %q: status %d, want 401", token, status)
		}
	}
	s.incidents(t, 0)
	if status := s.guardian.post(t, s.webhookToken, body); status != http.StatusAccepted {
		t.Fatalf("right token: status %d, want 202", status)
	}
	s.ended(t, 1, ledger.StoodDown)
	s.untouched(t, "v2", 0, 1)
}

// oldAlert: it is bad, but has been for longer than Guardian may assume to know why.
func oldAlert(t *testing.T, w *world) {
	s := w.stack(t, setup{service: "silent-" + w.run})
	s.ship(t, "v2-broken")
	alert, err := json.Marshal([]object{{
		"labels":   object{"alertname": "HighErrorRatio", "severity": "critical", "service": s.service, "env": stage},
		"startsAt": time.Now().Add(-time.Hour), "endsAt": time.Now().Add(time.Hour),
	}})
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.Post("http://"+w.alertmanager[0]+"/api/v2/alerts", "application/json", bytes.NewReader(alert))
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	s.wait(t, "Guardian says why it ignores the alert", func(ctx context.Context) error {
		status, err := s.guardian.client.Status(ctx)
		if err != nil || !slices.ContainsFunc(status.Ignored, func(e ledger.Event) bool { return strings.Contains(e.Text, "alertMaxAge") }) {
			return errors.Join(err, fmt.Errorf("ignored: %+v; deliveries: %d", status.Ignored, len(s.inbox.firing())))
		}
		return nil
	})
	s.incidents(t, 0)
	s.untouched(t, "v2-broken", 0, 1)
	s.report.add(row{name: s.name, failed: t.Failed()})
}

// prometheusDown: no measurement is neither good nor bad; when it is back, Guardian goes on.
func prometheusDown(t *testing.T, w *world) {
	s := w.stack(t, setup{alone: true})
	s.inbox.onFirst(s.prometheus.kill)
	s.ship(t, "v2-broken")
	s.wait(t, "the incident is held", func(ctx context.Context) error {
		all, err := s.guardian.client.Incidents(ctx, 1)
		if err != nil || len(all) != 1 || all[0].HeldSince.IsZero() {
			return errors.Join(err, fmt.Errorf("incidents: %d, none held", len(all)))
		}
		return nil
	})
	s.untouched(t, "v2-broken", 0, 1)
	s.prometheus.start(t)
	s.ended(t, 1, ledger.Healed)
	s.reverted(t, "v1", 0, 0, 1, 2)
	s.rolledBack(t, 1)
}

// webhook is the body of a firing alert in Alertmanager's format.
func webhook(service string, startsAt time.Time) string {
	labels := fmt.Sprintf(`{"alertname":"HighErrorRatio","severity":"critical","service":%q,"env":%q}`, service, stage)
	return fmt.Sprintf(`{"version":"4","groupKey":"{}:{}","truncatedAlerts":0,"status":"firing","receiver":"guardian",
"groupLabels":{},"commonLabels":%[1]s,"commonAnnotations":{},"externalURL":"http://alertmanager.example.invalid",
"alerts":[{"status":"firing","labels":%[1]s,"annotations":{},"startsAt":%[2]q,"endsAt":"0001-01-01T00:00:00Z",
"generatorURL":"","fingerprint":"0123456789abcdef"}]}`, labels, startsAt.Format(time.RFC3339Nano))
}
