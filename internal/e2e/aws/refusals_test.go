//go:build e2e

package aws_test

import (
	"bytes"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cinegit/guardian/internal/e2e/aws/cloud"
	"github.com/cinegit/guardian/internal/e2e/aws/template"
	"github.com/cinegit/guardian/internal/ledger"
)

// queueOf gives the URL of a queue by its ID in the names of the stack.
func queueOf(name string) string {
	return queueURL("arn:aws:sqs:" + template.Region + ":" + template.Account + ":guardian-" + name)
}

// letter is what lies among dead letters.
type letter struct{ Body, Source, Reason string }

// letters takes what lies in a queue, and leaves it invisible.
func (w *world) letters(queue string) []letter {
	w.t.Helper()
	var got struct {
		Messages []struct {
			Body              string
			MessageAttributes map[string]struct{ StringValue string }
		}
	}
	must(w.t, w.admin.Call(w.t.Context(), "AmazonSQS.ReceiveMessage", map[string]any{
		"QueueUrl": queue, "MaxNumberOfMessages": 10, "VisibilityTimeout": 600, "MessageAttributeNames": []string{"All"},
	}, &got))
	var out []letter
	for _, m := range got.Messages {
		out = append(out, letter{m.Body, m.MessageAttributes["source"].StringValue, m.MessageAttributes["reason"].StringValue})
	}
	return out
}

func (w *world) send(queue, group, body string) {
	w.t.Helper()
	in := map[string]string{"QueueUrl": queue, "MessageBody": body}
	if group != "" {
		in["MessageGroupId"], in["MessageDeduplicationId"] = group, "of "+group
	}
	must(w.t, w.admin.Call(w.t.Context(), "AmazonSQS.SendMessage", in, nil))
}

// TestStackLaysAsideWhatItCanNeverHandle sends poison by every way there is, and an alert among it.
func TestStackLaysAsideWhatItCanNeverHandle(t *testing.T) {
	w := newWorld(t, setup{})
	w.badRelease()
	w.send(queueOf("intake.fifo"), "poison", "no envelope")
	w.send(queueOf("intake.fifo"), "kind", `{"kind": "weather", "body": "e30="}`)
	w.send(queueOf("notifications"), "", "no notification")
	w.sns(url.Values{"Action": {"Publish"}, "TopicArn": {w.topic}, "Message": {"no alert"}})
	w.fire("player")
	w.healedOnce()
	got := map[string]string{} // the source of each letter that has a reason
	w.until("all poison is laid aside", func() bool {
		for _, l := range w.letters(queueOf("intake-dead.fifo")) {
			if l.Reason != "" {
				got[l.Body] = l.Source
			}
		}
		return len(got) >= 4
	})
	want := map[string]string{"no envelope": "intake", `{"kind": "weather", "body": "e30="}`: "intake", "no notification": "argocd-queue", "no alert": "sns"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("dead letters (-want +got):\n%s", diff)
	}
}

// TestStackLaysAsideWhatKillsDispatch leaves it to the queue's own redrive policy: dispatch is killed
// whenever it has read the message, and so cannot say a reason.
func TestStackLaysAsideWhatKillsDispatch(t *testing.T) {
	w := newWorld(t, setup{})
	w.ship("v1", services()...)
	must(t, w.admin.Call(t.Context(), "AmazonSQS.SetQueueAttributes", map[string]any{
		"QueueUrl": queueOf("intake.fifo"), "Attributes": map[string]string{"VisibilityTimeout": "1"},
	}, nil))
	w.gateway.Fail(cloud.Fault{Caller: key("dispatch"), Operation: "dynamodb:*", Times: -1, Do: func() {
		w.functions["guardian-dispatch"].Kill()
	}})
	w.fire("player")
	w.until("the message is laid aside", func() bool { return len(w.letters(queueOf("intake-dead.fifo"))) == 1 })
	w.gateway.Mend()
	w.ship("v2", "search")
	w.tick(t.Context())
	w.fire("search")
	if diff := cmp.Diff(map[string]ledger.End{"search": ledger.Healed}, w.ended(1)); diff != "" {
		t.Errorf("the next alert: %s", diff)
	}
}

func TestStackRefusesAtTheEdge(t *testing.T) {
	w := newWorld(t, setup{})
	good := alert(t, time.Now(), "player")
	large := func(n int) []byte { return append(bytes.Repeat([]byte(" "), n-len(good)), good...) }
	for name, tt := range map[string]struct {
		function, path, token string
		body                  []byte
		want                  int
	}{
		"another's token":     {"alerts", alertPath, "guessed", good, http.StatusUnauthorized},
		"no JSON":             {"alerts", alertPath, hookToken, []byte("{"), http.StatusBadRequest},
		"another version":     {"alerts", alertPath, hookToken, []byte(`{"version": "3", "alerts": []}`), http.StatusBadRequest},
		"larger than a MiB":   {"alerts", alertPath, hookToken, large(1<<20 + 1), http.StatusRequestEntityTooLarge},
		"larger than Lambda":  {"alerts", alertPath, hookToken, large(7 << 20), http.StatusRequestEntityTooLarge},
		"larger than a queue": {"alerts", alertPath, hookToken, large(900 << 10), http.StatusRequestEntityTooLarge},
		"no such path":        {"alerts", "/webhooks/other", hookToken, good, http.StatusNotFound},
		"no notification":     {"deployments", argoPath, hookToken, []byte(`{}`), http.StatusBadRequest},
	} {
		t.Run(name, func(t *testing.T) {
			if got := w.post(tt.function, tt.path, tt.token, tt.body); got != tt.want {
				t.Errorf("answered %d, want %d", got, tt.want)
			}
		})
	}
	if l := w.logs["guardian-alerts"].String(); strings.Contains(l, hookToken) || strings.Contains(l, "guessed") {
		t.Error("a token is in the log")
	}
	if status := w.post("alerts", alertPath, hookToken, good); status != http.StatusAccepted {
		t.Errorf("and then a good one is answered %d", status)
	}
}
