package remedy

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"time"

	"github.com/cinegit/guardian/internal/deploy"
	"github.com/cinegit/guardian/internal/health"
	"github.com/cinegit/guardian/internal/ledger"
	"github.com/cinegit/guardian/internal/policy"
)

// The hands that carry remedies out: each is a blast radius of its own.
const (
	HandFlag   = "flag"
	HandArgoCD = "argocd"
)

// leaseTTL is how long a target stays held without a step renewing it: longer than any wait.
const leaseTTL = time.Hour

// Flow is the alert flow with what it works on.
type Flow struct {
	Policy   func() *policy.Policy // the one in force now
	Ledger   *ledger.Ledger
	Health   health.Judge
	Deployer Deployer
	Flags    Flags
	Switch   Switch
	Now      func() time.Time
	Log      *slog.Logger
}

// Task is what the state machine hands to a step.
type Task struct {
	ID    string          `json:"id"`
	Step  ledger.Step     `json:"step"`
	Token string          `json:"token,omitempty"` // of the approve step
	Error json.RawMessage `json:"error,omitempty"` // of the giveup step
}

// StepGiveUp is the step after a step that failed for good.
const StepGiveUp ledger.Step = "giveup"

// StepLook is the step in which fresh facts are read; package reconcile does it.
const StepLook ledger.Step = "look"

// Answer tells the state machine where to go: the next step after a wait of so many seconds, for
// which hand, or the end state.
type Answer struct {
	ID   string      `json:"id"`
	Next ledger.Step `json:"next"`
	Wait int         `json:"wait"` // seconds
	Hand string      `json:"hand"`
	End  ledger.End  `json:"end"`
}

// Handle runs one step. It may be run again for the same incident at any time: what was done before is
// found in the ledger or in the world, and not done twice. An error means that nothing is known
// of the step's last write; run it again.
func (f *Flow) Handle(ctx context.Context, task Task) (Answer, error) {
	c, err := f.load(ctx, task.ID)
	if err != nil {
		return Answer{}, err
	}
	if task.Step == ledger.StepApprove && c.inc.Step != ledger.StepApprove {
		return f.late(ctx, c, task.Token)
	}
	if c.inc.End != "" {
		return c.ended(), nil
	}
	if task.Step == StepGiveUp {
		return f.giveUp(ctx, c, task.Error)
	}
	if task.Step != c.inc.Step {
		return c.answer(0), nil // done before: go on where the ledger stands
	}
	if c.stage.Name == "" {
		return f.fail(ctx, c, "the policy no longer knows the target")
	}
	switch task.Step {
	case ledger.StepConfirm:
		return f.confirm(ctx, c)
	case ledger.StepBlame:
		return f.blame(ctx, c)
	case ledger.StepChoose:
		return f.choose(ctx, c)
	case ledger.StepApprove:
		return f.approve(ctx, c, task.Token)
	case ledger.StepAct:
		return f.act(ctx, c)
	case ledger.StepSettle:
		return f.settle(ctx, c)
	case ledger.StepVerify:
		return f.verify(ctx, c)
	}
	return Answer{}, fmt.Errorf("incident %s: unknown step %q", task.ID, task.Step)
}

// late keeps the token of a state machine that waits for an answer that was given already, so that
// Unanswered finds it.
func (f *Flow) late(ctx context.Context, c *course, token string) (Answer, error) {
	c.inc.Token = token
	inc, err := f.Ledger.Commit(ctx, ledger.Change{Incident: c.inc})
	if err != nil {
		return Answer{}, err
	}
	c.inc = inc
	return c.standing(), nil
}

// course is one run of one step: the incident as it was read, and what the step is about to write.
type course struct {
	inc      ledger.Incident
	now      time.Time
	pol      *policy.Policy
	service  policy.Service
	stage    policy.Stage
	rule     policy.Rule
	lease    ledger.Lease
	events   []ledger.Event
	messages []ledger.Message
	also     []ledger.Op
	breaker  *ledger.Breaker // as the step will write it
	acts     ledger.Breaker  // as the step read it before it began to act
}

func (f *Flow) load(ctx context.Context, id string) (*course, error) {
	inc, err := f.Ledger.Incident(ctx, id)
	if err != nil {
		return nil, err
	}
	c := &course{inc: inc, now: f.Now(), pol: f.Policy()}
	if inc.End != "" {
		return c, nil
	}
	c.lease, err = f.Ledger.Hold(ctx, inc.Target, inc.ID, c.now, leaseTTL)
	if err != nil {
		return nil, err
	}
	c.service, c.stage, _ = c.pol.Stage(inc.Target.Service, inc.Target.Stage)
	c.rule = ruleOf(c.pol, inc)
	c.inc.Mode = modeIn(c.pol, inc, c.rule)
	return c, nil
}

// modeIn is the mode of an incident under a policy. Whoever makes the policy stricter means what goes on now,
// too. Made looser, it speaks of the next incident.
func modeIn(p *policy.Policy, inc ledger.Incident, rule policy.Rule) policy.Mode {
	return inc.Mode.Stricter(p.ModeFor(rule, inc.Target.Service, inc.Target.Stage))
}

