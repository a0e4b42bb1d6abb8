package sources

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/cinegit/guardian/internal/e2e/aws/cloud"
	"github.com/cinegit/guardian/internal/e2e/aws/runtimeapi"
)

// Async invokes a function for a sender that does not wait: again where it fails, and then it lays the
// event aside in a queue. On Lambda minutes pass between the tries; here none.
type Async struct {
	Client   cloud.Client // with the rights of the function's role
	Function string
	Retries  int
	Failed   string // URL of the queue, empty drops the event
	Invoke   Invoke
}

// Send does all of it and returns when it is done. An error means that nobody has taken the event: the sender
// may not invoke the function.
func (a Async) Send(ctx context.Context, payload []byte) error {
	var result runtimeapi.Result
	for try := 0; try <= a.Retries; try++ {
		var err error
		result, err = a.Invoke(ctx, payload)
		if err == nil && result.Error == "" {
			return nil
		}
		if cloud.Denied(err) {
			return err
		}
	}
	if a.Failed == "" {
		return nil
	}
	aside, err := json.Marshal(map[string]any{
		"version": "1.0", "timestamp": time.Now().UTC(),
		"requestContext": map[string]any{
			"requestId": result.RequestID, "functionArn": runtimeapi.ARN(a.Function), "condition": "RetriesExhausted", "approximateInvokeCount": a.Retries + 1,
		},
		"requestPayload":  json.RawMessage(payload),
		"responseContext": map[string]any{"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
		"responsePayload": result.Payload,
	})
	if err != nil {
		return err
	}
	return a.Client.Call(ctx, "AmazonSQS.SendMessage", map[string]string{"QueueUrl": a.Failed, "MessageBody": string(aside)}, nil)
}

// Topic is a subscription of a function to an SNS topic. It serves what SNS posts to an HTTP subscription
// and turns it into what SNS hands a function.
type Topic struct {
	Async Async
	Aside func(ctx context.Context, notification []byte) error // takes what the function may not be invoked with
}

// ServeHTTP implements http.Handler.
func (t Topic) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequest))
	var posted events.SNSEntity
	if err == nil {
		err = json.Unmarshal(raw, &posted)
	}
	if err != nil || posted.Type != "Notification" {
		return // what asks for a confirmation needs none here
	}
	payload, err := json.Marshal(events.SNSEvent{Records: []events.SNSEventRecord{{
		EventVersion: "1.0", EventSource: "aws:sns", EventSubscriptionArn: posted.TopicArn + ":" + newID(), SNS: posted,
	}}})
	if err == nil {
		err = t.Async.Send(r.Context(), payload)
	}
	if cloud.Denied(err) {
		err = t.Aside(r.Context(), raw)
	}
	if err != nil {
		w.WriteHeader(http.StatusInternalServerError)
	}
}

// Tick is what a schedule of EventBridge sends.
func Tick(rule string, at time.Time) ([]byte, error) {
	return json.Marshal(events.EventBridgeEvent{
		Version: "0", ID: newID(), DetailType: "Scheduled Event", Source: "aws.events", AccountID: runtimeapi.Account,
		Time: at.UTC(), Region: runtimeapi.Region, Resources: []string{rule}, Detail: json.RawMessage(`{}`),
	})
}
