package main

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/cinegit/guardian/internal/intake"
	"github.com/cinegit/guardian/internal/lambdakit/kittest"
	"github.com/cinegit/guardian/internal/lambdakit/names"
)

// queued is one message of the intake queue.
type queued struct {
	id, group, body string
	receives        int
}

func envelope(t *testing.T, k intake.Kind, body string) string {
	t.Helper()
	raw, err := json.Marshal(intake.Envelope{Kind: k, Body: []byte(body)})
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func batch(t *testing.T, all ...queued) string {
	t.Helper()
	var records []any
	for _, q := range all {
		records = append(records, map[string]any{"eventSource": "aws:sqs", "messageId": q.id, "body": q.body, "attributes": map[string]string{
			"MessageGroupId": q.group, "ApproximateReceiveCount": strconv.Itoa(max(q.receives, 1)),
		}})
	}
	raw, err := json.Marshal(map[string]any{"Records": records})
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func alert(startsAt string) string {
	return fmt.Sprintf(`{"version":"4","groupKey":"g","alerts":[{"status":"firing","labels":{"alertname":"Bad","service":"review","env":"prod"},"startsAt":%q}]}`, startsAt)
}

func started(t *testing.T) (*kittest.Cloud, kittest.Function) {
	t.Helper()
	policy := strings.Replace(kittest.Policy, "mode: act", "mode: act\nlimits: {alertMaxAge: 1000000h}", 1)
	cloud := kittest.New(t, policy, kittest.Secrets())
	return cloud, kittest.Start("dispatch", build, cloud.Env("dispatch"))
}

func TestAnAlertOpensItsIncidentAndStartsTheStateMachineOfItsName(t *testing.T) {
	cloud, f := started(t)
	answer, err := f.Send(t, batch(t, queued{"1", "g", envelope(t, intake.Alerts, alert("2026-11-23T12:00:00Z")), 1}))
	if err != nil || answer != `{"batchItemFailures":[]}` {
		t.Fatalf("%s, %v: %s", answer, err, f.Log)
	}
	starts := cloud.Calls("StartExecution")
	if len(starts) != 1 || !strings.Contains(starts[0], "review-prod-") || !strings.Contains(f.Log.String(), `"Outcome":"opened"`) {
		t.Errorf("started %v: %s", starts, f.Log)
	}
}

func TestANotificationLetsArgoCDsHandLookAtTheTargetsItConcerns(t *testing.T) {
	cloud, f := started(t)
	answer, err := f.Send(t, batch(t, queued{"1", "g", envelope(t, intake.ArgoCD, `{"app":"review"}`), 1}, queued{"2", "h", envelope(t, intake.ArgoCD, `{"app":"other"}`), 1}))
	looks := cloud.Calls("Invoke argocdhand")
	if err != nil || answer != `{"batchItemFailures":[]}` || len(looks) != 1 || looks[0] != `{"service":"review","stage":"prod","step":"look"}` {
		t.Errorf("%s, %v: %v", answer, err, looks)
	}
}

func TestAPoisonedMessageIsBuriedWithTheReasonAtOnce(t *testing.T) {
	cloud, f := started(t)
	answer, err := f.Send(t, batch(t,
		queued{"1", "g", "not JSON", 1}, queued{"2", "g", `{"kind":"morse"}`, 1}, queued{"3", "g", envelope(t, intake.Alerts, `{}`), 1},
		queued{"4", "g", envelope(t, intake.ArgoCD, `{"app":"review"}`), 1},
	))
	if err != nil || answer != `{"batchItemFailures":[]}` {
		t.Errorf("%s, %v", answer, err)
	}
	sent := cloud.Calls("SendMessage")
	if len(sent) != 3 || len(cloud.Calls("Invoke argocdhand")) != 1 {
		t.Fatalf("sent %v", sent)
	}
	for i, reason := range []string{"envelope", "morse", "version"} {
		if !strings.Contains(sent[i], "dead.fifo") || !strings.Contains(sent[i], reason) {
			t.Errorf("letter %d: %s", i, sent[i])
		}
	}
}

func TestWhatCannotBeHandledNowComesAgainInItsOrderAndIsBuriedInTheEnd(t *testing.T) {
	cloud, f := started(t)
	cloud.Down("TransactWriteItems", true)
	first, second := queued{"1", "g", envelope(t, intake.Alerts, alert("2026-11-23T12:00:00Z")), 2}, queued{"2", "g", envelope(t, intake.ArgoCD, `{"app":"none"}`), 2}
	other := queued{"3", "h", envelope(t, intake.ArgoCD, `{"app":"review"}`), 2}
	answer, err := f.Send(t, batch(t, first, second, other))
	if err != nil || answer != `{"batchItemFailures":[{"itemIdentifier":"1"},{"itemIdentifier":"2"}]}` {
		t.Errorf("%s, %v", answer, err)
	}
	first.receives = names.MaxReceives
	answer, err = f.Send(t, batch(t, first, second))
	if err != nil || answer != `{"batchItemFailures":[]}` || len(cloud.Calls("SendMessage")) != 1 {
		t.Errorf("the last time: %s, %v", answer, err)
	}
	cloud.Down("SendMessage", true)
	answer, err = f.Send(t, batch(t, first, second))
	if err != nil || answer != `{"batchItemFailures":[{"itemIdentifier":"1"},{"itemIdentifier":"2"}]}` {
		t.Errorf("while it cannot be buried: %s, %v", answer, err)
	}
}

func TestAMessageIsBuriedAtItsLastReceiveAndNotBefore(t *testing.T) {
	for receives, want := range map[int]string{1: `[{"itemIdentifier":"1"}]`, names.MaxReceives - 1: `[{"itemIdentifier":"1"}]`, names.MaxReceives: `[]`, names.MaxReceives + 5: `[]`} {
		cloud, f := started(t)
		cloud.Down("TransactWriteItems", true)
		answer, err := f.Send(t, batch(t, queued{"1", "g", envelope(t, intake.Alerts, alert("2026-11-23T12:00:00Z")), receives}))
		if err != nil || answer != `{"batchItemFailures":`+want+`}` || (want == "[]") != (len(cloud.Calls("SendMessage")) == 1) {
			t.Errorf("received %d times: %s, %v, buried %d", receives, answer, err, len(cloud.Calls("SendMessage")))
		}
		if (want == "[]") != strings.Contains(f.Log.String(), names.Buried) {
			t.Errorf("received %d times: %s", receives, f.Log)
		}
	}
}

func TestAMessageWhoseReceivesAreNotToldComesAgain(t *testing.T) {
	cloud, f := started(t)
	cloud.Down("TransactWriteItems", true)
	event := strings.Replace(batch(t, queued{"1", "g", envelope(t, intake.Alerts, alert("2026-11-23T12:00:00Z")), 1}), `"ApproximateReceiveCount":"1"`, `"ApproximateReceiveCount":"often"`, 1)
	answer, err := f.Send(t, event)
	if err != nil || !strings.Contains(answer, `"itemIdentifier":"1"`) || len(cloud.Calls("SendMessage")) != 0 {
		t.Errorf("%s, %v", answer, err)
	}
}

// The reconciler looks within a minute, and says what fails.
func TestANotificationWhoseLookFailsHasDoneWhatItCan(t *testing.T) {
	cloud, f := started(t)
	cloud.Down("Invoke argocdhand", true)
	answer, err := f.Send(t, batch(t, queued{"1", "g", envelope(t, intake.ArgoCD, `{"app":"review"}`), 1}))
	if err != nil || answer != `{"batchItemFailures":[]}` || !strings.Contains(f.Log.String(), "look") || len(cloud.Calls("SendMessage")) != 0 {
		t.Errorf("%s, %v: %s", answer, err, f.Log)
	}
}

func TestWhatBecameOfAlertsIsCountedByItsOutcome(t *testing.T) {
	_, f := started(t)
	message := `{"version":"4","groupKey":"g","alerts":[
		{"status":"firing","labels":{"alertname":"Bad","service":"review","env":"prod"},"startsAt":"2026-11-23T12:00:00Z"},
		{"status":"firing","labels":{"alertname":"Bad","service":"nobody","env":"prod"},"startsAt":"2026-11-23T12:00:00Z"},
		{"status":"firing","labels":{"alertname":"Other"},"startsAt":"2026-11-23T12:00:00Z"},
		{"status":"resolved","labels":{"alertname":"Bad","service":"review","env":"prod"},"startsAt":"2026-11-23T11:00:00Z"}]}`
	if answer, err := f.Send(t, batch(t, queued{"1", "g", envelope(t, intake.Alerts, message), 1})); err != nil || answer != `{"batchItemFailures":[]}` {
		t.Fatalf("%s, %v", answer, err)
	}
	for _, outcome := range []string{"opened", "resolved", "ignored: unknown target", "ignored: no rule"} {
		if !strings.Contains(f.Log.String(), `"Outcome":"`+outcome+`"`) {
			t.Errorf("%s is not counted: %s", outcome, f.Log)
		}
	}
	for _, outcome := range []string{"joined", "duplicate"} {
		if strings.Contains(f.Log.String(), `"Outcome":"`+outcome+`"`) {
			t.Errorf("%s is counted: %s", outcome, f.Log)
		}
	}
}

func TestAStateMachineThatCannotBeStartedLetsTheMessageComeAgainAndTheAlertIsCounted(t *testing.T) {
	cloud, f := started(t)
	cloud.Down("StartExecution", true)
	answer, err := f.Send(t, batch(t, queued{"1", "g", envelope(t, intake.Alerts, alert("2026-11-23T12:00:00Z")), 1}))
	if err != nil || !strings.Contains(answer, `"itemIdentifier":"1"`) || !strings.Contains(f.Log.String(), `"Outcome":"opened"`) {
		t.Errorf("%s, %v: %s", answer, err, f.Log)
	}
}
