package remedy

import (
	"context"
	"time"

	"github.com/cinegit/guardian/internal/ledger"
	"github.com/cinegit/guardian/internal/policy"
)

// retryAct is how long to wait before a change is tried again that found its system out of reach.
const retryAct = 2 * time.Second

// act carries the current remedy out. It works from what the world looks like now, one effect at
// a time, so that it may be run again from anywhere.
func (f *Flow) act(ctx context.Context, c *course) (Answer, error) {
	if !c.inc.Acted() {
		why, err := f.limitedNow(ctx, c)
		if err != nil {
			return Answer{}, err
		}
		if why != "" {
			return f.goTo(ctx, c, ledger.StepBlame, 0) // choose anew: another incident was quicker
		}
	}
	if c.inc.ActedAt.IsZero() && c.stricter() {
		return f.goTo(ctx, c, ledger.StepBlame, 0) // choose anew: the policy was changed
	}
	if c.current().Kind == policy.RemedyFlag {
		return f.actFlag(ctx, c)
	}
	return f.actArgoCD(ctx, c)
}

// stricter tells whether the mode no longer lets the remedy be carried out that was chosen.
func (c *course) stricter() bool {
	return c.inc.Mode == policy.Observe || c.inc.Mode == policy.Suggest && !approved(c.inc, *c.current())
}

// limitedNow asks the limits once more. The first effect is counted on just what it read, so that of two
// incidents that both see one slot left, only one gets it.
func (f *Flow) limitedNow(ctx context.Context, c *course) (why string, err error) {
	if c.acts, err = f.Ledger.Breaker(ctx); err != nil {
		return "", err
	}
	at := facts{now: c.now, incident: c.inc, limits: c.pol.Limits, services: len(c.pol.Services), breaker: c.acts}
	return at.limited(*c.current()), nil
}

// retry tells of trouble once a remedy and runs the step again a little later.
func (f *Flow) retry(ctx context.Context, c *course, cause error) (Answer, error) {
	if c.inc.HeldSince.IsZero() {
		c.inc.HeldSince = c.now
		c.tell(ledger.EventTrouble, "%s; trying again", cause)
		if err := f.save(ctx, c); err != nil {
			return Answer{}, err
		}
	}
	return c.answer(retryAct), nil
}

// overdue tells whether the remedy has had its stage's settle time since it was held or begun.
func (f *Flow) overdue(c *course) bool {
	since := c.inc.ActedAt
	if since.IsZero() {
		since = c.inc.HeldSince
	}
	return !since.IsZero() && c.now.Sub(since) > c.stage.Settle.D()
}
