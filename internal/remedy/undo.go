package remedy

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/cinegit/guardian/internal/deploy"
	"github.com/cinegit/guardian/internal/flag"
	"github.com/cinegit/guardian/internal/ledger"
)

// Undo puts back what Guardian changed in an incident, newest first, from the before-images. It looks
// first whether all of it can be put back, and changes nothing if not: ErrCannotUndo says what a
// person changed since. An incident that only watches what came of its remedy is ended by it. It is a
// person's decision: Guardian does not make the same change there again.
func (f *Flow) Undo(ctx context.Context, id, by, why string) (ledger.Incident, error) {
	c, err := f.load(ctx, id)
	if err != nil {
		return ledger.Incident{}, err
	}
	if c.inc.End == "" && c.inc.Step != ledger.StepSettle && c.inc.Step != ledger.StepVerify {
		return c.inc, fmt.Errorf("%w: incident %s is still at work (step %s): %s", ErrCannotUndo, id, c.inc.Step, patience(c.inc))
	}
	if !dirty(c.inc) {
		return c.inc, fmt.Errorf("%w: incident %s left nothing to undo", ErrCannotUndo, id)
	}
	known := false
	if c.service, c.stage, known = c.pol.Stage(c.inc.Target.Service, c.inc.Target.Stage); !known {
		return c.inc, fmt.Errorf("%w: the policy no longer knows %s: add it again, or undo by hand what guardian explain %s shows",
			ErrCannotUndo, c.inc.Target, id)
	}
	if err := f.cutShort(ctx, c, by); err != nil {
		return c.inc, err
	}
	err = f.alone(ctx, c.inc.Target, "undo "+id, func(lease ledger.Lease) error {
		c.lease = lease
		return f.undo(ctx, c, by, why)
	})
	return c.inc, err
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
	c.tell(ledger.EventPerson, "%s undoes what Guardian did%s", by, colon(why)).By = by
	if err := f.save(ctx, c); err != nil {
		return err
	}
	for _, s := range steps {
		if err := s.do(ctx); err != nil {
			c.tell(ledger.EventTrouble, "undo failed: %s", err)
			return errors.Join(fmt.Errorf("undo %s of incident %s: %w", s.what, c.inc.ID, err), f.save(ctx, c))
		}
		e := &c.inc.Effects[s.effect]
		e.UndoneAt, e.UndoneBy = c.now, by
		c.tell(ledger.EventEffect, "undone: %s", s.what).By = by
		if err := f.save(ctx, c); err != nil {
			return err
		}
	}
	return f.undone(ctx, c, by)
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
	return f.save(ctx, c)
}

// undoStep puts one effect back.
type undoStep struct {
	effect int
	what   string
	do     func(ctx context.Context) error
}

// undoSteps plans the whole undo, newest effect first, or says why it cannot be done.
func (f *Flow) undoSteps(ctx context.Context, c *course) ([]undoStep, error) {
	var app deploy.Application
	if slices.ContainsFunc(c.inc.Effects, func(e ledger.Effect) bool { return e.Kind != ledger.EffectFlag }) {
		var err error
		if app, err = f.Deployer.Application(ctx, c.ref()); err != nil {
			return nil, err
		}
	}
	var steps []undoStep
	for i := len(c.inc.Effects) - 1; i >= 0; i-- {
		e := c.inc.Effects[i]
		if e.Refused || !e.UndoneAt.IsZero() {
			continue
		}
		step, err := f.undoStep(ctx, c, app, e)
		if err != nil {
			return nil, err
		}
		step.effect = i
		steps = append(steps, step)
	}
	return steps, nil
}

