// Flaghand is the only function that may write flags: it looks, acts and settles, and answers the calls of
// who may not. It also evaluates Guardian's own switch.
package main

import (
	"context"

	"github.com/cinegit/guardian/internal/adapter/flagstore"
	"github.com/cinegit/guardian/internal/adapter/hand"
	"github.com/cinegit/guardian/internal/lambdakit"
	"github.com/cinegit/guardian/internal/lambdakit/live"
	"github.com/cinegit/guardian/internal/ledger"
	"github.com/cinegit/guardian/internal/policy"
)

func main() { lambdakit.Start("flaghand", build) }

func build(ctx context.Context, k *lambdakit.Kit) (lambdakit.Handler, error) {
	b, err := live.Open(ctx, k)
	if err != nil {
		return nil, err
	}
	return live.Steps(ctx, b, func(p *policy.Policy) (live.Parts, func() error, error) {
		flags, err := flagstore.FromPolicy(p.Connections.Flags, b.Secrets.Token)
		if err != nil {
			return live.Parts{}, nil, err
		}
		return live.Parts{
			Steps: []ledger.Step{ledger.StepAct, ledger.StepSettle},
			Flags: flags.Flags, Switch: flags.Switch, Look: live.LookAtFlags,
			Calls: hand.Server{Flags: flags.Flags, Store: flags.Store, Switch: flags.Switch, Probe: flags.Probe},
		}, flags.Close, nil
	})
}
