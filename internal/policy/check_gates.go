package policy

import (
	"errors"
	"fmt"
	"slices"

	"github.com/cinegit/guardian/internal/condition"
)

func (c checker) gate(name string) {
	at, g := pointer("/gates").key(name), c.Gates[name]
	c.shapeOf(at, c.r.places.keyOf(at), "gate", name)
	switch hasQuery := g.Query != "" || c.broken(at, "query"); {
	case hasQuery && g.Counts():
		c.flaw(at, fmt.Sprintf("gate %s has both query and counts", short(name)), "keep query with its conditions, or bad and total")
	case g.Counts():
		c.countsGate(at, g)
	case hasQuery:
		c.valueGate(at, g)
	case !c.broken(at, "bad", "total"):
		c.flawInName(at, fmt.Sprintf("gate %s measures nothing", short(name)), "add query with a condition, or bad and total")
	}
	c.query(at.key("query"), g.Query)
	c.query(at.key("bad"), g.Bad)
	c.query(at.key("total"), g.Total)
	c.condition(at.key("successCondition"), g.SuccessCondition)
	c.condition(at.key("failureCondition"), g.FailureCondition)
	c.gateLimits(at, g)
}

// broken tells whether one of the fields could not be read.
func (c checker) broken(at pointer, fields ...string) bool {
	return slices.ContainsFunc(fields, func(f string) bool { return c.unread(at.key(f)) })
}

func (c checker) valueGate(at pointer, g Gate) {
	if g.SuccessCondition == "" && g.FailureCondition == "" && !c.broken(at, "successCondition", "failureCondition") {
		c.flaw(at.key("query"), "the query has no condition", "add failureCondition: result > 0.5, or successCondition")
	}
	c.foreign(at, "a gate with a query", "max", "tolerance", "minSampleCount")
}

func (c checker) countsGate(at pointer, g Gate) {
	for _, pair := range [][2]string{{"bad", g.Bad}, {"total", g.Total}} {
		if pair[1] == "" && !c.broken(at, pair[0]) {
			c.flawInName(at, "the gate counts only one of bad and total", "add "+pair[0]+": the other count")
		}
	}
	if g.Max == nil && g.Tolerance == nil && !c.broken(at, "max", "tolerance") {
		c.flawInName(at, "the gate says neither max nor tolerance", "add max: 5%, how much of total may be bad, or tolerance: 25%, how much worse than before is still well")
	}
	if g.Max != nil && *g.Max >= 1 {
		c.flaw(at.key("max"), fmt.Sprintf("max %s can never be exceeded", *g.Max), "write less than 100%")
	}
	c.foreign(at, "a gate with counts", "successCondition", "failureCondition")
}

// foreign tells of fields that mean nothing in this kind of gate.
func (c checker) foreign(at pointer, kind string, fields ...string) {
	for _, f := range fields {
		if c.r.places.has(at.key(f)) {
			c.flawInName(at.key(f), fmt.Sprintf("%s means nothing in %s", f, kind), "remove it")
		}
	}
}

func (c checker) query(at pointer, text string) {
	if text == "" {
		return
	}
	_, err := parseQuery(text)
	var h hint
	switch {
	case errors.As(err, &h):
		c.flaw(at, h.problem, h.fix)
	case err != nil:
		c.flaw(at, err.Error(), "")
	}
}

func (c checker) condition(at pointer, text string) {
	if text == "" {
		return
	}
	if _, err := condition.Compile(text); err != nil {
		c.flaw(at, fmt.Sprintf("%s is not understood: %v", at.last(), err), "write it over result, as result > 0.5, or result[0] > 0.5 for the first of several series")
	}
}

func (c checker) gateLimits(at pointer, g Gate) {
	c.positive(at.key("window"), g.Window)
	c.positive(at.key("interval"), g.Interval)
	c.atLeast(at.key("failureLimit"), g.FailureLimit, -1)
	c.atLeast(at.key("inconclusiveLimit"), g.InconclusiveLimit, -1)
	c.atLeast(at.key("consecutiveErrorLimit"), g.ConsecutiveErrorLimit, 0)
	c.atLeast(at.key("consecutiveSuccessLimit"), g.ConsecutiveSuccessLimit, 1)
	c.atLeast(at.key("minSampleCount"), g.MinSampleCount, 1)
}

func (c checker) atLeast(at pointer, n *int, least int) {
	if *n < least {
		c.flaw(at, fmt.Sprintf("%s cannot be %d", at.last(), *n), fmt.Sprintf("write %d or more", least))
	}
}
