package remedy

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/cinegit/guardian/internal/flag"
	"github.com/cinegit/guardian/internal/ledger"
)

func (f *Flow) actFlag(ctx context.Context, c *course) (Answer, error) {
	r := c.current()
	now, err := f.Flags.Flag(ctx, r.Flag)
	if err != nil {
		return f.flagTrouble(ctx, c, err)
	}
	begun := c.pending(ledger.EffectFlag)
	switch {
	case begun != nil && now.Safe(r.Safe):
		return f.flagSet(ctx, c, begun, now) // it had landed
	case begun != nil && !sameFlag(begun.Before, now):
		begun.Refused = true
		return f.nextRemedy(ctx, c, "somebody changed the flag at the same moment")
	case begun == nil && now.Safe(r.Safe):
		return f.flagSafe(ctx, c)
	case begun == nil:
		if begun, err = f.beginFlag(ctx, c, now); err != nil {
			return Answer{}, err
		}
	}
	after, err := f.Flags.Kill(ctx, now, r.Safe)
	if err != nil {
		return f.flagTrouble(ctx, c, err)
	}
	return f.flagSet(ctx, c, begun, after)
}

// flagSafe waits for a flag to help that another incident, of a service that has the same flag, has put to
// its safe variant since this one was planned. Nothing is to be changed here, nor undone.
func (f *Flow) flagSafe(ctx context.Context, c *course) (Answer, error) {
	c.current().Tried = true
	c.inc.ActedAt = c.now
	c.tell(ledger.EventDecision, "flag %s was put to its safe variant meanwhile: waiting whether that helps here", c.current().Flag)
	return f.goTo(ctx, c, ledger.StepSettle, 0)
}

func (f *Flow) beginFlag(ctx context.Context, c *course, now flag.Definition) (*ledger.Effect, error) {
	before, err := json.Marshal(now)
	if err != nil {
		return nil, fmt.Errorf("encode before-image of flag %s: %w", now.Key, err)
	}
	r := c.current()
	what := fmt.Sprintf("put flag %s from %s to its safe variant %s", r.Flag, now.Words(), r.Safe)
	if err := f.begin(ctx, c, ledger.Effect{Kind: ledger.EffectFlag, What: what, Before: before}); err != nil {
		return nil, err
	}
	return c.pending(ledger.EffectFlag), nil
}

func (f *Flow) flagSet(ctx context.Context, c *course, e *ledger.Effect, after flag.Definition) (Answer, error) {
	if err := c.done(e, after); err != nil {
		return Answer{}, err
	}
	return f.goTo(ctx, c, ledger.StepSettle, 0)
}

// flagTrouble tries again while the store may come back, and gives the remedy up where it will not.
func (f *Flow) flagTrouble(ctx context.Context, c *course, cause error) (Answer, error) {
	lasting := errors.Is(cause, flag.ErrNotFound) || errors.Is(cause, flag.ErrNoVariant) ||
		errors.Is(cause, flag.ErrInvalid) || errors.Is(cause, flag.ErrDenied)
	if errors.Is(cause, flag.ErrConflict) && !f.overdue(c) {
		return c.answer(time.Second), nil // look again: the next run sees who won
	}
	if !lasting && !f.overdue(c) {
		return f.retry(ctx, c, cause)
	}
	if e := c.pending(ledger.EffectFlag); e != nil && (lasting || errors.Is(cause, flag.ErrConflict)) {
		e.Refused = true
	}
	c.tell(ledger.EventTrouble, "%s", cause)
	return f.nextRemedy(ctx, c, "it failed: "+cause.Error())
}

func sameFlag(before json.RawMessage, now flag.Definition) bool {
	var d flag.Definition
	return json.Unmarshal(before, &d) == nil && d.Same(now)
}
