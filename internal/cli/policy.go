package cli

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/cinegit/guardian/internal/api"
	"github.com/cinegit/guardian/internal/policy"
)

// Policy tells in one screen what Guardian would do by a policy that has no mistake.
func (v View) Policy(file string, pol *policy.Policy) string {
	p := v.page()
	p.line("%s %s", p.paint(green, "ok"), p.paint(bold, clean(file)))
	p.field("mode", plain, fmt.Sprintf("%s: %s", pol.Mode, modeWords(pol.Mode)))
	p.field("limits", plain, limits(pol.Limits))
	p.field("told", plain, told(pol.Notify))
	p.services(pol)
	p.gates(pol)
	p.rules(pol)
	return p.String()
}

func modeWords(m policy.Mode) string {
	switch m {
	case policy.Act:
		return "Guardian carries its plan out by itself"
	case policy.Suggest:
		return "Guardian shows its plan and waits for a person's approval"
	}
	return "Guardian only shows what it would have done"
}

func limits(l policy.Limits) string {
	return fmt.Sprintf("%s remedies over all targets, a target again after %s, at most %s of the services; alerts older than %s lead to nothing; changes up to %s before an alert are suspects",
		l.Fleet, l.Cooldown, l.Share, l.AlertMaxAge, l.BlameWindow)
}

func told(channels []policy.Channel) string {
	words := []string{"the log"}
	for _, c := range channels {
		name := "a webhook"
		if c.Slack != "" {
			name = "Slack"
		}
		if c.Only == policy.Page {
			name += " (pages only)"
		}
		words = append(words, name)
	}
	return strings.Join(words, ", ")
}

func (p *page) services(pol *policy.Policy) {
	p.title("Services")
	t := table{head: []string{"SERVICE", "STAGE", "APPLICATION", "MODE", "BAKE", "GATES", "FLAGS"}}
	for _, name := range slices.Sorted(maps.Keys(pol.Services)) {
		s := pol.Services[name]
		for i, st := range s.Stages {
			service, gates, flags := name, strings.Join(s.Gates, ", "), flagWords(s.Flags)
			if i > 0 && p.Width > 0 {
				service, gates, flags = "", "", "" // piped, every line stands for itself
			}
			mode := pol.Mode.Stricter(s.Mode).Stricter(st.Mode)
			t.add(cell{service, bold}, text(st.Name), text(st.Application), text(string(mode)), text(st.Bake.String()), text(gates), text(flags))
		}
	}
	p.b.WriteString(p.table(t, 2))
}

func flagWords(flags map[string]policy.Flag) string {
	var words []string
	for _, key := range slices.Sorted(maps.Keys(flags)) {
		words = append(words, key+"="+flags[key].Safe)
	}
	return strings.Join(words, ", ")
}

func (p *page) gates(pol *policy.Policy) {
	p.title("Gates")
	t := table{head: []string{"GATE", "EVERY", "OVER", "FAILS WHEN"}}
	for _, name := range slices.Sorted(maps.Keys(pol.Gates)) {
		g := pol.Gates[name]
		t.add(cell{name, bold}, text(g.Interval.String()), text(g.Window.String()), text(fails(g)))
	}
	p.b.WriteString(p.table(t, 2))
}

// fails says when a measurement of the gate is a failure.
func fails(g policy.Gate) string {
	var words []string
	if g.Max != nil {
		words = append(words, "bad/total is above "+g.Max.String())
	}
	if g.Tolerance != nil {
		words = append(words, "bad/total is for certain more than "+g.Tolerance.String()+" above what it was before the change")
	}
	if g.FailureCondition != "" {
		words = append(words, g.FailureCondition)
	}
	if g.SuccessCondition != "" {
		words = append(words, "not: "+g.SuccessCondition)
	}
	out := strings.Join(words, ", or ")
	if g.DryRun {
		out += " (dry run, never decides)"
	}
	return out
}

func (p *page) rules(pol *policy.Policy) {
	p.title("Rules (the first that matches an alert counts)")
	for _, r := range pol.Rules {
		mode := pol.Mode.Stricter(r.Mode)
		p.hang(2, cell{clean(r.Name) + ":", bold}, text(r.Match.Text))
		p.part("at", fmt.Sprintf("%s / %s", r.Target.Service, r.Target.Stage))
		p.part("confirm", gatesOr(r.ConfirmGates(policy.Service{})))
		p.part(string(mode), remedies(r.Remedies))
		p.part("verify", fmt.Sprintf("%s, within %s", gatesOr(r.VerifyGates(policy.Service{})), r.Verify.Within))
	}
	if len(pol.Rules) == 0 {
		p.line("  none: no alert leads to a remedy")
	}
}

// part writes one part of a rule.
func (p *page) part(label, words string) {
	p.hang(4, cell{pad(label, len("confirm")), dim}, text(words))
}

func gatesOr(names []string) string { return cmp.Or(strings.Join(names, ", "), "the service's gates") }

func remedies(kinds []policy.RemedyKind) string {
	var words []string
	for _, k := range kinds {
		switch k {
		case policy.RemedyFlag:
			words = append(words, "put the suspected flag to its safe variant")
		case policy.RemedyRevert:
			words = append(words, "revert to the newest release that proved good")
		default:
			words = append(words, string(k))
		}
	}
	return strings.Join(words, ", then ")
}

// Probes shows which connections of a policy answer.
func (v View) Probes(all []api.Connection) string {
	p := v.page()
	p.connections(all)
	return p.String()
}
