package policy

import (
	"fmt"
	"path"
	"regexp"
	"slices"
)

func (c checker) service(name string) {
	at, s := pointer("/services").key(name), c.Services[name]
	c.shapeOf(at, c.r.places.keyOf(at), "service", name)
	c.modeBelow(at.key("mode"), s.Mode, c.Mode, "the policy")
	c.gateNames(at.key("gates"), s.Gates)
	for key := range sorted(s.Flags) {
		if key == "" {
			c.flawInName(at.key("flags").key(key), "a flag has no key", "write the flag's key as its store has it")
		}
	}
	for i, stage := range s.Stages {
		here := at.key("stages").index(i)
		c.stage(here, stage, c.Mode.Stricter(s.Mode))
		twin := func(other Stage) bool { return other.Name == stage.Name }
		if first := slices.IndexFunc(s.Stages, twin); stage.Name != "" && first < i {
			c.flaw(here.key("name"), fmt.Sprintf("stage %s is named twice in service %s", short(stage.Name), short(name)), "give each stage a name of its own")
		}
	}
}

// applicationShape is what Kubernetes and Argo CD allow: [namespace/]name.
var applicationShape = regexp.MustCompile(`^([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?/)?[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$`)

func (c checker) stage(at pointer, s Stage, around Mode) {
	if s.Name != "" {
		c.shapeOf(at.key("name"), c.r.places.of(at.key("name")), "stage", s.Name)
	}
	if s.Application != "" && !applicationShape.MatchString(s.Application) {
		c.flaw(at.key("application"), fmt.Sprintf("application %q is not a name in Kubernetes", short(s.Application)), "write [namespace/]name, in small letters, digits, dashes and dots")
	}
	c.modeBelow(at.key("mode"), s.Mode, around, "its service and policy")
	c.positive(at.key("bake"), s.Bake)
	c.positive(at.key("settle"), s.Settle)
	if s.Approvals < 0 {
		c.flaw(at.key("approvals"), "approvals cannot be below zero", "write how many people must approve, or remove the line")
	}
	if _, err := path.Match(s.Images, ""); err != nil {
		c.flaw(at.key("images"), fmt.Sprintf("images %q is not a pattern", short(s.Images)), "write one like v* or v1.[0-9]*")
	}
}

// applications tells of one application behind two stages: Guardian would change it twice at a time.
func (c checker) applications() {
	type use struct {
		at  pointer
		who string
	}
	uses := map[string][]use{}
	for name, s := range sorted(c.Services) {
		for i, stage := range s.Stages {
			at := pointer("/services").key(name).key("stages").index(i).key("application")
			if stage.Application != "" {
				uses[stage.Application] = append(uses[stage.Application], use{at, fmt.Sprintf("stage %s of service %s", short(stage.Name), short(name))})
			}
		}
	}
	for application, stages := range sorted(uses) {
		slices.SortStableFunc(stages, func(a, b use) int {
			if c.r.places.of(a.at).before(c.r.places.of(b.at)) {
				return -1
			}
			return 1
		})
		for _, again := range stages[1:] {
			c.flaw(again.at, fmt.Sprintf("application %s is already that of %s", short(application), stages[0].who), "give each stage an application of its own")
		}
	}
}
