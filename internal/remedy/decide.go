package remedy

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/cinegit/guardian/internal/ledger"
	"github.com/cinegit/guardian/internal/policy"
)

// lookAgain is how long to wait for Argo CD to be reachable before it is read again.
const lookAgain = 5 * time.Second

// history is how far back changes are counted to tell how often a thing changes.
const history = 7 * 24 * time.Hour

// blame ranks what changed before the alert. It runs once an incident: after a remedy that did not
// help, the suspects are the same and only the facts are fresh. What was ranked while Argo CD could not
// be read is ranked anew once it can.
func (f *Flow) blame(ctx context.Context, c *course) (Answer, error) {
	seen, err := f.Ledger.Seen(ctx, c.inc.Target)
	if err != nil {
		return Answer{}, err
	}
	if c.doubted() {
		if who := overtaken(seen.Application, *c.current(), c.effect(ledger.EffectRollback)); who != "" {
			return f.leave(ctx, c, who)
		}
		c.givenUp("it did not help: " + worst(c.inc.Verified))
	}
	s, err := f.scene(ctx, c, seen)
	if err != nil {
		return Answer{}, err
	}
	if f.mayComeBack(c, seen) && !flagLeft(c, s) {
		return f.waitForArgoCD(ctx, c, seen.Trouble)
	}
	if blind := seen.Trouble != ""; len(c.inc.Suspects) > 0 && (blind || !c.inc.Blind) {
		return f.goTo(ctx, c, ledger.StepChoose, 0)
	}
	besides := s.besides()
	c.inc.Suspects, c.inc.Blind = blame(s), seen.Trouble != ""
	if len(c.inc.Suspects) > 0 && len(besides) > 0 {
		c.inc.Suspects[0].Reason += ". Besides: " + strings.Join(besides, "; ")
	}
	why := explain(c.inc.Suspects, s.window, besides)
	c.tell(ledger.EventDecision, "%s", why).Suspects = c.inc.Suspects
	if len(c.inc.Suspects) > 0 {
		return f.goTo(ctx, c, ledger.StepChoose, 0)
	}
	if who := atWork(s.app, s.startsAt); who != "" {
		why = who + ": what ran before is gone, and a person is at work"
	}
	if seen.Trouble != "" {
		why += "; Argo CD could not be read: " + seen.Trouble
	}
	return f.fail(ctx, c, why)
}

func (f *Flow) scene(ctx context.Context, c *course, seen ledger.Seen) (scene, error) {
	runs, err := f.Ledger.Releases(ctx, c.inc.Target)
	if err != nil {
		return scene{}, err
	}
	flags, err := f.flagChanges(ctx, c)
	if err != nil {
		return scene{}, err
	}
	unread, err := f.unread(ctx, c)
	if err != nil {
		return scene{}, err
	}
	return scene{
		incident: c.inc.ID, startsAt: c.inc.StartsAt, window: c.pol.Limits.BlameWindow.D(),
		app: seen.Application, runs: runs, flags: flags, unread: unread,
	}, nil
}

func (f *Flow) flagChanges(ctx context.Context, c *course) (map[string][]ledger.FlagChange, error) {
	out := make(map[string][]ledger.FlagChange, len(c.service.Flags))
	for key := range c.service.Flags {
		changes, err := f.Ledger.FlagChanges(ctx, key, c.inc.StartsAt.Add(-history))
		if err != nil {
			return nil, err
		}
		out[key] = changes
	}
	return out, nil
}

// mayComeBack tells whether it is worth waiting for an Argo CD that could not be read.
func (f *Flow) mayComeBack(c *course, seen ledger.Seen) bool {
	return seen.Trouble != "" && !seen.Denied && f.young(c)
}

// flagLeft tells whether a flag is suspected that was not tried: putting it to safe needs no Argo CD.
func flagLeft(c *course, s scene) bool {
	if !slices.Contains(c.rule.Remedies, policy.RemedyFlag) {
		return false
	}
	return slices.ContainsFunc(flagSuspects(s), func(suspect ledger.Suspect) bool {
		_, before := tried(c.inc.Plan, ledger.Remedy{Kind: policy.RemedyFlag, Flag: suspect.Name})
		return !before
	})
}

// young tells whether there is still time to wait for something before acting: the alert is, or the one whose
// rule took the incident over, or a person has just said that it is not too late.
func (f *Flow) young(c *course) bool {
	since := c.inc.StartsAt
	if c.inc.YoungSince.After(since) {
		since = c.inc.YoungSince
	}
	if a := c.inc.Approval; a != nil && a.Granted && a.At.After(since) {
		since = a.At
	}
	return c.now.Sub(since) <= c.pol.Limits.AlertMaxAge.D()
}

