package remedy

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/prometheus/alertmanager/template"

	"github.com/cinegit/guardian/internal/ledger"
	"github.com/cinegit/guardian/internal/policy"
)

// future is how far ahead of our clock an alert's start may lie.
const future = 5 * time.Minute

// routed is an alert with where it leads: to a target by a rule, or nowhere, with the reason.
type routed struct {
	alert  ledger.Alert
	target ledger.Target
	rule   policy.Rule
	why    string // why it leads nowhere; empty if it leads to target
	kind   string // of why, a word for the metric
}

// route finds the rule and target of an alert. Names come from the policy: a label's value only picks
// one that is there.
func route(p *policy.Policy, a template.Alert, now time.Time) routed {
	r := routed{alert: alertOf(a)}
	var ok bool
	if r.rule, _, ok = p.RuleFor(a.Labels); !ok {
		return r.nowhere("no rule", "no rule matches its labels")
	}
	service, stage := r.rule.Target.Service.From(a.Labels), r.rule.Target.Stage.From(a.Labels)
	if _, _, ok := p.Stage(service, stage); !ok {
		return r.nowhere("unknown target", fmt.Sprintf("%s points to service %q, stage %q, which the policy does not know", r.rule.Name, clip(service, 80), clip(stage, 80)))
	}
	r.target = ledger.Target{Service: service, Stage: stage}
	switch age := now.Sub(a.StartsAt); {
	case age > p.Limits.AlertMaxAge.D():
		return r.nowhere("too old", fmt.Sprintf("it began %s ago, and limits.alertMaxAge is %s", age.Round(time.Second), p.Limits.AlertMaxAge))
	case age < -future:
		return r.nowhere("in the future", fmt.Sprintf("it begins %s from now: check the sender's clock", (-age).Round(time.Second)))
	}
	return r
}

func (r routed) nowhere(kind, why string) routed {
	r.kind, r.why = kind, why
	return r
}

func alertOf(a template.Alert) ledger.Alert {
	return ledger.Alert{
		Name: clip(orElse(a.Labels["alertname"], "unnamed"), 120), Fingerprint: a.Fingerprint, StartsAt: a.StartsAt.UTC(),
		Summary: clip(orElse(a.Annotations["summary"], a.Annotations["description"]), 300),
		Link:    link(a.GeneratorURL), Runbook: link(a.Annotations["runbook_url"]),
	}
}

// link keeps what a person can click and nothing else.
func link(s string) string {
	if (strings.HasPrefix(s, "http://") || strings.HasPrefix(s, "https://")) && len(s) <= 2000 {
		return clean(s)
	}
	return ""
}

// clip makes text from outside fit for a line: no control characters, at most so many runes.
func clip(s string, most int) string {
	runes := []rune(clean(s))
	if len(runes) > most {
		return string(runes[:most-1]) + "…"
	}
	return string(runes)
}

func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, s)
}

// incidentID names the incident that an episode opens: always the same, so that the same episode
// opens it once. At most 80 characters, as Step Functions wants the name of an execution.
func incidentID(t ledger.Target, a ledger.Alert) string {
	sum := sha256.Sum256([]byte(t.String() + "\n" + a.Fingerprint + "\n" + a.StartsAt.Format(time.RFC3339Nano)))
	return fmt.Sprintf("%.40s-%.30s-%s", t.Service, t.Stage, hex.EncodeToString(sum[:4]))
}
