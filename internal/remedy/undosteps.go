package remedy

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/cinegit/guardian/internal/deploy"
	"github.com/cinegit/guardian/internal/flag"
	"github.com/cinegit/guardian/internal/ledger"
)

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
