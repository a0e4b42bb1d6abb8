package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/cinegit/guardian/internal/adapter/lambda"
	"github.com/cinegit/guardian/internal/adapter/stepfunctions"
	"github.com/cinegit/guardian/internal/lambdakit/live"
	"github.com/cinegit/guardian/internal/lambdakit/names"
	"github.com/cinegit/guardian/internal/ledger"
	"github.com/cinegit/guardian/internal/policy"
	"github.com/cinegit/guardian/internal/remedy"
	"github.com/cinegit/guardian/internal/step"
	"github.com/cinegit/guardian/internal/upkeep"
)

// atOnce is how many targets are looked at at the same time, so that Argo CD is not stormed.
const atOnce = 16

// rounds goes round all targets.
type rounds struct {
	base                         *live.Base
	engines                      *live.Engines[*remedy.Flow]
	machine                      *stepfunctions.Machine
	argocd, flags, judge, notify lambda.Function
}

// run is one round. What goes wrong in it is logged and counted, and holds up nothing else; the next round
// tries again.
func (r rounds) run(ctx context.Context, _ []byte) ([]byte, error) {
	e, err := r.engines.Current(ctx)
	if err != nil {
		return nil, err
	}
	var troubles atomic.Int64
	try := func(what, of string, err error) bool {
		if err != nil {
			troubles.Add(1)
			r.base.Log.WarnContext(ctx, "trouble", "with", what, "of", of, "error", err)
		}
		return err == nil
	}
	try("upkeep", "incidents", upkeep.Upkeep{Flow: e.Parts, Machine: r.machine, Ended: r.base.Ended}.Run(ctx))
	try("outbox", "messages", r.notify.Send(ctx, []byte(`{}`)))
	var some errgroup.Group
	some.SetLimit(atOnce)
	for _, t := range mixed(targets(e.Policy)) {
		some.Go(func() error {
			r.visit(ctx, e.Policy, t, try)
			return nil
		})
	}
	_ = some.Wait() // nothing in it fails
	r.base.Metrics.Add(names.Troubles, float64(troubles.Load()))
	if ctx.Err() != nil {
		return nil, fmt.Errorf("the round did not come to its end: %w", ctx.Err())
	}
	r.base.Metrics.Add(names.Heartbeat, 1)
	return []byte(`{}`), nil
}

// visit looks at one target, or at the flags of a service where the target has no stage.
func (r rounds) visit(ctx context.Context, p *policy.Policy, t ledger.Target, try func(what, of string, err error) bool) {
	if t.Stage == "" {
		try("read flags", t.Service, ask(ctx, r.flags, t, remedy.StepLook))
		return
	}
	if !try("reconcile", t.String(), ask(ctx, r.argocd, t, remedy.StepLook)) {
		return
	}
	due, err := r.base.Reconciler(p, live.Parts{}).Due(ctx, t)
	if try("prove", t.String(), err) && due {
		try("prove", t.String(), ask(ctx, r.judge, t, step.StepProve))
	}
}

// targets are those of a policy and, without a stage, its services that have flags.
func targets(p *policy.Policy) []ledger.Target {
	all := ledger.Targets(p)
	for name, service := range p.Services {
		if len(service.Flags) > 0 {
			all = append(all, ledger.Target{Service: name})
		}
	}
	return all
}

// mixed puts targets into another order each time, so that what a round has no time for is not always the
// same.
func mixed(all []ledger.Target) []ledger.Target {
	rand.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all
}

func ask(ctx context.Context, f lambda.Function, t ledger.Target, s ledger.Step) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	payload, err := live.Ask(t, s)
	if err != nil {
		return err
	}
	_, err = f.Call(ctx, payload)
	return err
}
