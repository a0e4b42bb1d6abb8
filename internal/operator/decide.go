package operator

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/cinegit/guardian/internal/api"
	"github.com/cinegit/guardian/internal/ledger"
	"github.com/cinegit/guardian/internal/remedy"
	"github.com/cinegit/guardian/internal/step"
)

func (o *Operator) postUndo(r *http.Request, by string) (any, error) {
	var reason api.Reason
	if err := decode(r, &reason); err != nil {
		return nil, err
	}
	id, err := o.Ledger.Find(r.Context(), r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	return o.Flow().Undo(r.Context(), id, by, reason.Why)
}

// postApprove records a person's answer and wakes the state machine that waits for it.
func (o *Operator) postApprove(granted bool) act {
	return func(r *http.Request, by string) (any, error) {
		var reason api.Reason
		if err := decode(r, &reason); err != nil {
			return nil, err
		}
		id, err := o.Ledger.Find(r.Context(), r.PathValue("id"))
		if err != nil {
			return nil, err
		}
		token, next, err := o.approve(r.Context(), id, ledger.Approval{Granted: granted, By: by, At: time.Now(), Why: reason.Why})
		if err != nil {
			return nil, err
		}
		o.Ended(next)
		if err := o.Send(r.Context(), id, token, next); err != nil {
			o.Log.WarnContext(r.Context(), "the answer is recorded and will be sent again", "incident", id, "error", err)
		}
		return o.Ledger.Incident(r.Context(), id)
	}
}

// approve tries again where an alert or a step wrote the incident at the same moment: a person is not to
// be asked twice for that.
func (o *Operator) approve(ctx context.Context, id string, a ledger.Approval) (token string, next remedy.Answer, err error) {
	next, err = step.Again(ctx, func() (next remedy.Answer, err error) {
		token, next, err = o.Flow().Approve(ctx, id, a)
		return next, err
	})
	return token, next, err
}

func (o *Operator) postFreeze(r *http.Request, by string) (any, error) {
	var f api.Freeze
	if err := decode(r, &f); err != nil {
		return nil, err
	}
	if err := o.known(f.Scope); err != nil {
		return nil, err
	}
	if f.For <= 0 || f.Why == "" {
		return nil, fmt.Errorf("%w: a freeze needs a time above zero and a reason", errBadInput)
	}
	now := time.Now()
	freeze := ledger.Freeze{Service: f.Service, Stage: f.Stage, Until: now.Add(f.For.D()), Why: f.Why, By: by, At: now}
	return freeze, o.Ledger.SetFreeze(r.Context(), freeze)
}

func (o *Operator) postUnfreeze(r *http.Request, _ string) (any, error) {
	var s api.Scope
	if err := decode(r, &s); err != nil {
		return nil, err
	}
	if err := o.known(s); err != nil {
		return nil, err
	}
	return s, o.Ledger.LiftFreeze(r.Context(), s.Service, s.Stage)
}

// known checks that a scope is everything, or names what the policy has.
func (o *Operator) known(s api.Scope) error {
	_, ok := o.Flow().Policy().Services[s.Service]
	if s.Stage == "" && (ok || s.Service == "") {
		return nil
	}
	return o.knownTarget(ledger.Target{Service: s.Service, Stage: s.Stage})
}

// knownTarget checks that the policy has a target.
func (o *Operator) knownTarget(t ledger.Target) error {
	if _, _, ok := o.Flow().Policy().Stage(t.Service, t.Stage); !ok {
		return fmt.Errorf("%w: the policy knows no service %.60q with stage %.60q", errBadInput, t.Service, t.Stage)
	}
	return nil
}

func (o *Operator) postRelease(r *http.Request, by string) (any, error) {
	var body api.Release
	if err := decode(r, &body); err != nil {
		return nil, err
	}
	if err := o.knownTarget(body.Target); err != nil {
		return nil, err
	}
	return o.Flow().Release(r.Context(), body.Target, by, body.Lift)
}

func (o *Operator) postAdmit(r *http.Request, _ string) (any, error) {
	var body api.Admit
	if err := decode(r, &body); err != nil {
		return nil, err
	}
	if err := o.knownTarget(body.Target); err != nil {
		return nil, err
	}
	if body.Release == "" {
		return nil, fmt.Errorf("%w: name the release", errBadInput)
	}
	return o.Flow().Admit(r.Context(), body.Target, body.Release)
}
