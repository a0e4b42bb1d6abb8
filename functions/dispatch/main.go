// Dispatch handles what was taken in: it joins alerts to their incidents, starts the state machines of new
// ones, and lets Argo CD's hand look where a notification says that something happened.
package main

import (
	"context"

	"github.com/cinegit/guardian/internal/adapter/lambda"
	"github.com/cinegit/guardian/internal/adapter/sqs"
	"github.com/cinegit/guardian/internal/adapter/stepfunctions"
	"github.com/cinegit/guardian/internal/lambdakit"
	"github.com/cinegit/guardian/internal/lambdakit/live"
	"github.com/cinegit/guardian/internal/lambdakit/names"
	"github.com/cinegit/guardian/internal/policy"
	"github.com/cinegit/guardian/internal/remedy"
)

func main() { lambdakit.Start("dispatch", build) }

func build(ctx context.Context, k *lambdakit.Kit) (lambdakit.Handler, error) {
	b, err := live.Open(ctx, k)
	if err != nil {
		return nil, err
	}
	m := messages{
		base:    b,
		machine: stepfunctions.New(k.AWS, k.Env(names.StateMachine)),
		hand:    lambda.New(k.AWS, k.Env(names.ArgoCDHand)),
		queue:   sqs.New(k.AWS, "", k.Env(names.DeadLetters)), // it only buries
	}
	m.engines, err = live.Follow(ctx, b, func(p *policy.Policy) (*remedy.Flow, func() error, error) {
		return b.Flow(p, live.Parts{}), nil, nil
	})
	return lambdakit.Sources{SQS: m.handle}, err
}
