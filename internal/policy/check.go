package policy

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// checker looks for what is well-formed but makes no sense.
type checker struct {
	*Policy
	r     *reader
	asked map[string]bool // gates that something names
	tight map[string]Rule // by gate, the rule that leaves least time to verify with it
}

func check(p *Policy, r *reader) {
	c := checker{p, r, map[string]bool{}, map[string]Rule{}}
	if p.APIVersion != Version {
		c.flaw("/apiVersion", fmt.Sprintf("apiVersion %q is not one that this Guardian reads", short(p.APIVersion)), "write apiVersion: "+Version)
	}
	c.server()
	c.connections()
	c.notify()
	c.limits()
	for name := range sorted(p.Services) {
		c.service(name)
	}
	c.applications()
	for name := range sorted(p.Gates) {
		c.gate(name)
	}
	for i := range p.Rules {
		c.rule(i)
	}
	for name, rule := range sorted(c.tight) {
		c.inTime(pointer("/gates").key(name), name, c.Gates[name], rule)
	}
	for name := range sorted(p.Gates) {
		if !c.asked[name] && nameShape.MatchString(name) {
			c.flawInName(pointer("/gates").key(name), fmt.Sprintf("gate %s is never used", name), "name it in a service's gates or in a rule, or remove it")
		}
	}
}

func sorted[V any](m map[string]V) func(func(string, V) bool) {
	return func(yield func(string, V) bool) {
		for _, key := range slices.Sorted(maps.Keys(m)) {
			if !yield(key, m[key]) {
				return
			}
		}
	}
}

// flaw tells what is wrong with a value, unless it could not even be read, which is told already.
func (c checker) flaw(at pointer, problem, fix string) { c.tell(at, c.r.places.of(at), problem, fix) }

// flawInName is flaw for the name of a thing.
func (c checker) flawInName(at pointer, problem, fix string) {
	c.tell(at, c.r.places.keyOf(at), problem, fix)
}

func (c checker) tell(at pointer, where spot, problem, fix string) {
	if !c.unread(at) {
		c.r.say(where, problem, fix)
	}
}

// unread tells whether something stands in the file, or around it, that could not be read.
func (c checker) unread(at pointer) bool {
	for ; at != ""; at = at.parent() {
		if c.r.broken[at] {
			return true
		}
	}
	return c.r.broken[at]
}

// names are of services, stages and gates: they go into queries, ids and paths.
var nameShape = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9._-]{0,62}$`)

func (c checker) shapeOf(at pointer, where spot, what, name string) {
	if !nameShape.MatchString(name) {
		c.tell(at, where, fmt.Sprintf("%s %q is not a name", what, short(name)), "use letters, digits, dot, dash and underscore, at most 63, beginning with a letter or digit")
	}
}

// modeBelow says that a mode is looser than what holds around it.
func (c checker) modeBelow(at pointer, mode, around Mode, what string) {
	if mode != "" && around.Stricter(mode) != mode {
		c.flaw(at, fmt.Sprintf("mode %s is looser than %s of %s", mode, around, what), fmt.Sprintf("write %s or stricter, or loosen %s", around, what))
	}
}

// gateNames checks a list of gates and remembers that they are used.
func (c checker) gateNames(at pointer, gates []string) {
	for i, name := range gates {
		here := at.index(i)
		c.asked[name] = true
		if _, ok := c.Gates[name]; !ok && !c.unread("/gates") {
			c.flaw(here, fmt.Sprintf("there is no gate %q", short(name)), known(name, c.Gates, "gates"))
		}
		if slices.Index(gates, name) < i {
			c.flaw(here, fmt.Sprintf("gate %s is named twice", short(name)), "remove it here")
		}
	}
}

// known is the fix for a name that is not among those that there are.
func known[V any](name string, there map[string]V, what string) string {
	names := slices.Sorted(maps.Keys(there))
	if near := nearest(name, names); near != "" {
		return fmt.Sprintf("did you mean %s?", near)
	}
	if len(names) == 0 {
		return fmt.Sprintf("there are no %s: add it", what)
	}
	return fmt.Sprintf("the %s are %s", what, strings.Join(names, ", "))
}

func (c checker) positive(at pointer, d Duration) {
	if d <= 0 {
		c.flaw(at, at.last()+" must be above zero", "write one like 30s, 5m or 1h")
	}
}
