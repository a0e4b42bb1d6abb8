// Package edge is the outermost of Guardian on AWS: what a function works with that takes in what others
// send, and can do nothing but put it into the queue.
package edge

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"github.com/cinegit/guardian/internal/adapter/secrets/lookup"
	"github.com/cinegit/guardian/internal/adapter/sqs"
	"github.com/cinegit/guardian/internal/bearer"
	"github.com/cinegit/guardian/internal/intake"
	"github.com/cinegit/guardian/internal/lambdakit"
	"github.com/cinegit/guardian/internal/lambdakit/names"
)

// Edge takes in.
type Edge struct {
	intake  intake.Intake
	queue   *sqs.Queue
	metrics *lambdakit.Metrics
}

// Open connects the queue. It fails where none of the webhook tokens can be had.
func Open(ctx context.Context, k *lambdakit.Kit) (*Edge, error) {
	refs, secrets := lambdakit.List(k.Env(names.Tokens)), lookup.New(k.LoadAWS)
	if len(refs) == 0 {
		return nil, fmt.Errorf("%s names no secret: write secret:NAME", names.Tokens)
	}
	e := &Edge{queue: sqs.New(k.AWS, k.Env(names.QueueURL), k.Env(names.DeadLetters)), metrics: k.Metrics}
	check := bearer.Check{Resolve: secrets.Resolve, Log: k.Log}
	e.intake = intake.Intake{
		Authorize: func(r *http.Request) error { return check.Any(r, refs) },
		Queue:     e.queue, Log: k.Log,
		Count: func(sender string, status int) {
			k.Metrics.Add(names.Webhooks, 1, "Sender", sender, "Status", strconv.Itoa(status))
			if status/100 == 4 && sender != intake.Unknown {
				k.Metrics.Add(names.Refused, 1)
			}
		},
	}
	var missing []error
	for _, ref := range refs {
		if _, err := secrets.Resolve(ctx, ref); err != nil {
			missing = append(missing, err)
		}
	}
	if len(missing) == len(refs) {
		return nil, fmt.Errorf("%s: %w", names.Tokens, errors.Join(missing...))
	}
	return e, nil
}

// Webhooks serves the webhooks of some kinds.
func (e *Edge) Webhooks(kinds ...intake.Kind) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	e.intake.Serve(mux, kinds...)
	return mux
}

// Take takes in what came from a source that AWS let in. What can never be taken is put among the dead
// letters with the reason, which is no error.
func (e *Edge) Take(ctx context.Context, source string, k intake.Kind, body string) error {
	err := e.intake.Take(ctx, k, []byte(body))
	if !errors.Is(err, intake.ErrRefused) {
		if err != nil {
			e.intake.Log.ErrorContext(ctx, "queue", "source", source, "error", err)
		}
		return err
	}
	e.intake.Log.WarnContext(ctx, "put among the dead letters", "source", source, "error", err)
	e.metrics.Add(names.Buried, 1, "Source", source)
	sum := sha256.Sum256([]byte(source + body))
	return e.queue.Bury(ctx, sqs.Letter{ID: hex.EncodeToString(sum[:]), Source: source, Reason: err.Error(), Body: body})
}
