package remedy

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/cinegit/guardian/internal/health"
	"github.com/cinegit/guardian/internal/ledger"
)

// begin writes an effect with its before-image, before it is made. The first effect of an incident
// also counts against cooldown and fleet limits, and people are told of it, in the same write.
func (f *Flow) begin(ctx context.Context, c *course, e ledger.Effect) error {
	e.DecidedAt = c.now
	if c.inc.ActedAt.IsZero() {
		c.inc.ActedAt = c.now
	}
	if !c.inc.Acted() {
		c.count()
		c.messages = append(c.messages, acting(c.inc, c.pol))
	}
	c.current().Tried = true
	c.inc.Effects = append(c.inc.Effects, e)
	c.tell(ledger.EventDecision, "about to %s", e.What)
	return f.save(ctx, c)
}

func (c *course) count() {
	limits := c.pol.Limits
	since := c.now.Add(-max(limits.Cooldown.D(), limits.Fleet.In.D()))
	next := c.acts.With(ledger.Act{Target: c.inc.Target, Incident: c.inc.ID, At: c.now}, since)
	c.breaker = &next
}

// spared gives the breaker without the incident's act, where nothing came of it: what certainly did not
// happen counts against no limit. Nil where the breaker stays as it is.
func (f *Flow) spared(ctx context.Context, c *course) (*ledger.Breaker, error) {
	if !c.inc.Acted() || dirty(c.inc) {
		return nil, nil
	}
	b, err := f.Ledger.Breaker(ctx)
	if err != nil {
		return nil, err
	}
	all := len(b.Acts)
	b.Acts = slices.DeleteFunc(b.Acts, func(a ledger.Act) bool { return a.Incident == c.inc.ID })
	if len(b.Acts) == all {
		return nil, nil
	}
	return &b, nil
}

// done marks the latest effect as made. The caller saves.
func (c *course) done(e *ledger.Effect, after any) error {
	raw, err := json.Marshal(after)
	if err != nil {
		return fmt.Errorf("encode after-image: %w", err)
	}
	if after != nil {
		e.After = raw
	}
	e.DoneAt = c.now
	c.tell(ledger.EventEffect, "%s", e.What)
	return nil
}

// pending is the latest effect of a kind that belongs to the current remedy and is not done.
func (c *course) pending(kind ledger.EffectKind) *ledger.Effect {
	e := c.effect(kind)
	if e == nil || !e.DoneAt.IsZero() {
		return nil
	}
	return e
}

// effect is the latest effect of a kind that belongs to the current remedy and was not refused. While
// the remedy has none, those of the remedies before it are not taken for its own.
func (c *course) effect(kind ledger.EffectKind) *ledger.Effect {
	if c.inc.ActedAt.IsZero() {
		return nil
	}
	for i := len(c.inc.Effects) - 1; i >= 0; i-- {
		e := &c.inc.Effects[i]
		if e.Kind == kind && !e.Refused && !e.DecidedAt.Before(c.inc.ActedAt) {
			return e
		}
	}
	return nil
}

// nextRemedy gives the current remedy up with what came of it, and goes for the next one on
// fresh facts.
func (f *Flow) nextRemedy(ctx context.Context, c *course, outcome string) (Answer, error) {
	c.givenUp(outcome)
	c.inc.Judgement, c.inc.HeldSince = health.Judgement{}, time.Time{}
	return f.goTo(ctx, c, ledger.StepBlame, 0)
}

func (c *course) givenUp(outcome string) {
	r := c.current()
	r.Tried, r.Outcome = true, outcome
	c.tell(ledger.EventDecision, "giving up on it: %s, %s", r.What(), outcome)
}
