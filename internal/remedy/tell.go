package remedy

import (
	"fmt"
	"strings"
	"time"

	"github.com/cinegit/guardian/internal/health"
	"github.com/cinegit/guardian/internal/ledger"
	"github.com/cinegit/guardian/internal/policy"
)

// closing tells how an incident ended. It pages where a person must do something now.
func closing(inc ledger.Incident, p *policy.Policy) ledger.Message {
	m := message(inc, p, "end")
	m.End, m.At = inc.End, inc.EndedAt
	m.Title = fmt.Sprintf("%s: %s", inc.Target, inc.End)
	m.Urgency = policy.All
	if inc.End == ledger.FailedClean || inc.End == ledger.FailedDirty {
		m.Urgency = policy.Page
	}
	m.Text = append(m.Text, story(inc)...)
	m.Text = append(m.Text, inc.Reason)
	m.Findings = inc.Confirmed
	if len(inc.Verified) > 0 {
		m.Findings = append(m.Findings, inc.Verified...)
	}
	if dirty(inc) {
		m.Undo = "guardian undo " + inc.ID
	}
	return m
}

// asking tells what a person is asked to approve.
func asking(inc ledger.Incident, p *policy.Policy) ledger.Message {
	r := inc.Plan[inc.Current]
	m := message(inc, p, fmt.Sprintf("approve-%d", inc.Current))
	m.At, m.Urgency = inc.AskedAt, policy.Page
	m.Title = fmt.Sprintf("%s: approve? %s", inc.Target, r.What())
	m.Text = append(story(inc),
		fmt.Sprintf("Guardian asks because %s.", r.Ask),
		fmt.Sprintf("Answer within %s: guardian approve %s, or guardian reject %s", p.Limits.Approval, inc.ID, inc.ID))
	m.Findings = inc.Confirmed
	return m
}

// held tells that there is an alert, or a remedy, about which the metrics say nothing.
func held(inc ledger.Incident, p *policy.Policy, findings []health.Finding) ledger.Message {
	m := message(inc, p, "held-"+string(inc.Step))
	m.At, m.Urgency = inc.HeldSince, policy.Page
	m.Title = fmt.Sprintf("%s: held, the metrics give no answer", inc.Target)
	m.Text = append(story(inc), "No measurement is neither good nor bad: Guardian does nothing until it gets one. "+worst(findings))
	m.Findings = findings
	return m
}

func message(inc ledger.Incident, p *policy.Policy, kind string) ledger.Message {
	m := ledger.Message{ID: inc.ID + "-" + kind, Incident: inc.ID, Target: inc.Target}
	if p.Server.URL != "" {
		m.Links = append(m.Links, strings.TrimSuffix(p.Server.URL, "/")+"/v1/incidents/"+inc.ID)
	}
	for _, a := range inc.Alerts[:min(len(inc.Alerts), 3)] {
		if a.Runbook != "" {
			m.Links = append(m.Links, a.Runbook)
		}
	}
	return m
}

// story is what happened so far, a sentence each.
func story(inc ledger.Incident) []string {
	var text []string
	if len(inc.Alerts) > 0 {
		a := inc.Alerts[0]
		text = append(text, fmt.Sprintf("Alert %s fires since %s%s", a.Name, a.StartsAt.UTC().Format(time.TimeOnly+" MST"), colon(a.Summary)))
	}
	if len(inc.Confirmed) > 0 {
		text = append(text, "Confirmed: "+worst(inc.Confirmed))
	}
	if len(inc.Suspects) > 0 {
		text = append(text, "Blamed: "+inc.Suspects[0].Reason)
	}
	for _, e := range inc.Effects {
		switch {
		case e.Refused:
		case !e.UndoneAt.IsZero():
			text = append(text, "Done and taken back: "+e.What)
		case e.DoneAt.IsZero():
			text = append(text, "Asked for, and never seen to be done: "+e.What)
		default:
			text = append(text, "Done: "+e.What)
		}
	}
	for _, r := range inc.Plan {
		if r.Refused != "" {
			text = append(text, fmt.Sprintf("Refused: %s, because %s", r.What(), r.Refused))
		}
	}
	return text
}

func colon(s string) string {
	if s == "" {
		return ""
	}
	return ": " + s
}
