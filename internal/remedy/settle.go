package remedy

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cinegit/guardian/internal/deploy"
	"github.com/cinegit/guardian/internal/flag"
	"github.com/cinegit/guardian/internal/health"
	"github.com/cinegit/guardian/internal/ledger"
	"github.com/cinegit/guardian/internal/policy"
)

// settle waits until the remedy is really live.
func (f *Flow) settle(ctx context.Context, c *course) (Answer, error) {
	if c.current().Kind == policy.RemedyFlag {
		return f.settleFlag(ctx, c)
	}
	return f.settleArgoCD(ctx, c)
}

// settleFlag asks as an application would whether the safe variant is served.
func (f *Flow) settleFlag(ctx context.Context, c *course) (Answer, error) {
	r := c.current()
	variant, err := f.Flags.Serving(ctx, r.Flag)
	if err == nil && variant == r.Safe {
		return f.settled(ctx, c, fmt.Sprintf("flag %s serves %s", r.Flag, variant))
	}
	if !f.overdue(c) {
		return c.answer(time.Second), nil
	}
	if errors.Is(err, flag.ErrUnavailable) {
		// The document says it; who evaluates it cannot be asked. The gates will tell.
		return f.settled(ctx, c, fmt.Sprintf("flag %s is written, and nobody could be asked what it serves: %s", r.Flag, err))
	}
	if err != nil {
		return f.nextRemedy(ctx, c, fmt.Sprintf("what it serves could not be told within %s: %s", c.stage.Settle, err))
	}
	return f.nextRemedy(ctx, c, fmt.Sprintf("it still serves %s after %s", variant, c.stage.Settle))
}

// settleArgoCD waits for this operation to finish and be live; a stale Healthy never counts. An
// operation that a sync window holds back is terminated, since it would fire when nobody expects it.
func (f *Flow) settleArgoCD(ctx context.Context, c *course) (Answer, error) {
	app, err := f.Deployer.Application(ctx, c.ref())
	if err != nil && !f.overdue(c) {
		return f.retry(ctx, c, err)
	}
	if err != nil {
		return f.nextRemedy(ctx, c, "Argo CD could not be asked whether it is live: "+err.Error())
	}
	r, e := c.current(), c.effect(ledger.EffectRollback)
	s := deploy.Settled(app, e.Mark, *r.To, r.Images)
	switch {
	case s.Done:
		return f.settled(ctx, c, s.Reason)
	case s.Blocked:
		return f.unpark(ctx, c, app)
	case s.Failed && c.unparking() != nil:
		return f.unparked(ctx, c)
	case s.Failed:
		return f.nextRemedy(ctx, c, "the rollback failed: "+s.Reason)
	case f.overdue(c) && s.Beside: // as the finished pods of a job, which nobody asks; the gates will tell
		return f.settled(ctx, c, fmt.Sprintf("Healthy on %s after %s, %s beside it", r.ToName, c.stage.Settle, s.Reason))
	case f.overdue(c):
		return f.nextRemedy(ctx, c, fmt.Sprintf("it was not live within %s: %s", c.stage.Settle, s.Reason))
	}
	return c.answer(pollArgoCD), nil
}

func (f *Flow) settled(ctx context.Context, c *course, how string) (Answer, error) {
	c.inc.SettledAt, c.inc.HeldSince = c.now, time.Time{}
	c.inc.Judgement = health.Judgement{Since: c.now}
	c.tell(ledger.EventEvidence, "live: %s", how)
	return f.goTo(ctx, c, ledger.StepVerify, 0)
}
