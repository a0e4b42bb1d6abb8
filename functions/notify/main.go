// Notify delivers what waits in the outbox, to the channels of the policy and to Guardian's own event bus:
// when the ledger's stream tells of a new message, and when the reconciler asks it to try again.
package main

import (
	"context"
	"time"

	"github.com/cinegit/guardian/internal/adapter/eventbridge"
	"github.com/cinegit/guardian/internal/adapter/notify"
	"github.com/cinegit/guardian/internal/lambdakit"
	"github.com/cinegit/guardian/internal/lambdakit/live"
	"github.com/cinegit/guardian/internal/lambdakit/names"
	"github.com/cinegit/guardian/internal/outbox"
	"github.com/cinegit/guardian/internal/policy"
)

func main() { lambdakit.Start("notify", build) }

func build(ctx context.Context, k *lambdakit.Kit) (lambdakit.Handler, error) {
	b, err := live.Open(ctx, k)
	if err != nil {
		return nil, err
	}
	bus := eventbridge.New(k.AWS, k.Env(names.Bus))
	engines, err := live.Follow(ctx, b, func(p *policy.Policy) ([]notify.Channel, func() error, error) {
		channels, err := notify.New(p.Notify, b.Secrets.Resolve, b.Log)
		return append(channels, bus), nil, err
	})
	return lambdakit.Sources{Any: func(ctx context.Context, _ []byte) ([]byte, error) {
		e, err := engines.Current(ctx)
		if err != nil {
			return nil, err
		}
		o := outbox.Outbox{Ledger: b.Ledger, Channels: e.Parts, Count: counting(b.Metrics), Now: time.Now, Log: b.Log}
		return []byte(`{}`), o.Deliver(ctx)
	}}, err
}
