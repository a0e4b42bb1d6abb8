package backtest

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/cinegit/guardian/internal/health"
	"github.com/cinegit/guardian/internal/policy"
)

// bake is a release with what judges it and until when.
type bake struct {
	Release
	end     time.Time // of its bake, or when the next release came, or now
	service policy.Service
	stage   policy.Stage
	rules   []policy.Rule // that may speak of its target
}

// plan gives a bake for every release from from to to, in their order. Releases outside still end
// the bakes of those before them.
func plan(p *policy.Policy, releases []Release, from, to, now time.Time) []bake {
	releases = slices.SortedStableFunc(slices.Values(releases), func(a, b Release) int {
		return cmp.Or(a.At.Compare(b.At), strings.Compare(a.Target.String(), b.Target.String()))
	})
	var bakes []bake
	last := map[string]int{} // by target, the index of its latest bake
	for _, r := range releases {
		service, stage, ok := p.Stage(r.Service, r.Stage)
		if !ok {
			continue
		}
		if i, has := last[r.Target.String()]; has && bakes[i].end.After(r.At) {
			bakes[i].end = r.At
		}
		delete(last, r.Target.String())
		if r.At.Before(from) || !r.At.Before(to) {
			continue
		}
		end := r.At.Add(stage.Bake.D())
		if end.After(now) {
			end = now
		}
		last[r.Target.String()] = len(bakes)
		bakes = append(bakes, bake{Release: r, end: end, service: service, stage: stage, rules: rulesFor(p, r)})
	}
	return bakes
}

// rulesFor are the rules whose target the release's may be.
func rulesFor(p *policy.Policy, r Release) []policy.Rule {
	var rules []policy.Rule
	for _, rule := range p.Rules {
		if mayBe(rule.Target.Service, r.Service) && mayBe(rule.Target.Stage, r.Stage) {
			rules = append(rules, rule)
		}
	}
	return rules
}

// labelOf is the label that names, for "label NAME"; "" for a name itself.
func labelOf(n policy.NameOf) string {
	label, ok := strings.CutPrefix(string(n), "label ")
	if !ok {
		return ""
	}
	return strings.TrimSpace(label)
}

func mayBe(n policy.NameOf, name string) bool { return labelOf(n) != "" || string(n) == name }

// gates are the names of all gates that have a say in the bake, each once.
func (b bake) gates() []string {
	names := slices.Clone(b.service.Gates)
	for _, rule := range b.rules {
		names = append(names, rule.ConfirmGates(b.service)...)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func (b bake) subject() health.Subject {
	return health.Subject{Service: b.Service, Stage: b.Stage, Application: b.stage.Application, ChangedAt: b.At}
}

// Kind says what a row judges by.
type Kind string

// The kinds.
const (
	ByGate  Kind = "gate"  // one gate alone
	ByGates Kind = "gates" // all gates of the service together, as a bake does
	ByRule  Kind = "rule"  // a rule: its alert where it was recorded, and the gates that confirm it
)

// Row is what the bakes are judged by.
type Row struct {
	Kind Kind   `json:"kind"`
	Name string `json:"name"`
}

// allGates is the row of a service's gates together.
func allGates() Row { return Row{ByGates, "all gates"} }

// jury is a row with the gates that judge in it.
type jury struct {
	Row
	gates []string
}

// juries are all rows that a bake is judged by.
func (b bake) juries() []jury {
	var all []jury
	for _, name := range b.gates() {
		all = append(all, jury{Row{ByGate, name}, []string{name}})
	}
	if len(b.service.Gates) > 0 {
		all = append(all, jury{allGates(), b.service.Gates})
	}
	for _, rule := range b.rules {
		all = append(all, jury{Row{ByRule, rule.Name}, rule.ConfirmGates(b.service)})
	}
	return all
}

// headline is the row that a bake is told by: its service's gates, or without any its first rule.
func (b bake) headline() Row {
	if len(b.service.Gates) > 0 || len(b.rules) == 0 {
		return allGates()
	}
	return Row{ByRule, b.rules[0].Name}
}
