// Reconcile looks by itself, once a minute: at every target and flag, whether what runs has proved good, and
// whether what was begun comes to its end. A lost event costs time, never truth.
package main

import (
	"context"

	"github.com/cinegit/guardian/internal/adapter/lambda"
	"github.com/cinegit/guardian/internal/adapter/stepfunctions"
	"github.com/cinegit/guardian/internal/lambdakit"
	"github.com/cinegit/guardian/internal/lambdakit/live"
	"github.com/cinegit/guardian/internal/lambdakit/names"
	"github.com/cinegit/guardian/internal/policy"
	"github.com/cinegit/guardian/internal/remedy"
)

func main() { lambdakit.Start("reconcile", build) }

func build(ctx context.Context, k *lambdakit.Kit) (lambdakit.Handler, error) {
	b, err := live.Open(ctx, k)
	if err != nil {
		return nil, err
	}
	r := rounds{
		base:    b,
		machine: stepfunctions.New(k.AWS, k.Env(names.StateMachine)),
		argocd:  lambda.New(k.AWS, k.Env(names.ArgoCDHand)),
		flags:   lambda.New(k.AWS, k.Env(names.FlagHand)),
		judge:   lambda.New(k.AWS, k.Env(names.JudgeName)),
		notify:  lambda.New(k.AWS, k.Env(names.NotifyName)),
	}
	r.engines, err = live.Follow(ctx, b, func(p *policy.Policy) (*remedy.Flow, func() error, error) {
		return b.Flow(p, live.Parts{}), nil, nil
	})
	return lambdakit.Sources{Any: r.run}, err
}
