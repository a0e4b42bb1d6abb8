package hand

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/cinegit/guardian/internal/deploy"
	"github.com/cinegit/guardian/internal/flag"
	"github.com/cinegit/guardian/internal/ledger"
	"github.com/cinegit/guardian/internal/remedy"
)

// Invoke invokes the hand's function once with a payload and gives its answer. An error says nothing of
// whether the function ran.
type Invoke func(ctx context.Context, payload []byte) (answer []byte, err error)

// call asks the hand. unreachable is what it means when the hand itself gives no answer.
func (i Invoke) call(ctx context.Context, r request, unreachable error) (reply, error) {
	payload, err := json.Marshal(r)
	if err != nil {
		return reply{}, fmt.Errorf("%s: %w", r.Call, err)
	}
	raw, err := i(ctx, payload)
	if err != nil {
		return reply{}, fmt.Errorf("%s: %w: its hand gave no answer: %w", r.Call, unreachable, err)
	}
	var answer reply
	if err := json.Unmarshal(raw, &answer); err != nil {
		return reply{}, fmt.Errorf("%s: %w: its hand's answer: %w", r.Call, unreachable, err)
	}
	return answer, answer.Failed.received()
}

// Probe asks whether a hand reaches what it works on.
func Probe(ctx context.Context, invoke Invoke) error {
	payload, err := json.Marshal(request{Call: callProbe})
	if err != nil {
		return err
	}
	raw, err := invoke(ctx, payload)
	if err != nil {
		return err
	}
	var answer reply
	if err := json.Unmarshal(raw, &answer); err != nil {
		return fmt.Errorf("probe: %w", err)
	}
	return answer.Failed.received()
}

// ArgoCD is Argo CD through its hand.
type ArgoCD struct{ Invoke Invoke }

var _ remedy.Deployer = ArgoCD{}

// Application implements remedy.Deployer.
func (a ArgoCD) Application(ctx context.Context, ref deploy.Ref) (deploy.Application, error) {
	answer, err := a.Invoke.call(ctx, request{Call: callApplication, Ref: ref}, deploy.ErrUnavailable)
	if answer.Application == nil {
		return deploy.Application{}, err
	}
	return *answer.Application, err
}

// SyncAllowed implements remedy.Deployer.
func (a ArgoCD) SyncAllowed(ctx context.Context, ref deploy.Ref) (allowed bool, why string, err error) {
	answer, err := a.Invoke.call(ctx, request{Call: callSyncAllowed, Ref: ref}, deploy.ErrUnavailable)
	return answer.Allowed, answer.Why, err
}

// Rollback implements remedy.Deployer.
func (a ArgoCD) Rollback(ctx context.Context, ref deploy.Ref, id int64, prune bool) error {
	return a.change(ctx, request{Call: callRollback, Ref: ref, ID: id, Prune: prune})
}

// Terminate implements remedy.Deployer.
func (a ArgoCD) Terminate(ctx context.Context, ref deploy.Ref) error {
	return a.change(ctx, request{Call: callTerminate, Ref: ref})
}

// Patch implements remedy.Deployer.
func (a ArgoCD) Patch(ctx context.Context, ref deploy.Ref, mergePatch []byte) error {
	return a.change(ctx, request{Call: callPatch, Ref: ref, Patch: mergePatch})
}

func (a ArgoCD) change(ctx context.Context, r request) error {
	_, err := a.Invoke.call(ctx, r, deploy.ErrUnavailable)
	return err
}

// Flags is the flag store through its hand.
type Flags struct{ Invoke Invoke }

var (
	_ remedy.Flags  = Flags{}
	_ remedy.Switch = Flags{}
	_ flag.Store    = Flags{}
)

// Flag implements remedy.Flags and flag.Store.
func (f Flags) Flag(ctx context.Context, key string) (flag.Definition, error) {
	return f.definition(ctx, request{Call: callFlag, Key: key})
}

// All implements flag.Store.
func (f Flags) All(ctx context.Context) ([]flag.Definition, error) {
	answer, err := f.Invoke.call(ctx, request{Call: callFlags}, flag.ErrUnavailable)
	return answer.Definitions, err
}

// Kill implements remedy.Flags and flag.Store.
func (f Flags) Kill(ctx context.Context, before flag.Definition, safe string) (flag.Definition, error) {
	return f.definition(ctx, request{Call: callKill, Before: before, Safe: safe})
}

// Restore implements remedy.Flags and flag.Store.
func (f Flags) Restore(ctx context.Context, before, written flag.Definition) error {
	_, err := f.Invoke.call(ctx, request{Call: callRestore, Before: before, Written: written}, flag.ErrUnavailable)
	return err
}

// Serving implements remedy.Flags.
func (f Flags) Serving(ctx context.Context, key string) (variant string, err error) {
	answer, err := f.Invoke.call(ctx, request{Call: callServing, Key: key}, flag.ErrUnavailable)
	return answer.Variant, err
}

// MayAct implements remedy.Switch. A hand that gives no answer keeps Guardian from acting, as a switch that
// cannot be read does.
func (f Flags) MayAct(ctx context.Context, target ledger.Target) (may bool, why string) {
	answer, err := f.Invoke.call(ctx, request{Call: callMayAct, Target: target}, flag.ErrUnavailable)
	if err != nil {
		return false, fmt.Sprintf("Guardian's own switch cannot be read: %s", err)
	}
	return answer.Allowed, answer.Why
}

func (f Flags) definition(ctx context.Context, r request) (flag.Definition, error) {
	answer, err := f.Invoke.call(ctx, r, flag.ErrUnavailable)
	if answer.Definition == nil {
		return flag.Definition{}, err
	}
	return *answer.Definition, err
}
