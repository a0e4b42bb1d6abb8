package policy

import (
	"errors"
	"fmt"
	"slices"

	"github.com/cinegit/guardian/internal/condition"
)

// mostAlpha is beyond which a verdict would be no better than a guess.
const mostAlpha = 0.2

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
	c.baseline(at, g)
	c.condition(at.key("successCondition"), g.SuccessCondition)
	c.condition(at.key("failureCondition"), g.FailureCondition)
	c.gateLimits(at, g)
}

// broken tells whether one of the fields could not be read.
func (c checker) broken(at pointer, fields ...string) bool {
	return slices.ContainsFunc(fields, func(f string) bool { return c.unread(at.key(f)) })
}

func (c checker) valueGate(at pointer, g Gate) {
	if g.SuccessCondition == "" && g.FailureCondition == "" && !g.Compares() && !c.broken(at, "successCondition", "failureCondition", "baseline") {
		c.flaw(at.key("query"), "the query has no condition", "add failureCondition: result > 0.5, or successCondition, or a baseline to compare with")
	}
	c.foreign(at, "a gate with a query", "max", "min", "tolerance", "alpha", "minSampleCount")
	if !g.Compares() {
		c.foreign(at, "a gate without a baseline", "direction", "allowedIncrease", "allowedDecrease", "nanStrategy")
	}
}

// baseline checks what a gate compares with: of its own kind, and either before or beside.
func (c checker) baseline(at pointer, g Gate) {
	b := g.Baseline
	if b == nil {
		return
	}
	here := at.key("baseline")
	c.query(here.key("bad"), b.Bad)
	c.query(here.key("total"), b.Total)
	c.query(here.key("query"), b.Query)
	switch {
	case g.Counts() && g.Tolerance == nil:
		c.flawInName(here, "nothing is compared with the baseline", "add tolerance: 25%, how much worse than the baseline is still well")
	case c.broken(here, "bad", "total", "query", "before"):
		return
	case b.Beside() && b.Before > 0:
		c.flaw(here.key("before"), "the baseline lies before the change and beside it at once", "keep before, or the queries")
	case !b.Beside():
		c.positive(here.key("before"), b.Before)
	case g.Counts() && (b.Bad == "" || b.Total == ""):
		c.flawInName(here, "the baseline counts only one of bad and total", "add the other count")
	case g.Counts() == (b.Query != ""):
		c.flawInName(here, "the baseline is not of the gate's kind", "give a query for a query, and bad and total for bad and total")
	}
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
	if g.Tolerance == nil {
		c.foreign(at, "a gate without tolerance", "alpha", "min")
	}
	if g.Alpha != nil && (*g.Alpha <= 0 || *g.Alpha > mostAlpha) {
		c.flaw(at.key("alpha"), fmt.Sprintf("alpha %s is no bound to work with", *g.Alpha), "write one above 0% and up to 20%, as 5%")
	}
	if g.Min != nil && *g.Min >= 1 {
		c.flaw(at.key("min"), fmt.Sprintf("min %s would call everything well", *g.Min), "write less than 100%, as 0.1%")
	}
	if g.Min != nil && g.Max != nil && *g.Min > *g.Max {
		c.flaw(at.key("min"), fmt.Sprintf("min %s is above max %s", *g.Min, *g.Max), "write a min below max")
	}
	c.foreign(at, "a gate with counts", "successCondition", "failureCondition", "direction", "allowedIncrease", "allowedDecrease", "nanStrategy")
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
