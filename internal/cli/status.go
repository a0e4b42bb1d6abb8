package cli

import (
	"fmt"
	"strings"

	"github.com/cinegit/guardian/internal/api"
	"github.com/cinegit/guardian/internal/ledger"
)

// Status shows how Guardian and everything it watches is, what a person should look at first.
func (v View) Status(s api.Status) string {
	p := v.page()
	p.line("%s  mode %s, up %s", p.paint(bold, "guardian "+clean(s.Version)), clean(string(s.Mode)), span(s.Now.Sub(s.Started)))
	p.field("policy", plain, fmt.Sprintf("%s, loaded %s", s.Policy.File, v.ago(s.Policy.LoadedAt)))
	if s.Policy.Problem != "" {
		p.field("", red, "a newer file was not taken, this one stays in force:")
		p.verbatim(s.Policy.Problem)
	}
	p.field("queue", ofQueue(s.Queue), queueWords(s.Queue))
	p.field("times", plain, v.offset(s.Now))
	p.open(s.Open)
	p.connections(s.Connections)
	p.targets(s.Targets)
	p.freezes(s.Freezes)
	p.quarantines(s.Quarantines)
	p.holds(s.Holds)
	p.ignored(s.Ignored)
	return p.String()
}

func queueWords(q api.Queue) string {
	words := fmt.Sprintf("%d waiting", q.Depth)
	if q.Dead > 0 {
		words += fmt.Sprintf(", %d given up: the log says why", q.Dead)
	}
	return words
}

func ofQueue(q api.Queue) style {
	if q.Dead > 0 {
		return red
	}
	return plain
}

func (p *page) open(incidents []ledger.Incident) {
	p.title("Open incidents")
	if len(incidents) == 0 {
		p.line("  %s", p.paint(green, "none"))
		return
	}
	p.b.WriteString(p.incidents(incidents, 2))
	p.line("  %s", p.paint(dim, "more: guardian explain ID"))
}

func (p *page) connections(all []api.Connection) {
	p.title("Connections")
	t := table{head: []string{"NAME", "STATE", "WHY"}}
	for _, c := range all {
		state := cell{"ok", green}
		if !c.OK {
			state = cell{"failing", red}
		}
		t.add(text(c.Name), state, text(c.Why))
	}
	p.b.WriteString(p.table(t, 2))
}

func (p *page) targets(all []api.Target) {
	p.title("Targets")
	t := table{head: []string{"SERVICE", "STAGE", "RELEASE", "SINCE", "PROVEN", "HEALTH", "NOTES"}}
	for _, target := range all {
		proven := cell{"no", yellow}
		switch {
		case target.Release == "":
			proven = cell{}
		case target.Proven:
			proven = cell{"yes", green}
		}
		t.add(text(target.Service), text(target.Stage), text(target.Release), text(p.ago(target.Since)), proven,
			cell{target.Health, ofHealth(target.Health)}, cell{notes(target), ofNotes(target)})
	}
	p.b.WriteString(p.table(t, 2))
}

// ofHealth colours Argo CD's words for health.
func ofHealth(health string) style {
	switch health {
	case "Healthy":
		return green
	case "Degraded", "Missing":
		return red
	}
	return yellow
}

func notes(t api.Target) string {
	var all []string
	if t.Incident != "" {
		all = append(all, "incident "+t.Incident)
	}
	if t.Trouble != "" {
		all = append(all, t.Trouble)
	}
	if t.Held {
		all = append(all, "auto-sync off")
	}
	if t.Sync == "OutOfSync" {
		all = append(all, "out of sync")
	}
	if t.Mode != "" && t.Mode != "act" {
		all = append(all, string(t.Mode)+" only")
	}
	return strings.Join(all, "; ")
}

func ofNotes(t api.Target) style {
	switch {
	case t.Trouble != "":
		return red
	case t.Incident != "":
		return magenta
	}
	return plain
}

func (p *page) freezes(all []ledger.Freeze) {
	if len(all) == 0 {
		return
	}
	p.title("Freezes (they stop promotions, never a revert)")
	t := table{head: []string{"SCOPE", "ENDS", "BY", "WHY"}}
	for _, f := range all {
		t.add(text(scope(f.Service, f.Stage)), text(p.ago(f.Until)), text(f.By), text(f.Why))
	}
	p.b.WriteString(p.table(t, 2))
}

// scope names what a freeze covers.
func scope(service, stage string) string {
	switch {
	case service == "" && stage == "":
		return "everything"
	case service == "":
		return "stage " + stage
	case stage == "":
		return service
	}
	return service + "/" + stage
}

func (p *page) quarantines(all []ledger.Quarantine) {
	if len(all) == 0 {
		return
	}
	p.title("Quarantined releases")
	t := table{head: []string{"TARGET", "RELEASE", "SINCE", "INCIDENT", "WHY"}}
	for _, q := range all {
		t.add(text(q.Target.String()), cell{q.Label, yellow}, text(p.ago(q.At)), text(q.Incident), text(q.Why))
	}
	p.b.WriteString(p.table(t, 2))
	p.line("  %s", p.paint(dim, "lift: guardian release SERVICE STAGE --lift"))
}

func (p *page) holds(all []ledger.Hold) {
	if len(all) == 0 {
		return
	}
	p.title("Auto-sync switched off by Guardian")
	t := table{head: []string{"TARGET", "SINCE", "INCIDENT"}}
	for _, h := range all {
		t.add(text(h.Target.String()), text(p.ago(h.At)), text(h.Incident))
	}
	p.b.WriteString(p.table(t, 2))
	p.line("  %s", p.paint(dim, "give it back: guardian release SERVICE STAGE"))
}

func (p *page) ignored(all []ledger.Event) {
	if len(all) == 0 {
		return
	}
	p.title("Latest alerts that led to nothing")
	t := table{head: []string{"WHEN", "WHY"}}
	for _, e := range all {
		t.add(text(p.ago(e.At)), text(e.Text))
	}
	p.b.WriteString(p.table(t, 2))
}
