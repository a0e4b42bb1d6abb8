package remedy

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/cinegit/guardian/internal/health"
	"github.com/cinegit/guardian/internal/ledger"
	"github.com/cinegit/guardian/internal/policy"
)

// ruleWaits is how long an alerting rule may have waited (for:) before its alert started.
const ruleWaits = 5 * time.Minute

// confirm asks the metrics whether it is really bad now. An alert alone proves nothing: it may be
// forged, late or resolved. Without an answer the incident is held while its alert is young.
func (f *Flow) confirm(ctx context.Context, c *course) (Answer, error) {
	changedAt, err := f.lastChange(ctx, c)
	if err != nil {
		return Answer{}, err
	}
	gates := health.GatesOf(c.pol, c.rule.ConfirmGates(c.service))
	findings := f.Health.Measure(ctx, gates, c.subject(changedAt), time.Time{}, c.now)
	verdict := health.Overall(findings)
	switch verdict {
	case health.Fail:
		c.inc.Confirmed, c.inc.HeldSince, c.inc.Judgement = findings, time.Time{}, health.Judgement{}
		c.tell(ledger.EventEvidence, "confirmed on the metrics: %s", worst(findings)).Findings = findings
		return f.goTo(ctx, c, ledger.StepBlame, 0)
	case health.Pass:
		return f.notBad(ctx, c, gates, findings)
	}
	return f.holdConfirm(ctx, c, verdict, findings)
}

// notBad stands down once the gates have been well as often in a row as they want to be, or the alert is over:
// a look may fall between two bad moments, and an alert that goes on is never taken up a second time. What a
// person has approved is left undone, too: it would take back a release that is well now.
func (f *Flow) notBad(ctx context.Context, c *course, gates []health.Gate, findings []health.Finding) (Answer, error) {
	judgement, verdict := c.inc.Judgement.Add(gates, findings)
	if verdict == "" && !resolved(c.inc) && f.young(c) {
		if judgement.Looks == 1 {
			c.tell(ledger.EventEvidence, "not bad at the first look, while the alert fires: %s; looking again", summary(findings)).Findings = findings
		}
		c.inc.Judgement = judgement
		return f.goTo(ctx, c, ledger.StepConfirm, shortest(gates))
	}
	c.tell(ledger.EventEvidence, "not bad now: %s", summary(findings)).Findings = findings
	return f.standDown(ctx, c, c.consent()+"the metrics say it is not bad now: "+summary(findings))
}

// consent says who has approved what; "" while nobody has.
func (c *course) consent() string {
	a := c.inc.Approval
	if a == nil || !a.Granted {
		return ""
	}
	return fmt.Sprintf("%s approved: %s; but ", a.By, c.current().What())
}

// resolved tells whether all alerts of the incident are over.
func resolved(inc ledger.Incident) bool {
	return !slices.ContainsFunc(inc.Alerts, func(a ledger.Alert) bool { return a.ResolvedAt.IsZero() })
}

// lastChange is the earliest change in the blame window that the ledger knows of: what lies before it
// is what healthy looked like. Without any, some time before the alert, since a rule waits before it fires.
func (f *Flow) lastChange(ctx context.Context, c *course) (time.Time, error) {
	at := c.inc.StartsAt.Add(-ruleWaits)
	from := c.inc.StartsAt.Add(-c.pol.Limits.BlameWindow.D())
	runs, err := f.Ledger.Releases(ctx, c.inc.Target)
	if err != nil {
		return at, err
	}
	for _, r := range runs {
		if r.From.After(from) && r.From.Before(at) {
			at = r.From
		}
	}
	changes, err := f.flagChanges(ctx, c)
	for _, list := range changes {
		for _, change := range list {
			if change.At.After(from) && change.At.Before(at) {
				at = change.At
			}
		}
	}
	return at, err
}

func (f *Flow) holdConfirm(ctx context.Context, c *course, verdict health.Verdict, findings []health.Finding) (Answer, error) {
	maxAge := c.pol.Limits.AlertMaxAge
	until, whole := fmt.Sprintf("until the alert is %s old", maxAge), fmt.Sprintf("while the alert was young (%s)", maxAge)
	if c.consent() != "" {
		until = fmt.Sprintf("for %s since the approval", maxAge)
		whole = until
	}
	if !f.young(c) {
		c.tell(ledger.EventEvidence, "still no answer: %s", worst(findings)).Findings = findings
		return f.fail(ctx, c, fmt.Sprintf("%sthe metrics gave no answer %s: %s", c.consent(), whole, worst(findings)))
	}
	wait := shortest(health.GatesOf(c.pol, c.rule.ConfirmGates(c.service)))
	if !c.inc.HeldSince.IsZero() {
		return c.answer(wait), nil
	}
	c.inc.HeldSince = c.now
	c.tell(ledger.EventDecision, "held: no measurement is neither good nor bad (%s: %s); asking again %s",
		verdict, worst(findings), until).Findings = findings
	c.messages = append(c.messages, held(c.inc, c.pol, findings))
	return f.goTo(ctx, c, ledger.StepConfirm, wait)
}

func (c *course) subject(changedAt time.Time) health.Subject {
	return health.Subject{
		Service: c.inc.Target.Service, Stage: c.inc.Target.Stage,
		Application: c.stage.Application, ChangedAt: changedAt,
	}
}

// shortest is the time until the gate that is measured most often is due again.
func shortest(gates []health.Gate) time.Duration {
	wait := policy.Duration(15 * time.Second)
	for i, g := range gates {
		if i == 0 || g.Interval < wait {
			wait = g.Interval
		}
	}
	return max(wait.D(), time.Second)
}

// worst is the reason of the finding that weighs most.
func worst(findings []health.Finding) string {
	var at *health.Finding
	for i, f := range findings {
		if !f.DryRun && (at == nil || f.Verdict.Worse(at.Verdict)) {
			at = &findings[i]
		}
	}
	if at == nil {
		return "no gate was measured"
	}
	return at.Gate + ": " + at.Reason
}

// summary is the reason of every finding.
func summary(findings []health.Finding) string {
	var text string
	for i, f := range findings {
		if i > 0 {
			text += "; "
		}
		text += f.Gate + ": " + f.Reason
	}
	return text
}
