package sources

import (
	"context"
	"net/url"

	"github.com/cinegit/guardian/internal/e2e/aws/cloud"
)

// Rule carries what a rule of EventBridge lets through to its topic, which moto's rules cannot: they put it
// into a queue that stands between.
type Rule struct {
	Client cloud.Client // may do everything: what the rule may, Admit tells
	Queue  string       // URL
	Topic  string       // ARN
	Admit  func() error // by the topic's policy
}

// Run carries until ctx ends. What the topic's policy refuses is dropped, as EventBridge does.
func (r Rule) Run(ctx context.Context) {
	every(ctx, func(ctx context.Context) bool {
		var got struct{ Messages []message }
		err := r.Client.Call(ctx, "AmazonSQS.ReceiveMessage", map[string]any{"QueueUrl": r.Queue, "MaxNumberOfMessages": 10}, &got)
		if err != nil {
			return false
		}
		for _, m := range got.Messages {
			if r.Admit() == nil && r.publish(ctx, m.Body) != nil {
				return false // it comes again
			}
			gone := map[string]string{"QueueUrl": r.Queue, "ReceiptHandle": m.ReceiptHandle}
			if r.Client.Call(ctx, "AmazonSQS.DeleteMessage", gone, nil) != nil {
				return false
			}
		}
		return len(got.Messages) > 0
	})
}

func (r Rule) publish(ctx context.Context, body string) error {
	in := url.Values{"Action": {"Publish"}, "TopicArn": {r.Topic}, "Message": {body}}
	return r.Client.Form(ctx, "sns", in)
}
