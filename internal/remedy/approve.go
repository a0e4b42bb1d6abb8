package remedy

import (
	"context"
	"fmt"
	"time"

	"github.com/cinegit/guardian/internal/health"
	"github.com/cinegit/guardian/internal/ledger"
)

// approve asks a person and keeps the token with which the answer wakes the state machine. It is
// run again with an answer in the ledger when that answer came before the token.
func (f *Flow) approve(ctx context.Context, c *course, token string) (Answer, error) {
	c.inc.Token = token
	if c.inc.AskedAt.IsZero() {
		remedy := c.current()
		c.inc.AskedAt = c.now
		c.tell(ledger.EventDecision, "asking a person to approve: %s, because %s; waiting %s",
			remedy.What(), remedy.Ask, c.pol.Limits.Approval)
		c.messages = append(c.messages, asking(c.inc, c.pol))
	}
	return f.goTo(ctx, c, ledger.StepApprove, 0)
}

// Approve records a person's answer to the question that an incident waits with. The state machine goes
// on when Answered is sent to its token.
func (f *Flow) Approve(ctx context.Context, id string, a ledger.Approval) (token string, answer Answer, err error) {
	c, err := f.load(ctx, id)
	if err != nil {
		return "", Answer{}, err
	}
	if c.inc.Step != ledger.StepApprove || c.inc.AskedAt.IsZero() {
		return "", Answer{}, fmt.Errorf("incident %s %w", id, ErrNotAsking)
	}
	token = c.inc.Token
	a.Change = changeOf(*c.current())
	c.inc.Approval, c.inc.AskedAt = &a, time.Time{}
	if !a.Granted {
		answer, err = f.rejected(ctx, c, a)
		return token, answer, err
	}
	c.tell(ledger.EventPerson, "%s approved: %s%s", a.By, c.current().What(), reason(a)).By = a.By
	// The question may have waited long: the metrics are asked again, and the guards on fresh facts.
	c.inc.Judgement, c.inc.HeldSince = health.Judgement{}, time.Time{}
	answer, err = f.goTo(ctx, c, ledger.StepConfirm, 0)
	return token, answer, err
}

// rejected ends the incident, and remembers that this change is not to be undone there.
func (f *Flow) rejected(ctx context.Context, c *course, a ledger.Approval) (Answer, error) {
	remedy := *c.current()
	op, err := ledger.OverrideOp(ledger.Override{
		Target: c.inc.Target, Change: changeOf(remedy), By: a.By, At: a.At, Why: orElse(a.Why, "rejected the suggestion"),
	})
	if err != nil {
		return Answer{}, err
	}
	c.also = append(c.also, op)
	said := fmt.Sprintf("%s rejected: %s%s", a.By, remedy.What(), reason(a))
	c.tell(ledger.EventPerson, "%s", said).By = a.By
	return f.standDown(ctx, c, said)
}

// reason is why a person answered so, as far as they said.
func reason(a ledger.Approval) string {
	if a.Why == "" {
		return ""
	}
	return " (" + a.Why + ")"
}

// Expire ends an incident whose question nobody answered in time.
func (f *Flow) Expire(ctx context.Context, id string) (token string, answer Answer, err error) {
	c, err := f.load(ctx, id)
	if err != nil {
		return "", Answer{}, err
	}
	if c.inc.Step != ledger.StepApprove || c.inc.AskedAt.IsZero() || c.now.Sub(c.inc.AskedAt) < c.pol.Limits.Approval.D() {
		return "", Answer{}, fmt.Errorf("incident %s %w", id, ErrNotAsking)
	}
	token = c.inc.Token
	answer, err = f.fail(ctx, c, fmt.Sprintf("nobody approved within %s: %s", c.pol.Limits.Approval, c.current().What()))
	return token, answer, err
}

// Unanswered gives the answer for a state machine that still waits for approval although its incident
// has gone on: the process died between writing the answer and sending it. ok is false while the
// incident rightly waits.
func (f *Flow) Unanswered(ctx context.Context, id string) (token string, answer Answer, ok bool, err error) {
	inc, err := f.Ledger.Incident(ctx, id)
	if err != nil || inc.Step == ledger.StepApprove {
		return "", Answer{}, false, err
	}
	return inc.Token, (&course{inc: inc}).standing(), inc.Token != "", nil
}