func (f *Flow) undoStep(ctx context.Context, c *course, app deploy.Application, e ledger.Effect) (undoStep, error) {
	switch e.Kind {
	case ledger.EffectFlag:
		return f.undoFlag(ctx, c.inc, e)
	case ledger.EffectRollback:
		return f.undoRollback(ctx, c, app, e)
	case ledger.EffectPin:
		if deploy.SameSources(app.Sources, e.Before) {
			return undoStep{what: "the source is as before already", do: func(context.Context) error { return nil }}, nil
		}
		if !deploy.SameSources(app.Sources, e.After) {
			return undoStep{}, fmt.Errorf("%w: the source of %s was changed since", ErrCannotUndo, app.Ref)
		}
		patch, err := pinPatch(app.Sources, e.Before)
		return undoStep{what: "source put back", do: func(ctx context.Context) error {
			return f.Deployer.Patch(ctx, app.Ref, patch)
		}}, err
	case ledger.EffectAutoSync:
		return undoStep{what: "auto-sync given back", do: func(ctx context.Context) error {
			return f.giveBack(ctx, c.inc.Target, app, e.Before)
		}}, nil
	case ledger.EffectTerminate:
		return undoStep{what: "a terminated operation stays ended", do: func(context.Context) error { return nil }}, nil
	}
	return undoStep{}, fmt.Errorf("%w: effect %q", ErrCannotUndo, e.Kind)
}

func (f *Flow) undoFlag(ctx context.Context, inc ledger.Incident, e ledger.Effect) (undoStep, error) {
	before, err := e.FlagBefore()
	if err != nil {
		return undoStep{}, fmt.Errorf("before-image: %w", err)
	}
	now, err := f.Flags.Flag(ctx, before.Key)
	if err != nil {
		return undoStep{}, err
	}
	written, ours := now, putToSafe(inc, now) // where the answer never came
	if len(e.After) > 0 {
		if written, err = e.FlagAfter(); err != nil {
			return undoStep{}, fmt.Errorf("after-image: %w", err)
		}
		ours = now.Same(written)
	}
	if !ours && !now.Same(before) {
		return undoStep{}, fmt.Errorf("%w: flag %s was changed since", ErrCannotUndo, before.Key)
	}
	return undoStep{what: "flag " + before.Key + " put back", do: func(ctx context.Context) error {
		if now.Same(before) {
			return nil
		}
		err := f.Flags.Restore(ctx, before, written)
		if errors.Is(err, flag.ErrConflict) {
			return fmt.Errorf("%w: %w", ErrCannotUndo, err)
		}
		return err
	}}, nil
}

// putToSafe tells whether a flag is as a remedy of the incident leaves it.
func putToSafe(inc ledger.Incident, now flag.Definition) bool {
	return slices.ContainsFunc(inc.Plan, func(r ledger.Remedy) bool { return r.Tried && r.Flag == now.Key && now.Safe(r.Safe) })
}

func (f *Flow) undoRollback(ctx context.Context, c *course, app deploy.Application, e ledger.Effect) (undoStep, error) {
	var before Before
	if err := json.Unmarshal(e.Before, &before); err != nil {
		return undoStep{}, fmt.Errorf("before-image: %w", err)
	}
	live, _ := app.Live()
	back := before.Entry.Identity()
	to := slices.IndexFunc(app.History, func(h deploy.Entry) bool { return h.Identity() == back })
	switch {
	case live.Identity() == back:
		return undoStep{what: before.Entry.Label() + " runs already", do: func(context.Context) error { return nil }}, nil
	case !wentTo(c.inc, live.Identity()):
		return undoStep{}, fmt.Errorf("%w: %s deployed %s since", ErrCannotUndo, someone(live.InitiatedBy), live.Label())
	case to < 0:
		return undoStep{}, fmt.Errorf("%w: Argo CD's history no longer holds %s", ErrCannotUndo, before.Entry.Label())
	case app.Operation.InProgress():
		return undoStep{}, fmt.Errorf("%w: an operation is in progress at %s", ErrCannotUndo, app.Ref)
	}
	// Argo CD would take the rollback, hold it back, and carry it out when the window opens.
	allowed, why, err := f.Deployer.SyncAllowed(ctx, app.Ref)
	if err != nil {
		return undoStep{}, err
	}
	if !allowed {
		return undoStep{}, fmt.Errorf("%w: a sync window forbids it now (%s): open the window, or set manualSync on it", ErrCannotUndo, why)
	}
	return undoStep{what: fmt.Sprintf("%s rolled to %s again", app.Ref, before.Entry.Label()), do: func(ctx context.Context) error {
		return f.Deployer.Rollback(ctx, app.Ref, app.History[to].ID, c.service.Prune)
	}}, nil
}

func wentTo(inc ledger.Incident, release string) bool {
	return slices.ContainsFunc(inc.Plan, func(r ledger.Remedy) bool { return r.Tried && r.To != nil && r.To.Identity() == release })
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
