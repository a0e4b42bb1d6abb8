// Operator answers the guardian program: status, approve, freeze, undo. What it changes in Argo CD or in a
// flag it asks the hands for.
package main

import (
	"context"
	"time"

	"github.com/cinegit/guardian/internal/adapter/hand"
	"github.com/cinegit/guardian/internal/adapter/lambda"
	"github.com/cinegit/guardian/internal/adapter/sqs"
	"github.com/cinegit/guardian/internal/adapter/stepfunctions"
	"github.com/cinegit/guardian/internal/lambdakit"
	"github.com/cinegit/guardian/internal/lambdakit/live"
	"github.com/cinegit/guardian/internal/lambdakit/names"
	"github.com/cinegit/guardian/internal/policy"
	"github.com/cinegit/guardian/internal/remedy"
)

func main() { lambdakit.Start("operator", build) }

func build(ctx context.Context, k *lambdakit.Kit) (lambdakit.Handler, error) {
	b, err := live.Open(ctx, k)
	if err != nil {
		return nil, err
	}
	d := desk{
		base: b, started: time.Now(), address: k.Env(names.Policy),
		machine: stepfunctions.New(k.AWS, ""), // it only answers
		queue:   sqs.New(k.AWS, k.Env(names.QueueURL), k.Env(names.DeadLetters)),
		argocd:  lambda.New(k.AWS, k.Env(names.ArgoCDHand)).Once,
		flags:   lambda.New(k.AWS, k.Env(names.FlagHand)).Once,
		judge:   lambda.New(k.AWS, k.Env(names.JudgeName)).Once,
	}
	hands := live.Parts{Deployer: hand.ArgoCD{Invoke: d.argocd}, Flags: hand.Flags{Invoke: d.flags}}
	d.engines, err = live.Follow(ctx, b, func(p *policy.Policy) (*remedy.Flow, func() error, error) {
		return b.Flow(p, hands), nil, nil
	})
	return lambdakit.Sources{HTTP: d}, err
}
