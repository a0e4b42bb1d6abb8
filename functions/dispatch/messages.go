package main

import (
	"context"
	"errors"
	"strconv"

	"github.com/aws/aws-lambda-go/events"

	"github.com/cinegit/guardian/internal/adapter/lambda"
	"github.com/cinegit/guardian/internal/adapter/sqs"
	"github.com/cinegit/guardian/internal/adapter/stepfunctions"
	"github.com/cinegit/guardian/internal/dispatch"
	"github.com/cinegit/guardian/internal/lambdakit/live"
	"github.com/cinegit/guardian/internal/lambdakit/names"
	"github.com/cinegit/guardian/internal/ledger"
	"github.com/cinegit/guardian/internal/remedy"
)

// messages handles the messages of the intake queue.
type messages struct {
	base    *live.Base
	engines *live.Engines[*remedy.Flow]
	machine *stepfunctions.Machine
	hand    lambda.Function
	queue   *sqs.Queue
}

// handle handles one message. What can never be handled, or was not in so many tries, goes among the dead
// letters with the reason, which is no error.
func (m messages) handle(ctx context.Context, msg events.SQSMessage) error {
	err := patiently(ctx, func() error { return m.dispatch(ctx, msg.Body) })
	if err == nil {
		return nil
	}
	m.base.Log.WarnContext(ctx, "message not handled", "message", msg.MessageId, "receives", receives(msg), "error", err)
	if !errors.Is(err, dispatch.ErrUnprocessable) && receives(msg) < names.MaxReceives {
		return err
	}
	letter := sqs.Letter{ID: msg.MessageId, Source: "intake", Reason: err.Error(), Body: msg.Body}
	if err := m.queue.Bury(ctx, letter); err != nil {
		m.base.Log.ErrorContext(ctx, "message not put among the dead letters", "message", msg.MessageId, "error", err)
		return err
	}
	m.base.Metrics.Add(names.Buried, 1, "Source", "intake")
	return nil
}

func (m messages) dispatch(ctx context.Context, body string) error {
	e, err := m.engines.Current(ctx)
	if err != nil {
		return err
	}
	d := dispatch.Dispatcher{Flow: e.Parts, Start: m.machine.Start, Look: m.look, Count: m.count}
	return d.Handle(ctx, []byte(body))
}

// look lets Argo CD's hand look.
func (m messages) look(ctx context.Context, t ledger.Target) error {
	payload, err := live.Ask(t, remedy.StepLook)
	if err != nil {
		return err
	}
	_, err = m.hand.Call(ctx, payload)
	return err
}

func (m messages) count(d remedy.Dispatched) {
	for outcome, n := range map[string]int{"opened": len(d.Opened), "joined": d.Joined, "duplicate": d.Duplicates, "resolved": d.Resolved} {
		if n > 0 {
			m.base.Metrics.Add(names.Alerts, float64(n), "Outcome", outcome)
		}
	}
	for why, n := range d.Ignored {
		m.base.Metrics.Add(names.Alerts, float64(n), "Outcome", "ignored: "+why)
	}
}

// receives is how often a message was handed out, this time included.
func receives(m events.SQSMessage) int {
	n, err := strconv.Atoi(m.Attributes["ApproximateReceiveCount"])
	if err != nil {
		return 1
	}
	return n
}
