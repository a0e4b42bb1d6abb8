package policy

import (
	"slices"

	"github.com/prometheus/common/model"
)

// Stage finds a stage of a service by both names.
func (p *Policy) Stage(service, stage string) (Service, Stage, bool) {
	s, ok := p.Services[service]
	if !ok {
		return Service{}, Stage{}, false
	}
	i := slices.IndexFunc(s.Stages, func(st Stage) bool { return st.Name == stage })
	if i < 0 {
		return s, Stage{}, false
	}
	return s, s.Stages[i], true
}

// RuleFor gives the first rule that matches the labels, with its index.
func (p *Policy) RuleFor(labels map[string]string) (Rule, int, bool) {
	for i, rule := range p.Rules {
		if rule.Match.Matches(labels) {
			return rule, i, true
		}
	}
	return Rule{}, -1, false
}

// RuleLike finds a rule again in a policy that may have changed since: by its matchers, else by a name that
// somebody gave it. The name of a rule without one is its place, which another rule may have by now, and
// counts only where the matchers are not known.
func (p *Policy) RuleLike(name, match string) (Rule, bool) {
	for _, rule := range p.Rules {
		if rule.Match.Text == match && match != "" {
			return rule, true
		}
	}
	for i, rule := range p.Rules {
		if rule.Name == name && (name != placeName(i) || match == "") {
			return rule, true
		}
	}
	return Rule{}, false
}

// Matches tells whether all matchers hold; no matchers at all match nothing.
func (m Matchers) Matches(labels map[string]string) bool {
	set := make(model.LabelSet, len(labels))
	for name, value := range labels {
		set[model.LabelName(name)] = model.LabelValue(value)
	}
	return len(m.list) > 0 && m.list.Matches(set)
}

// ModeFor gives the mode that holds for a rule on a target: the strictest of all that have a say.
func (p *Policy) ModeFor(rule Rule, service, stage string) Mode {
	s, st, _ := p.Stage(service, stage)
	return p.Mode.Stricter(s.Mode).Stricter(st.Mode).Stricter(rule.Mode)
}

// ConfirmGates gives the names of the gates that confirm the rule's alerts for a service.
func (r Rule) ConfirmGates(s Service) []string {
	if len(r.Gates) > 0 {
		return r.Gates
	}
	return r.VerifyGates(s)
}

// VerifyGates gives the names of the gates that tell whether a remedy helped.
func (r Rule) VerifyGates(s Service) []string {
	if len(r.Verify.Gates) > 0 {
		return r.Verify.Gates
	}
	return s.Gates
}
