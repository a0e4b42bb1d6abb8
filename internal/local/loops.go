package local

import (
	"context"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/cinegit/guardian/internal/ledger"
	"github.com/cinegit/guardian/internal/outbox"
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
	for _, t := range ledger.Targets(e.policy) {
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

// expire brings to its end what was begun, whatever got lost on the way.
func (g *Guardian) expire(ctx context.Context) {
	if err := g.upkeep().Run(ctx); err != nil {
		g.warn(ctx, "upkeep", "incidents", err)
	}
}

// deliver sends what waits in the outbox.
func (g *Guardian) deliver(ctx context.Context) {
	o := outbox.Outbox{
		Ledger: g.ledger, Channels: g.engine().channels, Now: time.Now, Log: g.log,
		Count: func(channel, outcome string) { g.metrics.messages.WithLabelValues(channel, outcome).Inc() },
	}
	if err := o.Deliver(ctx); err != nil {
		g.warn(ctx, "outbox", "ledger", err)
	}
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
