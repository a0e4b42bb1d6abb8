package remedy

import (
	"fmt"
	"slices"
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
	m.Text = append(call(inc.End), story(inc)...)
	m.Text = append(m.Text, inc.Reason)
	m.Text = append(m.Text, left(inc)...)
	m.Findings = append(labelled("at first", inc.Confirmed), labelled("at last", inc.Verified)...)
	m.Undo = undoing(inc)
	return m
}

// undoing is the command that undoes what stands; "" where nothing does, or a person is about to, or has
// deployed something else since.
func undoing(inc ledger.Incident) string {
	if !dirty(inc) || inc.End == ledger.StoodDown || leftToThem(inc) {
		return ""
	}
	return "guardian undo " + inc.ID
}

// call is what an end asks of a person, in words for those who do not know the end states' names.
func call(end ledger.End) []string {
	switch end {
	case ledger.FailedClean:
		return []string{"Guardian could not help and has left everything as it was: a person must look."}
	case ledger.FailedDirty:
		return []string{"Guardian has changed something, and it did not help or nobody can tell: a person must look."}
	}
	return nil
}

// left is what differs after the end from how people left it, and what they must know of it.
func left(inc ledger.Incident) []string {
	switch {
	case inc.End == ledger.StoodDown && !leftToThem(inc):
	case stands(inc, ledger.EffectAutoSync):
		return []string{fmt.Sprintf("Auto-sync is off. Once a fix is in git, give it back: guardian release %s %s", inc.Target.Service, inc.Target.Stage)}
	case leftToThem(inc):
	case stands(inc, ledger.EffectRollback) && !stands(inc, ledger.EffectPin):
		return []string{"The next sync ships again what was reverted: put a fix into git before it."}
	}
	return nil
}

// stands tells whether an effect of a kind was made and not taken back.
func stands(inc ledger.Incident, kind ledger.EffectKind) bool {
	return slices.ContainsFunc(inc.Effects, func(e ledger.Effect) bool {
		return e.Kind == kind && !e.Refused && !e.DoneAt.IsZero() && e.UndoneAt.IsZero()
	})
}

// labelled says of findings when they were measured, since those of before and after a remedy stand side
// by side.
func labelled(when string, findings []health.Finding) []health.Finding {
	out := slices.Clone(findings)
	for i := range out {
		out[i].Reason = when + ", " + out[i].Reason
	}
	return out
}

// asking tells what a person is asked to approve.
func asking(inc ledger.Incident, p *policy.Policy) ledger.Message {
	r := inc.Plan[inc.Current]
	m := message(inc, p, numbered(inc, "approve"))
	m.At, m.Urgency = inc.AskedAt, policy.Page
	m.Title = fmt.Sprintf("%s: approve? %s", inc.Target, r.What())
	m.Text = append(story(inc),
		fmt.Sprintf("Guardian asks because %s.", r.Ask),
		fmt.Sprintf("Answer within %s: guardian approve %s, or guardian reject %s", p.Limits.Approval, inc.ID, inc.ID))
	m.Findings = inc.Confirmed
	return m
}

// acting tells that Guardian begins to change something, before it has, and how to stop it. It is nothing
// that anybody must do something about.
func acting(inc ledger.Incident, p *policy.Policy) ledger.Message {
	m := message(inc, p, "act")
	m.At, m.Urgency = inc.ActedAt, policy.All
	what := inc.Plan[inc.Current].What()
	m.Title = fmt.Sprintf("%s: acting: %s", inc.Target, what)
	if a := inc.Approval; a != nil && a.Granted {
		what += ", as " + a.By + " approved"
	}
	m.Text = append(story(inc), "Doing now: "+what,
		"Then the metrics are asked whether it helped, and you hear how it ended. Once it is carried out, an undo stops that and puts everything back.")
	m.Findings, m.Undo = inc.Confirmed, "guardian undo "+inc.ID
	return m
}

// held tells that there is an alert, or a remedy, about which the metrics say nothing.
func held(inc ledger.Incident, p *policy.Policy, findings []health.Finding) ledger.Message {
	m := message(inc, p, numbered(inc, "held-"+string(inc.Step)))
	m.At, m.Urgency = inc.HeldSince, policy.Page
	m.Title = fmt.Sprintf("%s: held, the metrics give no answer", inc.Target)
	m.Text = append(story(inc), "No measurement is neither good nor bad: Guardian does nothing until it gets one. "+worst(findings))
	m.Findings, m.Undo = findings, undoing(inc)
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

// numbered is a kind of message that an incident may send more than one of: who receives them keeps them apart by
// their IDs, and takes one that it had for a repetition.
func numbered(inc ledger.Incident, kind string) string {
	return fmt.Sprintf("%s-%d", kind, inc.NextSeq)
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
		case e.Kind == ledger.EffectRollback && inc.End != "" && inc.SettledAt.IsZero():
			text = append(text, "Begun, and never seen to be live: "+e.What)
		default:
			text = append(text, "Done: "+e.What)
		}
	}
	for _, r := range inc.Plan {
		if r.Refused != "" && !strings.Contains(inc.Reason, r.Refused) {
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
