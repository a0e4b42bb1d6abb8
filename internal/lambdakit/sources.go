package lambdakit

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/aws/aws-lambda-go/events"
	"golang.org/x/sync/errgroup"
)

// Sources are what events come from. An event of a source that is nil is an error.
type Sources struct {
	HTTP http.Handler                                            // a Function URL, or an HTTP API of payload version 2.0
	SQS  func(ctx context.Context, m events.SQSMessage) error    // one message; those of one group come in their order
	SNS  func(ctx context.Context, n events.SNSEntity) error     // one notification
	Any  func(ctx context.Context, event []byte) ([]byte, error) // anything else: a step, a schedule, a stream
}

// kind is where an event comes from.
type kind int

const (
	fromAnywhere kind = iota
	fromHTTP
	fromSQS
	fromSNS
)

func kindOf(payload []byte) kind {
	var e struct {
		RequestContext struct {
			HTTP struct {
				Method string `json:"method"`
			} `json:"http"`
		} `json:"requestContext"`
		Records []struct {
			EventSource string `json:"eventSource"` // SNS writes EventSource, which is read alike
		} `json:"Records"`
	}
	if json.Unmarshal(payload, &e) != nil {
		return fromAnywhere
	}
	switch {
	case e.RequestContext.HTTP.Method != "":
		return fromHTTP
	case len(e.Records) > 0 && e.Records[0].EventSource == "aws:sqs":
		return fromSQS
	case len(e.Records) > 0 && e.Records[0].EventSource == "aws:sns":
		return fromSNS
	}
	return fromAnywhere
}

// ErrUnexpected means that an event is none that the function takes.
var ErrUnexpected = errors.New("this function takes no such event")

// Invoke implements lambda.Handler.
func (s Sources) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	switch k := kindOf(payload); {
	case k == fromHTTP && s.HTTP != nil:
		return serve(ctx, s.HTTP, payload)
	case k == fromSQS && s.SQS != nil:
		return s.batch(ctx, payload)
	case k == fromSNS && s.SNS != nil:
		return nil, s.notifications(ctx, payload)
	case k == fromAnywhere && s.Any != nil:
		return s.Any(ctx, payload)
	}
	return nil, ErrUnexpected
}

func (s Sources) notifications(ctx context.Context, payload []byte) error {
	var e events.SNSEvent
	if err := json.Unmarshal(payload, &e); err != nil {
		return fmt.Errorf("notification: %w", err)
	}
	var failed []error
	for _, r := range e.Records {
		failed = append(failed, s.SNS(ctx, r.SNS))
	}
	return errors.Join(failed...)
}

// atOnce is how many groups of a batch are handled at the same time.
const atOnce = 8

// batch handles a batch of SQS and answers which messages are to come again. In a group, what follows one
// that failed comes again too, so that the order is kept; other groups go on.
func (s Sources) batch(ctx context.Context, payload []byte) ([]byte, error) {
	var e events.SQSEvent
	if err := json.Unmarshal(payload, &e); err != nil {
		return nil, fmt.Errorf("batch: %w", err)
	}
	groups := map[string][]int{}
	for i, m := range e.Records {
		group := m.Attributes["MessageGroupId"]
		if group == "" {
			group = "alone " + m.MessageId
		}
		groups[group] = append(groups[group], i)
	}
	failed := make([]bool, len(e.Records))
	var some errgroup.Group
	some.SetLimit(atOnce)
	for _, group := range groups {
		some.Go(func() error {
			stopped := false
			for _, i := range group {
				stopped = stopped || s.SQS(ctx, e.Records[i]) != nil
				failed[i] = stopped
			}
			return nil
		})
	}
	_ = some.Wait() // what failed is kept by its place
	answer := events.SQSEventResponse{BatchItemFailures: []events.SQSBatchItemFailure{}}
	for i, m := range e.Records {
		if failed[i] {
			answer.BatchItemFailures = append(answer.BatchItemFailures, events.SQSBatchItemFailure{ItemIdentifier: m.MessageId})
		}
	}
	return json.Marshal(answer)
}
