package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/cinegit/guardian/internal/lambdakit/kittest"
)

const message = `{"version":"4","groupKey":"g","alerts":[{"status":"firing","labels":{"alertname":"Bad"},"startsAt":"2026-11-23T12:00:00Z"}]}`

func started(t *testing.T) (*kittest.Cloud, kittest.Function) {
	t.Helper()
	cloud := kittest.New(t, kittest.Policy, kittest.Secrets())
	return cloud, kittest.Start("alerts", build, cloud.Env("alerts"))
}

func TestAWebhookIsAcknowledgedOnlyOnceTheQueueHasIt(t *testing.T) {
	for name, tt := range map[string]struct {
		method, path, token, body string
		down                      bool
		status, sent              int
	}{
		"taken":            {"POST", "/webhooks/alertmanager", "webhook-token-1", message, false, 202, 1},
		"a list":           {"POST", "/webhooks/alertmanager/api/v2/alerts", "webhook-token-1", `[{"labels":{"alertname":"Bad"}}]`, false, 202, 1},
		"the queue down":   {"POST", "/webhooks/alertmanager", "webhook-token-1", message, true, 503, 1},
		"a wrong token":    {"POST", "/webhooks/alertmanager", "guess", message, false, 401, 0},
		"no JSON":          {"POST", "/webhooks/alertmanager", "webhook-token-1", "x", false, 400, 0},
		"too large":        {"POST", "/webhooks/alertmanager", "webhook-token-1", strings.Repeat(" ", 1<<20+1), false, 413, 0},
		"another sender":   {"POST", "/webhooks/argocd", "webhook-token-1", `{"app":"review"}`, false, 404, 0},
		"read, not sent":   {"GET", "/webhooks/alertmanager", "webhook-token-1", "", false, 405, 0},
		"asked for health": {"GET", "/healthz", "", "", false, 204, 0},
	} {
		t.Run(name, func(t *testing.T) {
			cloud, f := started(t)
			cloud.Down("SendMessage", tt.down)
			answer, err := f.Send(t, kittest.HTTP(t, tt.method, tt.path, tt.token, tt.body))
			var got struct{ StatusCode int }
			if err != nil || json.Unmarshal([]byte(answer), &got) != nil || got.StatusCode != tt.status {
				t.Errorf("answer %s, %v, want %d", answer, err, tt.status)
			}
			if sent := cloud.Calls("SendMessage"); len(sent) != tt.sent || tt.sent > 0 && !strings.Contains(sent[0], "intake.fifo") {
				t.Errorf("sent %v", sent)
			}
			if said := f.Log.String(); strings.Contains(said, "webhook-token-1") || tt.path != "/healthz" && !strings.Contains(said, fmt.Sprintf(`"Status":"%d"`, tt.status)) {
				t.Errorf("it says %s", said)
			}
		})
	}
}

func notification(t *testing.T, text string) string {
	t.Helper()
	raw, err := json.Marshal(map[string]any{"Records": []any{map[string]any{"EventSource": "aws:sns", "Sns": map[string]string{"Message": text}}}})
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func TestANotificationOfManagedPrometheusIsTakenOrBuriedWithTheReasonAndNeverLost(t *testing.T) {
	for text, queue := range map[string]string{message: "intake.fifo", "FIRING: Bad": "dead.fifo", "": "dead.fifo"} {
		cloud, f := started(t)
		if _, err := f.Send(t, notification(t, text)); err != nil {
			t.Errorf("%q: %v", text, err)
		}
		sent := cloud.Calls("SendMessage")
		if len(sent) != 1 || !strings.Contains(sent[0], queue) || queue == "dead.fifo" && !strings.Contains(sent[0], `"reason"`) {
			t.Errorf("%q: sent %v", text, sent)
		}
	}
	cloud, f := started(t)
	cloud.Down("SendMessage", true)
	for _, text := range []string{message, "FIRING: Bad"} {
		if _, err := f.Send(t, notification(t, text)); err == nil || !strings.Contains(err.Error(), "Transient") {
			t.Errorf("%q while the queue is down: %v", text, err)
		}
	}
}

func TestAnEventOfNoSourceOfItsOwnIsRefused(t *testing.T) {
	_, f := started(t)
	for _, event := range []string{`{}`, `[]`, `null`, `{"Records":[{"eventSource":"aws:sqs","body":"x"}]}`, `{"id":"i","step":"act"}`} {
		if answer, err := f.Send(t, event); err == nil {
			t.Errorf("%s is answered with %s", event, answer)
		}
	}
}

func TestItStartsWithOneTokenOfTwoAndSaysWhyItDoesNotWithNone(t *testing.T) {
	cloud := kittest.New(t, kittest.Policy, map[string]string{"next": "webhook-token-2"})
	env := cloud.Env("alerts")
	env["GUARDIAN_WEBHOOK_TOKENS"] = "secret:webhook, secret:next"
	f := kittest.Start("alerts", build, env)
	if answer, err := f.Send(t, kittest.HTTP(t, http.MethodPost, "/webhooks/alertmanager", "webhook-token-2", message)); err != nil || !strings.Contains(answer, "202") {
		t.Errorf("%s, %v", answer, err)
	}
	env["GUARDIAN_WEBHOOK_TOKENS"] = "secret:webhook"
	f = kittest.Start("alerts", build, env)
	answer, err := f.Send(t, kittest.HTTP(t, http.MethodPost, "/webhooks/alertmanager", "webhook-token-2", message))
	if err != nil || !strings.Contains(answer, "503") || !strings.Contains(f.Log.String(), "GUARDIAN_WEBHOOK_TOKENS: look up secret:webhook") {
		t.Errorf("%s, %v: %s", answer, err, f.Log)
	}
}
