package local

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/cinegit/guardian/internal/remedy"
	"github.com/cinegit/guardian/internal/workflow"
)

// sweepBatch is how many expired records one sweep drops at most.
const sweepBatch = 1000

// loops run until ctx ends. None of them fails for good: what goes wrong is logged and tried again.
func (g *Guardian) loops(ctx context.Context) error {
	var all errgroup.Group
	all.Go(func() error { g.queue.Run(ctx, g.handle, workers); return nil })
	all.Go(func() error { return every(ctx, g.options.Reconcile, g.reconcile) })
	all.Go(func() error { return every(ctx, g.options.FlagPoll, g.pollFlags) })
	all.Go(func() error { return every(ctx, g.options.Outbox, g.deliver) })
	all.Go(func() error { return every(ctx, g.options.Reload, g.reload) })
	all.Go(func() error { return every(ctx, time.Minute, g.expire) })
	all.Go(func() error { return every(ctx, time.Hour, g.sweep) })
	return all.Wait()
}

// every calls do at once and then again each interval after it has returned.
func every(ctx context.Context, interval time.Duration, do func(context.Context)) error {
	for {
		do(ctx)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(interval):
		}
	}
}

// reconcile reads every target from Argo CD, a few at a time, and looks whether what runs has proved good.
func (g *Guardian) reconcile(ctx context.Context) {
	e := g.engine()
	var some errgroup.Group
	some.SetLimit(workers)
	for _, t := range targets(e.policy) {
		some.Go(func() error {
			if err := e.rec.Target(ctx, t); err != nil {
				g.warn(ctx, "reconcile", t.String(), err)
				return nil
			}
			if err := e.rec.Prove(ctx, t); err != nil {
				g.warn(ctx, "prove", t.String(), err)
			}
			return nil
		})
	}
	_ = some.Wait() // nothing in it fails
}

// pollFlags reads every service's flags.
func (g *Guardian) pollFlags(ctx context.Context) {
	e := g.engine()
	for service := range e.policy.Services {
		if err := e.rec.ServiceFlags(ctx, service); err != nil {
			g.warn(ctx, "read flags", service, err)
		}
	}
}

// expire ends questions that nobody answered in time, and sends answers that a crash kept back. It also
// starts what was opened but could not be started.
func (g *Guardian) expire(ctx context.Context) {
	if err := g.startOpen(ctx); err != nil {
		g.warn(ctx, "expire", "start", err)
	}
	open, err := g.ledger.OpenIncidents(ctx)
	if err != nil {
		g.warn(ctx, "expire", "incidents", err)
		return
	}
	for _, inc := range open {
		token, next, err := g.engine().flow.Expire(ctx, inc.ID)
		if errors.Is(err, remedy.ErrNotAsking) {
			continue
		}
		if err == nil {
			g.metrics.ended(next)
			err = g.send(ctx, token, next)
		}
		if err != nil {
			g.warn(ctx, "expire", inc.ID, err)
		}
	}
	g.sendAgain(ctx)
}

// sendAgain finds state machines that wait for an answer that was recorded before a crash.
func (g *Guardian) sendAgain(ctx context.Context) {
	running, err := g.runner.List(ctx, workflow.Running)
	if err != nil {
		g.warn(ctx, "send answers", "workflow", err)
		return
	}
	for _, x := range running {
		if !slices.Contains(x.States, "Approve") {
			continue
		}
		token, next, ok, err := g.engine().flow.Unanswered(ctx, x.Name)
		if err == nil && ok {
			err = g.send(ctx, token, next)
		}
		if err != nil {
			g.warn(ctx, "send answer", x.Name, err)
		}
	}
}

func (g *Guardian) send(ctx context.Context, token string, next remedy.Answer) error {
	output, err := json.Marshal(next)
	if err != nil {
		return err
	}
	err = g.runner.SendTaskSuccess(ctx, token, output)
	if errors.Is(err, workflow.ErrNoTask) {
		return nil // it has its answer
	}
	return err
}

func (g *Guardian) sweep(ctx context.Context) {
	for ctx.Err() == nil {
		dropped, err := g.store.Sweep(ctx, time.Now(), sweepBatch)
		if err != nil {
			g.warn(ctx, "sweep", "ledger", err)
		}
		if dropped < sweepBatch {
			return
		}
	}
}

func (g *Guardian) warn(ctx context.Context, what, of string, err error) {
	if ctx.Err() == nil {
		g.log.WarnContext(ctx, "trouble", "with", what, "of", of, "error", err)
	}
}
