// Judge asks the metrics: is it bad (confirm), did the remedy help (verify), has what runs proved good
// (prove). It changes nothing.
package main

import (
	"context"

	"github.com/cinegit/guardian/internal/adapter/hand"
	"github.com/cinegit/guardian/internal/adapter/prometheus"
	"github.com/cinegit/guardian/internal/health"
	"github.com/cinegit/guardian/internal/lambdakit"
	"github.com/cinegit/guardian/internal/lambdakit/live"
	"github.com/cinegit/guardian/internal/ledger"
	"github.com/cinegit/guardian/internal/policy"
)

func main() { lambdakit.Start("judge", build) }

func build(ctx context.Context, k *lambdakit.Kit) (lambdakit.Handler, error) {
	b, err := live.Open(ctx, k)
	if err != nil {
		return nil, err
	}
	return live.Steps(ctx, b, func(p *policy.Policy) (live.Parts, func() error, error) {
		c := p.Connections.Prometheus
		metrics, err := prometheus.New(prometheus.FromPolicy(c, b.Secrets.Token(c.Token)))
		return live.Parts{
			Steps:  []ledger.Step{ledger.StepConfirm, ledger.StepVerify},
			Health: health.Judge{Metrics: metrics}, Prove: true,
			Calls: hand.Server{Probe: metrics.Probe},
		}, nil, err
	})
}
