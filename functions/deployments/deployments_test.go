package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/cinegit/guardian/internal/lambdakit/kittest"
)

func TestANotificationOfArgoCDsQueueIsTakenOrBuriedWithTheReason(t *testing.T) {
	cloud := kittest.New(t, kittest.Policy, kittest.Secrets())
	f := kittest.Start("deployments", build, cloud.Env("deployments"))
	event, err := json.Marshal(map[string]any{"Records": []any{
		map[string]string{"eventSource": "aws:sqs", "messageId": "1", "body": `{"app":"review"}`},
		map[string]string{"eventSource": "aws:sqs", "messageId": "2", "body": `{"x":`},
	}})
	if err != nil {
		t.Fatal(err)
	}
	answer, err := f.Send(t, string(event))
	if err != nil || answer != `{"batchItemFailures":[]}` {
		t.Errorf("%s, %v", answer, err)
	}
	sent := strings.Join(cloud.Calls("SendMessage"), "\n")
	if strings.Count(sent, "intake.fifo") != 1 || strings.Count(sent, "dead.fifo") != 1 || !strings.Contains(sent, "cut off at byte") {
		t.Errorf("sent %s", sent)
	}
	cloud.Down("SendMessage", true)
	answer, err = f.Send(t, string(event))
	if err != nil || !strings.Contains(answer, `"itemIdentifier":"1"`) || !strings.Contains(answer, `"itemIdentifier":"2"`) {
		t.Errorf("while the queue is down: %s, %v", answer, err)
	}
}