func (f *Flow) waitForArgoCD(ctx context.Context, c *course, trouble string) (Answer, error) {
	if c.inc.HeldSince.IsZero() {
		c.inc.HeldSince = c.now
		c.tell(ledger.EventTrouble, "Argo CD could not be read: %s; trying again", trouble)
		if err := f.save(ctx, c); err != nil {
			return Answer{}, err
		}
	}
	return c.answer(lookAgain), nil
}

// choose takes the first remedy that fits a suspect and that every guard allows; mode and
// approval are filters on that same plan.
func (f *Flow) choose(ctx context.Context, c *course) (Answer, error) {
	facts, err := f.facts(ctx, c)
	if err != nil {
		return Answer{}, err
	}
	c.inc.Plan = plan(facts)
	c.inc.Current = ledger.Next(c.inc.Plan)
	words := inWords(c.inc.Plan, c.inc.Current)
	if c.inc.Current < 0 && f.mayComeBack(c, facts.seen) {
		c.inc.Plan = keepTried(c.inc.Plan)
		c.inc.Step = ledger.StepBlame
		return f.waitForArgoCD(ctx, c, facts.seen.Trouble)
	}
	c.inc.HeldSince = time.Time{}
	if c.inc.Current < 0 {
		return f.refused(ctx, c, words)
	}
	remedy := c.current()
	switch c.inc.Mode {
	case policy.Observe:
		c.tell(ledger.EventDecision, "%s; only observing", words).Plan = c.inc.Plan
		return f.standDown(ctx, c, "only observing; would have: "+remedy.What())
	case policy.Suggest:
		remedy.Ask = "mode is suggest"
	}
	c.tell(ledger.EventDecision, "%s", words).Plan = c.inc.Plan
	if remedy.Ask != "" && !approved(c.inc, *remedy) {
		return f.goTo(ctx, c, ledger.StepApprove, 0)
	}
	c.inc.ActedAt, c.inc.SettledAt = time.Time{}, time.Time{}
	return f.goTo(ctx, c, ledger.StepAct, 0)
}

// approved tells whether a person has said yes to this remedy in this incident.
func approved(inc ledger.Incident, r ledger.Remedy) bool {
	return inc.Approval != nil && inc.Approval.Granted && inc.Approval.Change == changeOf(r)
}

// keepTried is a plan without what was not tried: it will be made anew.
func keepTried(plan []ledger.Remedy) []ledger.Remedy {
	return slices.DeleteFunc(plan, func(r ledger.Remedy) bool { return !r.Tried })
}

func (f *Flow) refused(ctx context.Context, c *course, words string) (Answer, error) {
	c.tell(ledger.EventRefusal, "%s", words).Plan = c.inc.Plan
	if len(c.rule.Remedies) == 0 {
		return f.fail(ctx, c, fmt.Sprintf("the policy has no rule %q any more, so that nothing further is done", c.inc.Rule))
	}
	if len(c.inc.Plan) == 0 {
		return f.fail(ctx, c, "no remedy of the rule fits: "+explain(c.inc.Suspects, c.pol.Limits.BlameWindow.D(), nil))
	}
	return f.fail(ctx, c, words)
}

func (f *Flow) facts(ctx context.Context, c *course) (facts, error) {
	out := facts{
		now: c.now, incident: c.inc, service: c.service, rule: c.rule,
		limits: c.pol.Limits, services: len(c.pol.Services), quarantined: map[string]bool{},
	}
	var err error
	if out.seen, err = f.Ledger.Seen(ctx, c.inc.Target); err != nil {
		return facts{}, err
	}
	if out.runs, err = f.Ledger.Releases(ctx, c.inc.Target); err != nil {
		return facts{}, err
	}
	if out.flags, err = f.flagChanges(ctx, c); err != nil {
		return facts{}, err
	}
	if out.overrides, err = f.Ledger.Overrides(ctx, c.inc.Target); err != nil {
		return facts{}, err
	}
	if out.breaker, err = f.Ledger.Breaker(ctx); err != nil {
		return facts{}, err
	}
	if out.revert, err = f.Ledger.LastRevert(ctx, c.inc.Target); err != nil {
		return facts{}, err
	}
	quarantines, err := f.Ledger.Quarantines(ctx)
	if err != nil {
		return facts{}, err
	}
	for _, q := range quarantines {
		if q.Target == c.inc.Target {
			out.quarantined[q.Release] = true
		}
	}
	out.may, out.mayWhy = f.Switch.MayAct(ctx, c.inc.Target)
	return out, nil
}

// standDown ends an incident in which Guardian may not go on. What it did before still stands.
func (f *Flow) standDown(ctx context.Context, c *course, reason string) (Answer, error) {
	if dirty(c.inc) {
		return f.finish(ctx, c, ledger.FailedDirty, reason)
	}
	return f.finish(ctx, c, ledger.StoodDown, reason)
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}
