package policy

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"
)

func (c checker) rule(i int) {
	at, rule := pointer("/rules").index(i), c.Rules[i]
	if rule.Match.matchesAll() {
		c.flaw(at.key("match"), "the matchers match every alert, or nearly every one", `name at least one label by its value, as {severity="critical"}`)
	}
	twin := func(other Rule) bool { return other.Name == rule.Name }
	if first := slices.IndexFunc(c.Rules, twin); rule.Name != "" && first < i {
		c.flaw(at.key("name"), fmt.Sprintf("two rules are named %s", short(rule.Name)), "give each rule a name of its own, or none")
	}
	c.target(at.key("target"), rule.Target)
	c.ruleMode(at.key("mode"), rule)
	c.remedies(at.key("remedies"), rule)
	c.gateNames(at.key("gates"), rule.Gates)
	c.gateNames(at.key("verify").key("gates"), rule.Verify.Gates)
	c.positive(at.key("verify").key("within"), rule.Verify.Within)
	c.verifiable(at, rule)
}

// matchesAll tells whether an alert of any name matches that has no other label.
func (m Matchers) matchesAll() bool {
	return m.Matches(map[string]string{model.AlertNameLabel: "any alert\uFFFD"})
}

// label gives the label that a name is taken from.
func (n NameOf) label() (string, bool) {
	label, ok := strings.CutPrefix(string(n), "label ")
	return strings.TrimSpace(label), ok
}

func (c checker) target(at pointer, t Target) {
	for field, name := range map[string]NameOf{"service": t.Service, "stage": t.Stage} {
		if label, ok := name.label(); ok && (!model.UTF8Validation.IsValidLabelName(label) || strings.Contains(label, " ")) {
			c.flaw(at.key(field), fmt.Sprintf("%q is not the name of a label", short(label)), "write it like label env")
		}
	}
	literal := string(t.Service)
	if _, ok := t.Service.label(); ok {
		literal = ""
	}
	if _, ok := c.Services[literal]; literal != "" && !ok && !c.unread("/services") {
		c.flaw(at.key("service"), fmt.Sprintf("there is no service %q", short(literal)), known(literal, c.Services, "services")+"; to take it from the alert, write label NAME")
		return
	}
	if _, ok := t.Stage.label(); ok || t.Stage == "" {
		return
	}
	stages := c.stagesOf(t)
	if !stages[string(t.Stage)] && len(stages) > 0 {
		c.flaw(at.key("stage"), fmt.Sprintf("there is no stage %q", short(string(t.Stage))), known(string(t.Stage), stages, "stages there")+"; to take it from the alert, write label NAME")
	}
}

// stagesOf gives the stages of the services that a target can mean.
func (c checker) stagesOf(t Target) map[string]bool {
	stages := map[string]bool{}
	for _, name := range c.servicesOf(t) {
		for _, stage := range c.Services[name].Stages {
			if stage.Name != "" {
				stages[stage.Name] = true
			}
		}
	}
	return stages
}

// servicesOf gives the services that a target can mean.
func (c checker) servicesOf(t Target) []string {
	if _, ok := t.Service.label(); ok {
		return slices.Sorted(maps.Keys(c.Services))
	}
	if _, ok := c.Services[string(t.Service)]; ok {
		return []string{string(t.Service)}
	}
	return nil
}

func (c checker) ruleMode(at pointer, rule Rule) {
	around, what := c.Mode, "the policy"
	if service, stage, ok := c.Stage(string(rule.Target.Service), string(rule.Target.Stage)); ok {
		around, what = c.Mode.Stricter(service.Mode).Stricter(stage.Mode), "its target"
	} else if service, ok := c.Services[string(rule.Target.Service)]; ok {
		around, what = c.Mode.Stricter(service.Mode), "its target"
	}
	c.modeBelow(at, rule.Mode, around, what)
}

func (c checker) remedies(at pointer, rule Rule) {
	for i, kind := range rule.Remedies {
		here := at.index(i)
		if kind != "" && slices.Index(rule.Remedies, kind) < i {
			c.flaw(here, fmt.Sprintf("remedy %s is named twice", kind), "remove it here: each remedy is tried for every suspect that it fits")
		}
		service, ok := c.Services[string(rule.Target.Service)]
		if kind == RemedyFlag && ok && len(service.Flags) == 0 && !c.broken(pointer("/services").key(string(rule.Target.Service)), "flags") {
			c.flaw(here, fmt.Sprintf("service %s declares no flag to put to its safe variant", rule.Target.Service), "declare its flags, or remove this remedy")
		}
	}
}

// verifiable checks that the gates which tell whether a remedy helped can say so in time.
func (c checker) verifiable(at pointer, rule Rule) {
	var blind []string
	gates := map[string]bool{}
	for _, name := range c.servicesOf(rule.Target) {
		names := rule.VerifyGates(c.Services[name])
		if !slices.ContainsFunc(names, c.decides) && !c.broken(pointer("/services").key(name), "gates") {
			blind = append(blind, name)
		}
		for _, gate := range names {
			gates[gate] = true
		}
	}
	if len(blind) > 0 && !c.broken(at.key("verify"), "gates") {
		c.flaw(at.key("verify"), fmt.Sprintf("no gate tells whether a remedy helped %s", strings.Join(blind, ", ")), "give the service gates, or the rule verify: {gates: […]}; gates with dryRun do not count")
	}
	for name := range gates {
		tightest, ok := c.tight[name]
		if _, there := c.Gates[name]; there && (!ok || rule.Verify.Within < tightest.Verify.Within) {
			c.tight[name] = rule
		}
	}
}

// decides tells whether a gate counts for more than show. One that is unknown is told elsewhere.
func (c checker) decides(gate string) bool { return !c.Gates[gate].DryRun }

// inTime checks that a gate can tell within a rule's time that a remedy helped.
func (c checker) inTime(at pointer, name string, g Gate, rule Rule) {
	within := rule.Verify.Within.D()
	if within <= 0 {
		return
	}
	for field, query := range map[string]string{"query": g.Query, "bad": g.Bad, "total": g.Total} {
		if back, err := Lookback(query); err == nil && back > within {
			c.flaw(at.key(field), fmt.Sprintf("%s looks back %s, but %s wants to be verified within %s: it can never heal in time", field, Duration(back), short(rule.Name), rule.Verify.Within),
				fmt.Sprintf("use $window in place of the fixed time, or let within be more than %s", Duration(back)))
		}
	}
	needed := g.InitialDelay.D() + g.Interval.D()*time.Duration(max(*g.ConsecutiveSuccessLimit-1, 0))
	if needed > within {
		c.flawInName(at, fmt.Sprintf("gate %s needs %s (initialDelay, and consecutiveSuccessLimit measurements an interval apart), but %s wants to be verified within %s: it can never heal in time", short(name), Duration(needed), short(rule.Name), rule.Verify.Within),
			"shorten the gate's interval or initialDelay, or lengthen within")
	}
}
