package local

import (
	"context"
	"encoding/json"

	"github.com/cinegit/guardian/internal/ledger"
	"github.com/cinegit/guardian/internal/remedy"
	"github.com/cinegit/guardian/internal/step"
	"github.com/cinegit/guardian/internal/workflow"
)

// functions are what the state machine's tasks call, by the names that the file gives them. On AWS each is
// a Lambda of its own.
func (g *Guardian) functions() map[string]workflow.Function {
	return map[string]workflow.Function{
		"JudgeFunction":  g.steps(nil),
		"DecideFunction": g.steps(nil),
		"ArgoCDHandFunction": g.steps(func(ctx context.Context, t ledger.Target) error {
			return g.engine().rec.Target(ctx, t)
		}),
		"FlagHandFunction": g.steps(func(ctx context.Context, t ledger.Target) error {
			return g.engine().rec.ServiceFlags(ctx, t.Service)
		}),
	}
}

// steps are those of the flow, and the look of one hand. Each runs under the policy in force when it begins.
func (g *Guardian) steps(look func(context.Context, ledger.Target) error) workflow.Function {
	steps := step.Steps{
		Flow: func(ctx context.Context, task remedy.Task) (remedy.Answer, error) {
			return g.engine().flow.Handle(ctx, task)
		},
		Look: look, Ledger: g.ledger, Ended: g.metrics.ended, Log: g.log,
	}
	return func(ctx context.Context, payload json.RawMessage) (json.RawMessage, error) {
		return steps.Run(ctx, payload)
	}
}
