package sources

import (
	"cmp"
	"context"
	"strings"

	"github.com/aws/aws-lambda-go/events"

	"github.com/cinegit/guardian/internal/e2e/aws/cloud"
	"github.com/cinegit/guardian/internal/e2e/aws/runtimeapi"
)

// Queue is an event source mapping from an SQS queue to a function. What the function fails with stays in
// the queue until its visibility timeout is over, and the queue's own redrive policy lays it aside.
type Queue struct {
	Client cloud.Client // with the rights of the function's role, as Lambda's poller has them
	URL    string
	Batch  int  // messages at a time; 10
	Single bool // the function answers with what it could not handle (ReportBatchItemFailures)
	Invoke Invoke
}

// message is one of the answer to ReceiveMessage.
type message struct {
	MessageID     string `json:"MessageId"`
	ReceiptHandle string
	Body          string
	MD5OfBody     string
	Attributes    map[string]string
}

// Run polls until ctx ends, if the role has all rights without which Lambda makes no mapping.
func (q Queue) Run(ctx context.Context) {
	err := q.Client.Call(ctx, "AmazonSQS.GetQueueAttributes", map[string]any{"QueueUrl": q.URL, "AttributeNames": []string{"All"}}, nil)
	if cloud.Denied(err) {
		return
	}
	every(ctx, func(ctx context.Context) bool {
		n, err := q.Once(ctx)
		return err == nil && n > 0
	})
}

// Once handles one batch and gives how many messages it had.
func (q Queue) Once(ctx context.Context) (int, error) {
	var got struct{ Messages []message }
	err := q.Client.Call(ctx, "AmazonSQS.ReceiveMessage", map[string]any{
		"QueueUrl": q.URL, "MaxNumberOfMessages": cmp.Or(q.Batch, 10), "AttributeNames": []string{"All"}, "MessageAttributeNames": []string{"All"},
	}, &got)
	if err != nil || len(got.Messages) == 0 {
		return 0, err
	}
	sent := map[string]bool{}
	var event events.SQSEvent
	for _, m := range got.Messages {
		sent[m.MessageID] = true
		event.Records = append(event.Records, events.SQSMessage{
			MessageId: m.MessageID, ReceiptHandle: m.ReceiptHandle, Body: m.Body, Md5OfBody: m.MD5OfBody, Attributes: m.Attributes,
			EventSource: "aws:sqs", EventSourceARN: q.arn(), AWSRegion: runtimeapi.Region,
		})
	}
	answer, failed := send(ctx, q.Invoke, event)
	if failed {
		return len(got.Messages), nil
	}
	left := map[string]bool{}
	if q.Single {
		var all bool
		if left, all = failures(answer, sent); all {
			return len(got.Messages), nil
		}
	}
	return len(got.Messages), q.done(ctx, got.Messages, left)
}

// done deletes the messages but those that are left.
func (q Queue) done(ctx context.Context, all []message, left map[string]bool) error {
	for _, m := range all {
		if left[m.MessageID] {
			continue
		}
		if err := q.Client.Call(ctx, "AmazonSQS.DeleteMessage", map[string]string{"QueueUrl": q.URL, "ReceiptHandle": m.ReceiptHandle}, nil); err != nil {
			return err
		}
	}
	return nil
}

func (q Queue) arn() string {
	return "arn:aws:sqs:" + runtimeapi.Region + ":" + runtimeapi.Account + ":" + q.URL[strings.LastIndex(q.URL, "/")+1:]
}
