// Decide decides from what the ledger holds: blame, choose, approve, give up. Of the outside it asks the
// flag hand for Guardian's own switch, and nothing else.
package main

import (
	"context"

	"github.com/cinegit/guardian/internal/adapter/hand"
	"github.com/cinegit/guardian/internal/adapter/lambda"
	"github.com/cinegit/guardian/internal/lambdakit"
	"github.com/cinegit/guardian/internal/lambdakit/live"
	"github.com/cinegit/guardian/internal/lambdakit/names"
	"github.com/cinegit/guardian/internal/ledger"
	"github.com/cinegit/guardian/internal/policy"
	"github.com/cinegit/guardian/internal/remedy"
)

func main() { lambdakit.Start("decide", build) }

func build(ctx context.Context, k *lambdakit.Kit) (lambdakit.Handler, error) {
	b, err := live.Open(ctx, k)
	if err != nil {
		return nil, err
	}
	flags := hand.Flags{Invoke: lambda.New(k.AWS, k.Env(names.FlagHand)).Call}
	return live.Steps(ctx, b, func(*policy.Policy) (live.Parts, func() error, error) {
		return live.Parts{
			Steps:  []ledger.Step{ledger.StepBlame, ledger.StepChoose, ledger.StepApprove, remedy.StepGiveUp},
			Switch: flags,
		}, nil, nil
	})
}
