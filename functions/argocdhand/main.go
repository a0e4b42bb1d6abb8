// Argocdhand is the only function that reaches Argo CD and reads its token: it looks, acts and settles, and
// answers the calls of who may not.
package main

import (
	"context"

	"github.com/cinegit/guardian/internal/adapter/argocd"
	"github.com/cinegit/guardian/internal/adapter/hand"
	"github.com/cinegit/guardian/internal/lambdakit"
	"github.com/cinegit/guardian/internal/lambdakit/live"
	"github.com/cinegit/guardian/internal/ledger"
	"github.com/cinegit/guardian/internal/policy"
)

func main() { lambdakit.Start("argocdhand", build) }

func build(ctx context.Context, k *lambdakit.Kit) (lambdakit.Handler, error) {
	b, err := live.Open(ctx, k)
	if err != nil {
		return nil, err
	}
	return live.Steps(ctx, b, func(p *policy.Policy) (live.Parts, func() error, error) {
		c := p.Connections.ArgoCD
		client, err := argocd.New(argocd.FromPolicy(c, b.Secrets.Token(c.Token)))
		if err != nil {
			return live.Parts{}, nil, err
		}
		probe := func(ctx context.Context) error { return client.ProbeFor(ctx, p) }
		return live.Parts{
			Steps:    []ledger.Step{ledger.StepAct, ledger.StepSettle},
			Deployer: client, Look: live.LookAtArgoCD,
			Calls: hand.Server{Deployer: client, Probe: probe},
		}, client.Close, nil
	})
}
