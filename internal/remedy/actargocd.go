package remedy

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/cinegit/guardian/internal/deploy"
	"github.com/cinegit/guardian/internal/ledger"
)

// pollArgoCD is how often an operation in progress is looked at.
const pollArgoCD = time.Second

// actArgoCD brings the application to the remedy's entry: each run reads it as it is and makes the
// one change that comes next.
//
//	changed by a person meanwhile ─▶ give up
//	a person's sync of who knows  ─▶ come again
//	auto-sync on                  ─▶ switch it off, come again (first, or it begins anew what is terminated)
//	operation in progress         ─▶ terminate, come again
//	not rolled back               ─▶ roll back
//	spec would bring it back      ─▶ pin spec.source
//	                              ─▶ settle
func (f *Flow) actArgoCD(ctx context.Context, c *course) (Answer, error) {
	app, err := f.Deployer.Application(ctx, c.ref())
	if err != nil {
		return f.argoTrouble(ctx, c, err)
	}
	if err := c.landed(app); err != nil {
		return Answer{}, err
	}
	r := c.current()
	rollback := c.effect(ledger.EffectRollback)
	if rollback != nil && deploy.Landed(app, rollback.Mark, *r.To) {
		return f.rolledBack(ctx, c, app, rollback)
	}
	if why := meanwhile(app, *r, c.inc); why != "" {
		return f.nextRemedy(ctx, c, why)
	}
	if op := app.Operation; unknownYet(op) {
		return f.awaitPerson(ctx, c, someone(op.InitiatedBy)+" began a sync, and Argo CD does not say yet of what")
	}
	switch {
	case app.AutoSync != nil:
		return f.autoSyncOff(ctx, c, app)
	case app.Operation.InProgress():
		return f.terminate(ctx, c, app)
	}
	return f.rollback(ctx, c, app)
}

// landed notes the changes that an earlier run of the step asked for and whose answer never came, where
// the application shows them. The next write takes them along.
func (c *course) landed(app deploy.Application) error {
	shows := map[ledger.EffectKind]bool{
		ledger.EffectAutoSync:  app.AutoSync == nil,
		ledger.EffectTerminate: !app.Operation.InProgress(),
	}
	if e := c.pending(ledger.EffectPin); e != nil {
		shows[ledger.EffectPin] = deploy.SameSources(app.Sources, e.After)
	}
	for _, kind := range []ledger.EffectKind{ledger.EffectAutoSync, ledger.EffectTerminate, ledger.EffectPin} {
		if e := c.pending(kind); e != nil && shows[kind] {
			if err := c.done(e, nil); err != nil {
				return err
			}
		}
	}
	return nil
}

// meanwhile tells whether somebody changed the application since the plan was made.
func meanwhile(app deploy.Application, r ledger.Remedy, inc ledger.Incident) string {
	if who := atWork(app, inc.StartsAt); who != "" {
		return who
	}
	if slices.IndexFunc(app.History, func(e deploy.Entry) bool { return e.ID == r.To.ID && e.Identity() == r.To.Identity() }) < 0 {
		return fmt.Sprintf("history id %d is no longer %s", r.To.ID, r.ToName)
	}
	live, ok := app.Live()
	if ok && live.Identity() != r.Bad && live.Identity() != r.To.Identity() && live.StartedAt.After(inc.OpenedAt) {
		return fmt.Sprintf("%s deployed %s meanwhile", someone(live.InitiatedBy), live.Label())
	}
	op := app.Operation
	if op.InProgress() && !op.Automated && len(op.Revisions) > 0 && deploy.Identity(op.Sources, op.Revisions) != r.Bad {
		return fmt.Sprintf("%s is deploying %s right now", someone(op.InitiatedBy), deploy.Label(op.Sources, op.Revisions))
	}
	return ""
}

// unknownYet tells whether a person's sync goes on of which Argo CD has not made out the revision: it may be
// the fix, or the suspect itself.
func unknownYet(op *deploy.Operation) bool {
	return op.InProgress() && !op.Automated && !op.Rollback && len(op.Revisions) == 0
}

