package hand

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/cinegit/guardian/internal/deploy"
	"github.com/cinegit/guardian/internal/flag"
	"github.com/cinegit/guardian/internal/remedy"
)

// Server answers calls with what the function that it runs in can reach; what is nil it cannot.
type Server struct {
	Deployer remedy.Deployer
	Flags    remedy.Flags
	Store    flag.Store // only for reading every flag
	Switch   remedy.Switch
	Probe    func(ctx context.Context) error
}

// Serve answers one call. What fails on the way to the outside system is in the answer; an error says that
// the call is not one of those that are answered here.
func (s Server) Serve(ctx context.Context, payload []byte) ([]byte, error) {
	var r request
	if err := json.Unmarshal(payload, &r); err != nil {
		return nil, fmt.Errorf("call: %w", err)
	}
	var answer *reply
	switch {
	case r.Call == callProbe && s.Probe != nil:
		answer = &reply{Failed: sent(s.Probe(ctx))}
	case r.Call == callProbe:
		answer = &reply{} // nothing is connected that could fail
	case r.Call == callMayAct && s.Switch != nil:
		answer = &reply{}
		answer.Allowed, answer.Why = s.Switch.MayAct(ctx, r.Target)
	case s.Deployer != nil:
		answer = s.deployer(ctx, r)
	case s.Flags != nil:
		answer = s.flags(ctx, r)
	}
	if answer == nil {
		return nil, fmt.Errorf("call: %.40q is not answered here", r.Call)
	}
	return json.Marshal(answer)
}

func (s Server) deployer(ctx context.Context, r request) *reply {
	var answer reply
	var err error
	switch r.Call {
	case callApplication:
		var app deploy.Application
		if app, err = s.Deployer.Application(ctx, r.Ref); err == nil {
			answer.Application = &app
		}
	case callSyncAllowed:
		answer.Allowed, answer.Why, err = s.Deployer.SyncAllowed(ctx, r.Ref)
	case callRollback:
		err = s.Deployer.Rollback(ctx, r.Ref, r.ID, r.Prune)
	case callTerminate:
		err = s.Deployer.Terminate(ctx, r.Ref)
	case callPatch:
		err = s.Deployer.Patch(ctx, r.Ref, r.Patch)
	default:
		return nil
	}
	answer.Failed = sent(err)
	return &answer
}

func (s Server) flags(ctx context.Context, r request) *reply {
	var answer reply
	var err error
	switch {
	case r.Call == callFlag:
		answer.Definition, err = read(s.Flags.Flag(ctx, r.Key))
	case r.Call == callFlags && s.Store != nil:
		answer.Definitions, err = s.Store.All(ctx)
	case r.Call == callKill:
		answer.Definition, err = read(s.Flags.Kill(ctx, r.Before, r.Safe))
	case r.Call == callRestore:
		err = s.Flags.Restore(ctx, r.Before, r.Written)
	case r.Call == callServing:
		answer.Variant, err = s.Flags.Serving(ctx, r.Key)
	default:
		return nil
	}
	answer.Failed = sent(err)
	return &answer
}

func read(d flag.Definition, err error) (*flag.Definition, error) {
	if err != nil {
		return nil, err
	}
	return &d, nil
}
