// Package sources is what Lambda and EventBridge do between a queue, a stream, a topic, a schedule or an
// HTTP client and a function: it turns what comes into invocations, and heeds what the function answers.
package sources

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"time"

	"github.com/cinegit/guardian/internal/e2e/aws/runtimeapi"
)

// poll is how often queues and streams are looked at: moto has one processor, which each look keeps busy.
const poll = 150 * time.Millisecond

// Invoke invokes one function.
type Invoke func(ctx context.Context, payload []byte) (runtimeapi.Result, error)

// every calls do until ctx ends, at once again while there is more.
func every(ctx context.Context, do func(context.Context) (more bool)) {
	for ctx.Err() == nil {
		if do(ctx) {
			continue
		}
		select {
		case <-ctx.Done():
		case <-time.After(poll):
		}
	}
}

// send marshals an event and invokes the function; failed tells whether all of it is to be sent again.
func send(ctx context.Context, invoke Invoke, event any) (answer json.RawMessage, failed bool) {
	payload, err := json.Marshal(event)
	if err != nil {
		return nil, true
	}
	result, err := invoke(ctx, payload)
	return result.Payload, err != nil || result.Error != ""
}

// failures reads which items of a batch a function could not handle. A list that names what was not in the
// batch means all of it.
// https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
func failures(answer json.RawMessage, sent map[string]bool) (ids map[string]bool, all bool) {
	var told struct {
		BatchItemFailures []struct {
			ItemIdentifier string `json:"itemIdentifier"`
		} `json:"batchItemFailures"`
	}
	if len(answer) == 0 || json.Unmarshal(answer, &told) != nil {
		return nil, len(answer) > 0
	}
	ids = map[string]bool{}
	for _, f := range told.BatchItemFailures {
		if !sent[f.ItemIdentifier] {
			return nil, true
		}
		ids[f.ItemIdentifier] = true
	}
	return ids, false
}

func newID() string { return rand.Text() }
