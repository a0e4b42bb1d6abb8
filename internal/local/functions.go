package local

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/cinegit/guardian/internal/ledger"
	"github.com/cinegit/guardian/internal/remedy"
	"github.com/cinegit/guardian/internal/workflow"
)

// conflicts is how often a write that another one came before is tried at once.
const conflicts = 16

// functions are what the state machine's tasks call, by the names that the file gives them. On AWS each is
// a Lambda of its own.
func (g *Guardian) functions() map[string]workflow.Function {
	return map[string]workflow.Function{
		"JudgeFunction":      g.step,
		"DecideFunction":     g.step,
		"ArgoCDHandFunction": g.lookOr(g.lookArgoCD),
		"FlagHandFunction":   g.lookOr(g.lookFlags),
	}
}

// step runs one step of the alert flow.
func (g *Guardian) step(ctx context.Context, payload json.RawMessage) (json.RawMessage, error) {
	var task remedy.Task
	if err := json.Unmarshal(payload, &task); err != nil {
		return nil, fmt.Errorf("task: %w", err)
	}
	answer, err := g.handleStep(ctx, task)
	if err != nil {
		return nil, named(err)
	}
	g.metrics.stepped(task, answer)
	return json.Marshal(answer)
}

// handleStep runs a step again at once where another write came between, as in a storm of alerts or when
// many targets act at the same moment: the state machine's own retries wait for seconds, then for minutes.
func (g *Guardian) handleStep(ctx context.Context, task remedy.Task) (answer remedy.Answer, err error) {
	for range conflicts {
		answer, err = g.engine().flow.Handle(ctx, task)
		if !errors.Is(err, ledger.ErrConflict) || ctx.Err() != nil {
			break
		}
	}
	return answer, err
}

// lookOr runs the look step by look, and all others as steps of the flow.
func (g *Guardian) lookOr(look func(context.Context, ledger.Target) error) workflow.Function {
	return func(ctx context.Context, payload json.RawMessage) (json.RawMessage, error) {
		var task remedy.Task
		if err := json.Unmarshal(payload, &task); err != nil {
			return nil, fmt.Errorf("task: %w", err)
		}
		if task.Step != remedy.StepLook {
			return g.step(ctx, payload)
		}
		inc, err := g.ledger.Incident(ctx, task.ID)
		if err != nil {
			return nil, named(err)
		}
		// What cannot be read is in the ledger, for blame and the guards to weigh.
		if err := look(ctx, inc.Target); err != nil {
			g.log.WarnContext(ctx, "look", "target", inc.Target.String(), "error", err)
		}
		return json.RawMessage(`{}`), nil
	}
}

func (g *Guardian) lookArgoCD(ctx context.Context, t ledger.Target) error {
	return g.engine().rec.Target(ctx, t)
}

func (g *Guardian) lookFlags(ctx context.Context, t ledger.Target) error {
	return g.engine().rec.ServiceFlags(ctx, t.Service)
}

// failure gives an error the name that the state machine's Retry and Catch know it by. This is the one
// place where errors of the flow get such names.
type failure struct {
	name string
	error
}

func (f failure) ErrorName() string { return f.name }
func (f failure) Unwrap() error     { return f.error }

func named(err error) error {
	if errors.Is(err, ledger.ErrConflict) || errors.Is(err, ledger.ErrHeld) {
		return failure{"Conflict", err}
	}
	return failure{"Transient", err}
}
