package remedy

import (
	"fmt"
	"time"

	"github.com/cinegit/guardian/internal/health"
	"github.com/cinegit/guardian/internal/ledger"
	"github.com/cinegit/guardian/internal/policy"
)

// takeOver lets the rule of an alert that joins take the incident over where it may do more than the
// incident's own: one that only suggests is not to keep a rule that acts from acting. It begins anew with
// the rule's gates, and only where nothing was done and no person has answered yet. A question that is open
// is withdrawn. It gives what the timeline is to say.
func takeOver(p *policy.Policy, inc *ledger.Incident, alerts []routed, now time.Time) []ledger.Event {
	if inc.Acted() || !inc.ActedAt.IsZero() || inc.Approval != nil {
		return nil
	}
	var events []ledger.Event
	for _, r := range alerts {
		own := ruleOf(p, *inc)
		held, mode := modeIn(p, *inc, own), p.ModeFor(r.rule, inc.Target.Service, inc.Target.Stage)
		// The same rule made looser speaks of the next incident.
		if r.rule.Match.Text == own.Match.Text || !looser(mode, held) || len(r.rule.Remedies) == 0 {
			continue
		}
		text := fmt.Sprintf("alert %s joined; rule %s %s, where rule %s only %s", r.alert.Name, r.rule.Name, verb(mode), inc.Rule, verb(held))
		if !inc.AskedAt.IsZero() {
			text += ": the question is withdrawn"
		}
		inc.Rule, inc.Match, inc.Mode, inc.YoungSince = r.rule.Name, r.rule.Match.Text, mode, r.alert.StartsAt
		if inc.Step != ledger.StepConfirm {
			inc.Step, inc.HeldSince, inc.AskedAt = ledger.StepConfirm, time.Time{}, time.Time{}
		}
		inc.Judgement = health.Judgement{}
		events = append(events, ledger.Event{At: now, Kind: ledger.EventDecision, Step: inc.Step, Text: text})
	}
	return events
}

func looser(a, b policy.Mode) bool { return a != b && a.Stricter(b) == b }

// verb is what a rule does in a mode.
func verb(m policy.Mode) string {
	return map[policy.Mode]string{policy.Act: "acts", policy.Suggest: "suggests", policy.Observe: "observes"}[m]
}
