package remedy

import (
	"context"
	"fmt"
	"time"

	"github.com/cinegit/guardian/internal/deploy"
	"github.com/cinegit/guardian/internal/health"
	"github.com/cinegit/guardian/internal/ledger"
)

// overtaken says who deployed what after the rollback went live; "" while what it went back to runs.
// What was seen before the rollback landed says nothing of that.
func overtaken(app deploy.Application, r ledger.Remedy, rollback *ledger.Effect) string {
	live, ok := app.Live()
	if !ok || r.To == nil || rollback == nil || live.ID <= rollback.Mark.LastHistoryID || live.Identity() == r.To.Identity() {
		return ""
	}
	return fmt.Sprintf("%s deployed %s while it was verified", deployer(live), live.Label())
}

// leftToThem tells whether what came of the remedy in hand is left to whoever deployed something else meanwhile.
func leftToThem(inc ledger.Incident) bool {
	return inc.Current >= 0 && inc.Current < len(inc.Plan) && inc.Plan[inc.Current].Overtaken != ""
}

// leave goes on watching, from here on, what somebody else deployed: whether the remedy helped can no longer
// be told, and no other is tried. People are to be paged if that is bad, too.
func (f *Flow) leave(ctx context.Context, c *course, who string) (Answer, error) {
	r := c.current()
	r.Overtaken, r.Outcome = who, who+": left to them"
	c.tell(ledger.EventDecision, "%s: left to them; watching what comes of it", who)
	c.inc.SettledAt, c.inc.HeldSince = c.now, time.Time{}
	c.inc.Judgement, c.inc.Verified = health.Judgement{Since: c.now}, nil
	return f.goTo(ctx, c, ledger.StepVerify, 0)
}

// notHealed tells what the gates say. Whether the remedy is to blame for that is told on fresh facts, in
// blame: somebody may have deployed something else since Argo CD was last read.
func (f *Flow) notHealed(ctx context.Context, c *course, findings []health.Finding) (Answer, error) {
	c.tell(ledger.EventEvidence, "not healed: %s", worst(findings)).Findings = findings
	if leftToThem(c.inc) {
		return f.finish(ctx, c, ledger.FailedDirty, c.untold()+", and it is bad now: "+worst(findings))
	}
	c.inc.Judgement, c.inc.HeldSince = health.Judgement{}, time.Time{}
	return f.goTo(ctx, c, ledger.StepBlame, 0)
}

// untold is what was done, and why nobody can tell whether it helped.
func (c *course) untold() string {
	r := c.current()
	return fmt.Sprintf("%s; %s", r.What(), r.Outcome)
}

// doubted tells whether the gates were still bad after the remedy in hand, and nothing was made of that yet.
func (c *course) doubted() bool {
	if c.inc.Current < 0 || c.inc.Current >= len(c.inc.Plan) {
		return false
	}
	r := c.current()
	return r.Tried && r.Outcome == "" && !c.inc.SettledAt.IsZero()
}