// awaitPerson waits until it is known what a person is doing, for as long as a remedy may take to settle.
func (f *Flow) awaitPerson(ctx context.Context, c *course, why string) (Answer, error) {
	if f.overdue(c) {
		return f.nextRemedy(ctx, c, why)
	}
	if c.inc.ActedAt.IsZero() && c.inc.HeldSince.IsZero() {
		c.inc.HeldSince = c.now
		c.tell(ledger.EventDecision, "%s: waiting", why)
		return f.goTo(ctx, c, ledger.StepAct, pollArgoCD)
	}
	return c.answer(pollArgoCD), nil
}

func (f *Flow) terminate(ctx context.Context, c *course, app deploy.Application) (Answer, error) {
	if f.overdue(c) {
		return f.nextRemedy(ctx, c, fmt.Sprintf("the operation in progress did not end within %s: %s", c.stage.Settle, app.Operation.Message))
	}
	if c.effect(ledger.EffectTerminate) == nil {
		before, err := json.Marshal(app.Operation)
		if err != nil {
			return Answer{}, fmt.Errorf("encode operation of %s: %w", app.Ref, err)
		}
		what := fmt.Sprintf("terminate the operation in progress (%s by %s)", app.Operation.Phase, someone(app.Operation.InitiatedBy))
		if err := f.begin(ctx, c, ledger.Effect{Kind: ledger.EffectTerminate, What: what, Before: before, Mark: deploy.MarkOf(app)}); err != nil {
			return Answer{}, err
		}
	}
	e := c.pending(ledger.EffectTerminate)
	if e == nil || app.Operation.Phase == deploy.PhaseTerminating {
		return c.answer(pollArgoCD), nil // asked for: wait until it is gone
	}
	if err := f.Deployer.Terminate(ctx, app.Ref); err != nil {
		return f.argoTrouble(ctx, c, err)
	}
	if err := c.done(e, nil); err != nil {
		return Answer{}, err
	}
	return f.goTo(ctx, c, ledger.StepAct, pollArgoCD)
}

func (f *Flow) autoSyncOff(ctx context.Context, c *course, app deploy.Application) (Answer, error) {
	e := c.effect(ledger.EffectAutoSync)
	if e != nil && !e.DoneAt.IsZero() {
		return f.nextRemedy(ctx, c, "somebody switched auto-sync on again")
	}
	if e == nil {
		// What to give back is remembered with the decision: the answer of the change may never come.
		hold, err := ledger.HoldOp(ledger.Hold{Target: c.inc.Target, Incident: c.inc.ID, AutoSync: app.AutoSync, At: c.now})
		if err != nil {
			return Answer{}, err
		}
		c.also = append(c.also, hold)
		err = f.begin(ctx, c, ledger.Effect{Kind: ledger.EffectAutoSync, What: "switch auto-sync off", Before: app.AutoSync})
		if err != nil {
			return Answer{}, err
		}
		e = c.effect(ledger.EffectAutoSync)
	}
	if err := f.Deployer.Patch(ctx, app.Ref, []byte(`{"spec":{"syncPolicy":{"automated":null}}}`)); err != nil {
		return f.argoTrouble(ctx, c, err)
	}
	if err := c.done(e, nil); err != nil {
		return Answer{}, err
	}
	return f.goTo(ctx, c, ledger.StepAct, 0)
}

func (f *Flow) rollback(ctx context.Context, c *course, app deploy.Application) (Answer, error) {
	r := c.current()
	e := c.pending(ledger.EffectRollback)
	if e == nil {
		before, err := json.Marshal(before(app))
		if err != nil {
			return Answer{}, fmt.Errorf("encode before-image of %s: %w", app.Ref, err)
		}
		what := fmt.Sprintf("roll %s back from %s to %s (history id %d)", app.Ref, r.BadName, r.ToName, r.To.ID)
		if err := f.begin(ctx, c, ledger.Effect{Kind: ledger.EffectRollback, What: what, Before: before, Mark: deploy.MarkOf(app)}); err != nil {
			return Answer{}, err
		}
		e, r = c.pending(ledger.EffectRollback), c.current()
	}
	if err := f.Deployer.Rollback(ctx, app.Ref, r.To.ID, c.service.Prune); err != nil {
		return f.argoTrouble(ctx, c, err)
	}
	return f.rolledBack(ctx, c, app, e)
}

