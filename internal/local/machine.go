package local

import (
	"context"
	"encoding/json"
	"errors"
	"slices"

	"github.com/cinegit/guardian/internal/upkeep"
	"github.com/cinegit/guardian/internal/workflow"
)

// machine is the workflow runner as the flow's upkeep sees it.
type machine struct{ runner *workflow.Runner }

var _ upkeep.Machine = machine{}

func (g *Guardian) machine() machine { return machine{g.runner} }

func (m machine) Start(ctx context.Context, id string) error {
	_, err := m.runner.Start(ctx, id, map[string]string{"id": id})
	return err
}

func (m machine) Over(ctx context.Context, id string) (over bool, how string, err error) {
	x, err := m.runner.Describe(ctx, id)
	if errors.Is(err, workflow.ErrNoExecution) {
		return false, "", nil
	}
	return err == nil && x.Status != workflow.Running, string(x.Status), err
}

func (m machine) Asking(ctx context.Context) ([]string, error) {
	running, err := m.runner.List(ctx, workflow.Running)
	var asking []string
	for _, x := range running {
		if slices.Contains(x.States, "Approve") {
			asking = append(asking, x.Name)
		}
	}
	return asking, err
}

func (m machine) Answer(ctx context.Context, token string, output json.RawMessage) error {
	return unlessOver(m.runner.SendTaskSuccess(ctx, token, output))
}

func (m machine) Heartbeat(_ context.Context, token string) error {
	return unlessOver(m.runner.Heartbeat(token))
}

// unlessOver forgives that nobody waits for a token: what waited has its answer.
func unlessOver(err error) error {
	if errors.Is(err, workflow.ErrNoTask) {
		return nil
	}
	return err
}

// upkeep is what brings to its end what was begun.
func (g *Guardian) upkeep() upkeep.Upkeep {
	return upkeep.Upkeep{Flow: g.engine().flow, Machine: g.machine(), Ended: g.metrics.ended}
}