// ruleOf finds the incident's rule again, since a reload may have moved it. A rule that is gone has no
// remedies, so that the plan comes out empty; what was carried out before is verified all the same.
func ruleOf(p *policy.Policy, inc ledger.Incident) policy.Rule {
	if rule, ok := p.RuleLike(inc.Rule, inc.Match); ok {
		return rule
	}
	return policy.Rule{Name: inc.Rule, Verify: policy.Verify{Within: policy.DefaultWithin}}
}

// save writes what the step decided. Later writes of the same step go on from it.
func (f *Flow) save(ctx context.Context, c *course) error {
	inc, err := f.Ledger.Commit(ctx, ledger.Change{
		Incident: c.inc, Events: c.events, Messages: c.messages, Lease: &c.lease, Breaker: c.breaker, Also: c.also,
	})
	if err != nil {
		return err
	}
	for _, e := range c.events {
		f.Log.InfoContext(ctx, "incident", "incident", inc.ID, "target", inc.Target.String(), "kind", string(e.Kind), "step", string(e.Step), "text", e.Text)
	}
	c.inc, c.events, c.messages, c.also, c.breaker = inc, nil, nil, nil, nil
	return nil
}

// tell adds an event to the timeline.
func (c *course) tell(kind ledger.EventKind, format string, args ...any) *ledger.Event {
	c.events = append(c.events, ledger.Event{At: c.now, Kind: kind, Step: c.inc.Step, Text: fmt.Sprintf(format, args...)})
	return &c.events[len(c.events)-1]
}

// goTo moves the incident to a step, writes it, and answers.
func (f *Flow) goTo(ctx context.Context, c *course, step ledger.Step, wait time.Duration) (Answer, error) {
	c.inc.Step = step
	if err := f.save(ctx, c); err != nil {
		return Answer{}, err
	}
	return c.answer(wait), nil
}

// answer is where the incident stands. Blame and choose decide on facts that are read first.
func (c *course) answer(wait time.Duration) Answer {
	a := Answer{ID: c.inc.ID, Next: c.inc.Step, Wait: int((wait + time.Second - 1) / time.Second)}
	if c.inc.Step == ledger.StepBlame {
		a.Next = StepLook
	}
	if c.inc.Current >= 0 && c.inc.Current < len(c.inc.Plan) {
		a.Hand = hand(c.inc.Plan[c.inc.Current])
	}
	return a
}

// standing is the answer for an incident, open or ended.
func (c *course) standing() Answer {
	if c.inc.End != "" {
		return c.ended()
	}
	return c.answer(0)
}

func (c *course) ended() Answer {
	return Answer{ID: c.inc.ID, Next: ledger.StepEnd, End: c.inc.End}
}

// current is the remedy in hand.
func (c *course) current() *ledger.Remedy { return &c.inc.Plan[c.inc.Current] }

// finish ends the incident, frees the target and tells people.
func (f *Flow) finish(ctx context.Context, c *course, end ledger.End, reason string) (Answer, error) {
	c.inc.Step, c.inc.End, c.inc.EndedAt, c.inc.Reason = ledger.StepEnd, end, c.now, reason
	c.tell(ledger.EventEnd, "%s: %s", end, reason).End = end
	if end != ledger.StoodDown || len(c.inc.Confirmed) > 0 {
		c.messages = append(c.messages, closing(c.inc, c.pol)) // a false alert is recorded, and bothers nobody
	}
	free, err := c.lease.FreeOp()
	if err != nil {
		return Answer{}, err
	}
	breaker, err := f.spared(ctx, c)
	if err != nil {
		return Answer{}, err
	}
	inc, err := f.Ledger.Commit(ctx, ledger.Change{
		Incident: c.inc, Events: c.events, Messages: c.messages, Breaker: breaker, Also: append(c.also, free),
	})
	if err != nil {
		return Answer{}, err
	}
	f.Log.InfoContext(ctx, "incident ended", "incident", inc.ID, "target", inc.Target.String(), "end", string(end), "reason", reason)
	c.inc = inc
	return c.ended(), nil
}

// fail ends an incident that is bad and not helped: Clean if the world is as it was, else Dirty.
func (f *Flow) fail(ctx context.Context, c *course, reason string) (Answer, error) {
	if dirty(c.inc) {
		return f.finish(ctx, c, ledger.FailedDirty, reason)
	}
	return f.finish(ctx, c, ledger.FailedClean, reason)
}

// dirty tells whether anything that Guardian did, or may have done, still stands.
func dirty(inc ledger.Incident) bool {
	for _, e := range inc.Effects {
		if e.UndoneAt.IsZero() && !e.Refused {
			return true
		}
	}
	return false
}

func (f *Flow) giveUp(ctx context.Context, c *course, cause json.RawMessage) (Answer, error) {
	var failure struct{ Error, Cause string }
	_ = json.Unmarshal(cause, &failure) // an unreadable cause is told as unknown
	if failure.Error == "" {
		failure.Error = "unknown error"
	}
	c.tell(ledger.EventTrouble, "step %s failed for good: %s", c.inc.Step, failure.Error)
	return f.fail(ctx, c, fmt.Sprintf("step %s failed for good (%s); see Guardian's log", c.inc.Step, failure.Error))
}

// ref names the target's Argo CD application.
func (c *course) ref() deploy.Ref { return deploy.ParseRef(c.stage.Application, c.stage.Project) }
