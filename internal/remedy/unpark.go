package remedy

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/cinegit/guardian/internal/deploy"
	"github.com/cinegit/guardian/internal/ledger"
)

// unpark terminates a rollback of ours that a sync window holds back. One that Argo CD terminates never
// fires, although under a closed window it stays Terminating until that opens.
func (f *Flow) unpark(ctx context.Context, c *course, app deploy.Application) (Answer, error) {
	if f.overdue(c) {
		return f.nextRemedy(ctx, c, stillParked(app))
	}
	if c.unparking() == nil {
		before, err := json.Marshal(app.Operation)
		if err != nil {
			return Answer{}, fmt.Errorf("encode operation of %s: %w", app.Ref, err)
		}
		err = f.begin(ctx, c, ledger.Effect{
			Kind: ledger.EffectTerminate, Before: before, Mark: deploy.MarkOf(app),
			What: "terminate the rollback: a sync window holds it back, and left alone it would fire when the window opens",
		})
		if err != nil {
			return Answer{}, err
		}
	}
	if app.Operation.Phase == deploy.PhaseTerminating {
		return f.unparked(ctx, c)
	}
	if err := f.Deployer.Terminate(ctx, app.Ref); err != nil {
		return f.retry(ctx, c, err)
	}
	return c.answer(pollArgoCD), nil
}

// stillParked says what becomes of a rollback that a closed window still holds. Once terminated, a real Argo
// CD keeps it Terminating until the window opens and then ends it without carrying it out.
func stillParked(app deploy.Application) string {
	if app.Operation.Phase == deploy.PhaseTerminating {
		return "a sync window holds the rollback back; it is terminated and will not be carried out, but Argo CD stays busy with it until the window opens"
	}
	return "a sync window holds the rollback back and it could not be terminated: it fires when the window opens"
}

// unparking is the effect that ends our own rollback; nil while that is not decided.
func (c *course) unparking() *ledger.Effect {
	for i := len(c.inc.Effects) - 1; i >= 0; i-- {
		switch e := &c.inc.Effects[i]; e.Kind {
		case ledger.EffectTerminate:
			return e
		case ledger.EffectRollback:
			return nil
		}
	}
	return nil
}

// unparked takes back what was written down of a rollback that never ran.
func (f *Flow) unparked(ctx context.Context, c *course) (Answer, error) {
	end := c.unparking()
	if err := c.done(end, nil); err != nil {
		return Answer{}, err
	}
	for _, e := range []*ledger.Effect{end, c.effect(ledger.EffectRollback)} {
		e.UndoneAt, e.UndoneBy = c.now, "Guardian"
	}
	lifted, err := f.liftedOps(ctx, c.inc.ID, "Guardian", c.now)
	if err != nil {
		return Answer{}, err
	}
	c.also = append(append(c.also, lifted...), ledger.DropRevertOp(c.inc.Target))
	return f.nextRemedy(ctx, c, "a sync window forbids it now: open the window, or set manualSync on it")
}

// liftedOps gives the ops that lift the quarantines of an incident.
func (f *Flow) liftedOps(ctx context.Context, incident, by string, at time.Time) ([]ledger.Op, error) {
	quarantines, err := f.Ledger.Quarantines(ctx)
	if err != nil {
		return nil, err
	}
	var ops []ledger.Op
	for _, q := range quarantines {
		if q.Incident != incident {
			continue
		}
		q.LiftedAt, q.LiftedBy = at, by
		op, err := ledger.QuarantineOp(q)
		if err != nil {
			return nil, err
		}
		ops = append(ops, op)
	}
	return ops, nil
}