// Before is the before-image of a rollback: what undo goes back to.
type Before struct {
	Entry   deploy.Entry    `json:"entry"`
	Sources json.RawMessage `json:"sources"` // of the spec
}

func before(app deploy.Application) Before {
	live, _ := app.Live()
	return Before{Entry: live, Sources: app.Sources}
}

// rolledBack records the rollback, quarantines what it left, and pins the spec where the spec itself
// would bring the bad release back at the next sync.
func (f *Flow) rolledBack(ctx context.Context, c *course, app deploy.Application, e *ledger.Effect) (Answer, error) {
	r := c.current()
	if e.DoneAt.IsZero() {
		if err := c.done(e, nil); err != nil {
			return Answer{}, err
		}
		ops, err := c.reverted(app, *r)
		if err != nil {
			return Answer{}, err
		}
		c.also = append(c.also, ops...)
	}
	if deploy.SameSources(app.Sources, r.To.Sources) {
		return f.goTo(ctx, c, ledger.StepSettle, 0)
	}
	return f.pin(ctx, c, app)
}

// reverted gives the ops that remember a revert: what was left is quarantined, and what was gone
// back to is not to be reverted in turn.
func (c *course) reverted(app deploy.Application, r ledger.Remedy) ([]ledger.Op, error) {
	quarantine, err := ledger.QuarantineOp(ledger.Quarantine{
		Target: c.inc.Target, Release: r.Bad, Label: r.BadName, Revisions: revisionsOf(app, r.Bad), Images: r.BadImages,
		Incident: c.inc.ID, Why: "reverted: " + worst(c.inc.Confirmed), At: c.now,
	})
	if err != nil {
		return nil, err
	}
	revert, err := ledger.RevertOp(ledger.Revert{Target: c.inc.Target, To: r.To.Identity(), Incident: c.inc.ID, At: c.now})
	return []ledger.Op{quarantine, revert}, err
}

func revisionsOf(app deploy.Application, release string) []string {
	for _, e := range app.History {
		if e.Identity() == release {
			return e.Revisions
		}
	}
	if op := app.Operation; op != nil && deploy.Identity(op.Sources, op.Revisions) == release {
		return op.Revisions
	}
	return nil
}

// argoTrouble decides what a failed call means. Out of reach or busy: look again, the change may
// have landed. Refused: it did not land, and trying again does not help.
func (f *Flow) argoTrouble(ctx context.Context, c *course, cause error) (Answer, error) {
	if retriable(cause) && !f.overdue(c) {
		return f.retry(ctx, c, cause)
	}
	if refusedForSure(cause) {
		for _, kind := range []ledger.EffectKind{ledger.EffectTerminate, ledger.EffectAutoSync, ledger.EffectRollback} {
			if e := c.pending(kind); e != nil {
				e.Refused = true
				if kind == ledger.EffectAutoSync {
					c.also = append(c.also, ledger.DropHoldOp(c.inc.Target))
				}
			}
		}
	}
	c.tell(ledger.EventTrouble, "%s", cause)
	return f.nextRemedy(ctx, c, "it failed: "+cause.Error())
}

func retriable(err error) bool {
	return errors.Is(err, deploy.ErrUnavailable) || errors.Is(err, deploy.ErrBusy) || errors.Is(err, deploy.ErrAutoSync)
}

// refusedForSure tells whether an error means that nothing landed.
func refusedForSure(err error) bool {
	for _, kind := range []error{deploy.ErrDenied, deploy.ErrUnauthenticated, deploy.ErrNotFound, deploy.ErrGone, deploy.ErrRefused, deploy.ErrBusy, deploy.ErrAutoSync} {
		if errors.Is(err, kind) {
			return true
		}
	}
	return false
}
