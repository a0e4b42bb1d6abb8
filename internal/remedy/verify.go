package remedy

import (
	"context"
	"fmt"
	"time"

	"github.com/cinegit/guardian/internal/health"
	"github.com/cinegit/guardian/internal/ledger"
	"github.com/cinegit/guardian/internal/policy"
)

// verify judges with the rule's gates whether the remedy helped, on what happened since it was
// live. Not healed: the next remedy. No measurement is neither: it waits, and in the end a
// person must look.
func (f *Flow) verify(ctx context.Context, c *course) (Answer, error) {
	gates := health.GatesOf(c.pol, c.rule.VerifyGates(c.service))
	if early := c.early(shortest(gates)); early > 0 {
		return c.answer(early), nil
	}
	seen, err := f.Ledger.Seen(ctx, c.inc.Target)
	if err != nil {
		return Answer{}, err
	}
	if who := overtaken(seen.Application, *c.current(), c.effect(ledger.EffectRollback)); who != "" && who != c.current().Overtaken {
		return f.leave(ctx, c, who)
	}
	findings := f.Health.Measure(ctx, gates, c.subject(c.changedAt()), c.inc.SettledAt, c.now)
	judgement, verdict := c.inc.Judgement.Add(gates, findings)
	c.inc.Judgement, c.inc.Verified = judgement, findings
	late := c.now.Sub(c.inc.SettledAt) >= c.rule.Verify.Within.D()
	switch {
	case verdict == health.Pass:
		return f.healed(ctx, c, findings)
	case verdict == health.Fail, late && health.Overall(findings) == health.Fail:
		return f.notHealed(ctx, c, findings)
	case late && c.now.Sub(c.inc.SettledAt) >= c.rule.Verify.Within.D()+c.pol.Limits.AlertMaxAge.D():
		c.tell(ledger.EventEvidence, "cannot be told: %s", worst(findings)).Findings = findings
		return f.unmeasured(ctx, c, findings)
	}
	if late && c.inc.HeldSince.IsZero() {
		c.inc.HeldSince = c.now
		c.tell(ledger.EventDecision, "verification goes on: no measurement is neither good nor bad (%s)", worst(findings)).Findings = findings
		c.messages = append(c.messages, held(c.inc, c.pol, findings))
	} else if c.inc.Judgement.Looks == 1 && health.Overall(findings) != health.NoData {
		c.tell(ledger.EventEvidence, "first look: %s", summary(findings)).Findings = findings
	}
	return f.goTo(ctx, c, ledger.StepVerify, shortest(gates))
}

func (f *Flow) unmeasured(ctx context.Context, c *course, findings []health.Finding) (Answer, error) {
	if leftToThem(c.inc) {
		return f.finish(ctx, c, ledger.FailedDirty, c.untold()+", and what came of it could not be measured: "+worst(findings))
	}
	c.current().Outcome = "whether it helped could not be measured"
	return f.finish(ctx, c, ledger.FailedDirty, fmt.Sprintf("%s, and whether that helped could not be measured: %s",
		c.current().What(), worst(findings)))
}

// early is how much too soon after the last look it is: a step that is run twice looks once.
func (c *course) early(interval time.Duration) time.Duration {
	if c.inc.Judgement.Looks == 0 || len(c.inc.Verified) == 0 {
		return 0
	}
	return interval - c.now.Sub(c.inc.Verified[0].At)
}

func (f *Flow) healed(ctx context.Context, c *course, findings []health.Finding) (Answer, error) {
	r := c.current()
	if leftToThem(c.inc) {
		c.tell(ledger.EventEvidence, "well: %s", summary(findings)).Findings = findings
		return f.finish(ctx, c, ledger.StoodDown, c.untold()+", and it is well now: "+summary(findings))
	}
	r.Outcome = "it helped"
	took := c.now.Sub(c.inc.OpenedAt).Round(time.Second)
	c.tell(ledger.EventEvidence, "healed: %s", summary(findings)).Findings = findings
	how := r.What()
	if r.Kind == policy.RemedyFlag && c.effect(ledger.EffectFlag) == nil {
		how = fmt.Sprintf("flag %s was put to its safe variant %s elsewhere", r.Flag, r.Safe)
	}
	return f.finish(ctx, c, ledger.Healed, fmt.Sprintf("%s; healed %s after the alert came in", how, took))
}

// changedAt is when the change began that the current remedy undoes: what lies before it is what
// healthy looked like.
func (c *course) changedAt() time.Time {
	r := c.current()
	for _, s := range c.inc.Suspects {
		if s.ID == r.Bad || s.ID == r.Flag {
			return s.At
		}
	}
	return c.inc.StartsAt
}
