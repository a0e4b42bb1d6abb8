package live

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/cinegit/guardian/internal/adapter/hand"
	"github.com/cinegit/guardian/internal/health"
	"github.com/cinegit/guardian/internal/lambdakit"
	"github.com/cinegit/guardian/internal/lambdakit/names"
	"github.com/cinegit/guardian/internal/ledger"
	"github.com/cinegit/guardian/internal/policy"
	"github.com/cinegit/guardian/internal/reconcile"
	"github.com/cinegit/guardian/internal/remedy"
	"github.com/cinegit/guardian/internal/step"
)

// Parts are what one function reaches of a policy, and which steps it takes. What it does not reach stays
// zero.
type Parts struct {
	Steps    []ledger.Step
	Deployer remedy.Deployer
	Flags    remedy.Flags
	Switch   remedy.Switch
	Health   health.Judge
	Look     Look
	Prove    bool
	Calls    hand.Server
}

// Look says what a function looks at.
type Look int

// What there is to look at.
const (
	LookAtNothing Look = iota
	LookAtArgoCD
	LookAtFlags
)

// Steps gives the handler of a function that takes steps of the flow, and calls of its ports.
func Steps(ctx context.Context, b *Base, connect func(p *policy.Policy) (parts Parts, closes func() error, err error)) (lambdakit.Handler, error) {
	engines, err := Follow(ctx, b, connect)
	if err != nil {
		return nil, err
	}
	return lambdakit.Sources{Any: func(ctx context.Context, event []byte) ([]byte, error) {
		e, err := engines.Current(ctx)
		if err != nil {
			return nil, err
		}
		if hand.IsCall(event) {
			return e.Parts.Calls.Serve(ctx, event)
		}
		return b.steps(e.Policy, e.Parts).Run(ctx, event)
	}}, nil
}

// steps are the steps that the parts allow.
func (b *Base) steps(p *policy.Policy, parts Parts) step.Steps {
	flow := b.Flow(p, parts)
	r := b.Reconciler(p, parts)
	s := step.Steps{
		Flow: func(ctx context.Context, task remedy.Task) (remedy.Answer, error) {
			if !slices.Contains(parts.Steps, task.Step) {
				return remedy.Answer{}, step.Named(step.Malformed, fmt.Errorf("task: step %.40q is not taken here", task.Step))
			}
			return flow.Handle(ctx, task)
		},
		Ledger: b.Ledger, Ended: b.Ended, Log: b.Log, Stay: 15 * time.Second,
	}
	switch parts.Look {
	case LookAtArgoCD:
		s.Look = r.Target
	case LookAtFlags:
		s.Look = func(ctx context.Context, t ledger.Target) error { return r.ServiceFlags(ctx, t.Service) }
	case LookAtNothing:
	}
	if parts.Prove {
		s.Prove = r.Prove
	}
	return s
}

// Flow is the alert flow with what a function reaches. What it does not reach answers that it is out of
// reach.
func (b *Base) Flow(p *policy.Policy, parts Parts) *remedy.Flow {
	f := &remedy.Flow{
		Policy: func() *policy.Policy { return p }, Ledger: b.Ledger, Health: parts.Health,
		Deployer: hand.ArgoCD{Invoke: nobody}, Flags: hand.Flags{Invoke: nobody}, Switch: hand.Flags{Invoke: nobody},
		Now: time.Now, Log: b.Log,
	}
	if parts.Deployer != nil {
		f.Deployer = parts.Deployer
	}
	if parts.Flags != nil {
		f.Flags = parts.Flags
	}
	if parts.Switch != nil {
		f.Switch = parts.Switch
	}
	return f
}

// Reconciler is the reconciler with what a function reaches.
func (b *Base) Reconciler(p *policy.Policy, parts Parts) *reconcile.Reconciler {
	return &reconcile.Reconciler{
		Policy: func() *policy.Policy { return p }, Ledger: b.Ledger, Deployer: parts.Deployer, Flags: parts.Flags,
		Health: parts.Health, Now: time.Now, Log: b.Log,
	}
}

// Ended counts an incident that has ended.
func (b *Base) Ended(a remedy.Answer) {
	if a.End != "" {
		b.Metrics.Add(names.Incidents, 1, "End", string(a.End))
	}
}

// nobody is the hand of a function that has none.
func nobody(context.Context, []byte) ([]byte, error) {
	return nil, errors.New("this function does not reach it")
}

// Ask is the payload of a step of a target, for the function that takes it.
func Ask(t ledger.Target, s ledger.Step) ([]byte, error) {
	return json.Marshal(map[string]string{"service": t.Service, "stage": t.Stage, "step": string(s)})
}
