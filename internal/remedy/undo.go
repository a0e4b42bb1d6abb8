package remedy

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/cinegit/guardian/internal/deploy"
	"github.com/cinegit/guardian/internal/ledger"
)

// Undo puts back what Guardian changed in an incident, newest first, from the before-images. It looks
// first whether all of it can be put back, and changes nothing if not: ErrCannotUndo says what a
// person changed since. An incident that only watches what came of its remedy is ended by it. It is a
// person's decision: Guardian does not make the same change there again.
func (f *Flow) Undo(ctx context.Context, id, by, why string) (inc ledger.Incident, err error) {
	var c *course
	for range attempts { // a step or an alert may write at the same moment, and nothing is done yet
		if c, err = f.undoable(ctx, id, by); !errors.Is(err, ledger.ErrConflict) {
			break
		}
	}
	if err != nil {
		return inc, err
	}
	err = f.alone(ctx, c.inc.Target, "undo "+id, func(lease ledger.Lease) error {
		c.lease = lease
		return f.undo(ctx, c, by, why)
	})
	return c.inc, err
}

// undoable gives an incident that has ended, or is ended here, and left something to undo.
func (f *Flow) undoable(ctx context.Context, id, by string) (*course, error) {
	c, err := f.load(ctx, id)
	if err != nil {
		return nil, err
	}
	if c.inc.End == "" && c.inc.Step != ledger.StepSettle && c.inc.Step != ledger.StepVerify {
		return nil, fmt.Errorf("%w: incident %s is still at work (step %s): %s", ErrCannotUndo, id, c.inc.Step, patience(c.inc))
	}
	if !dirty(c.inc) {
		return nil, fmt.Errorf("%w: incident %s left nothing to undo", ErrCannotUndo, id)
	}
	known := false
	if c.service, c.stage, known = c.pol.Stage(c.inc.Target.Service, c.inc.Target.Stage); !known {
		return nil, fmt.Errorf("%w: the policy no longer knows %s: add it again, or undo by hand what guardian explain %s shows",
			ErrCannotUndo, c.inc.Target, id)
	}
	return c, f.cutShort(ctx, c, by)
}

// patience says what a person can do who cannot undo yet.
func patience(inc ledger.Incident) string {
	if inc.Step == ledger.StepApprove {
		return "reject it first"
	}
	return "try again in a moment"
}

// cutShort ends an incident that watches what came of its remedy, where all of it can be put back: nobody
// is to wait for gates that may never answer.
func (f *Flow) cutShort(ctx context.Context, c *course, by string) error {
	if c.inc.End != "" {
		return nil
	}
	if _, err := f.undoSteps(ctx, c); err != nil {
		return err
	}
	_, err := f.finish(ctx, c, ledger.StoodDown, by+" undoes it before it could be told whether it helped")
	c.events, c.messages, c.also = nil, nil, nil
	return err
}

// personTTL is how long a person's change may hold a target. Should Guardian die in the midst of it, alerts
// for the target wait that long.
const personTTL = 5 * time.Minute

// alone does something while it holds the target's lease. ledger.ErrHeld: an incident is at work there.
func (f *Flow) alone(ctx context.Context, t ledger.Target, holder string, do func(ledger.Lease) error) error {
	lease, err := f.Ledger.Hold(ctx, t, holder, f.Now(), personTTL)
	if err != nil {
		return err
	}
	free, err := lease.FreeOp()
	if err != nil {
		return err
	}
	return errors.Join(do(lease), f.Ledger.Write(context.WithoutCancel(ctx), free))
}

func (f *Flow) undo(ctx context.Context, c *course, by, why string) error {
	steps, err := f.undoSteps(ctx, c)
	if err != nil {
		return err
	}
	err = f.note(ctx, c, func() error {
		c.tell(ledger.EventPerson, "%s undoes what Guardian did%s", by, colon(why)).By = by
		return nil
	})
	if err != nil {
		return err
	}
	for _, s := range steps {
		if err := s.do(ctx); err != nil {
			c.tell(ledger.EventTrouble, "undo failed: %s", err)
			return errors.Join(fmt.Errorf("undo %s of incident %s: %w", s.what, c.inc.ID, err), f.save(ctx, c))
		}
		err := f.note(ctx, c, func() error {
			e := &c.inc.Effects[s.effect]
			e.UndoneAt, e.UndoneBy = c.now, by
			c.tell(ledger.EventEffect, "undone: %s", s.what).By = by
			return nil
		})
		if err != nil {
			return err
		}
	}
	return f.note(ctx, c, func() error { return f.undone(ctx, c, by) })
}

// note changes the incident and writes it. Where the end of an alert was noted at the same moment it does so
// again on what the incident has become: what is done in the world must not stay unwritten for that.
func (f *Flow) note(ctx context.Context, c *course, change func() error) (err error) {
	for range attempts {
		if err := change(); err != nil {
			return err
		}
		if err = f.save(ctx, c); !errors.Is(err, ledger.ErrConflict) {
			return err
		}
		inc, unread := f.Ledger.Incident(ctx, c.inc.ID)
		if unread != nil {
			return errors.Join(err, unread)
		}
		c.inc, c.events, c.also = inc, nil, nil
	}
	return err
}

// undone records the person's decision: the change that is back stays, and is quarantined no longer.
func (f *Flow) undone(ctx context.Context, c *course, by string) error {
	c.inc.UndoneAt, c.inc.UndoneBy = c.now, by
	lifted, err := f.liftedOps(ctx, c.inc.ID, by, c.now)
	if err != nil {
		return err
	}
	c.also = append(c.also, lifted...)
	for _, r := range c.inc.Plan {
		if !r.Tried {
			continue
		}
		op, err := ledger.OverrideOp(ledger.Override{Target: c.inc.Target, Change: changeOf(r), By: by, At: c.now, Why: "undid incident " + c.inc.ID})
		if err != nil {
			return err
		}
		c.also = append(c.also, op)
	}
	c.also = append(c.also, ledger.DropRevertOp(c.inc.Target))
	return nil
}

// giveBack switches auto-sync on as it was, and forgets that it was off.
func (f *Flow) giveBack(ctx context.Context, t ledger.Target, app deploy.Application, automated json.RawMessage) error {
	patch := fmt.Appendf(nil, `{"spec":{"syncPolicy":{"automated":%s}}}`, automated)
	if err := f.Deployer.Patch(ctx, app.Ref, patch); err != nil {
		return err
	}
	return f.Ledger.Write(ctx, ledger.DropHoldOp(t))
}

// Released says what Release did.
type Released struct {
	AutoSync bool                `json:"autoSync"` // auto-sync is on again
	Lifted   []ledger.Quarantine `json:"lifted"`
	At       time.Time           `json:"at"`
}
