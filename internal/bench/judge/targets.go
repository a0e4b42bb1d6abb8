package main

import (
	"fmt"
	"math"
)

// targets holds Guardian against what it is meant to reach. What it does not is MARKED, with what
// stands in the way.
func (r report) targets() []string {
	var all []string
	all = append(all, r.quiet("stationary", alpha, "at most 5%", func(share float64) bool { return share <= alpha })...)
	for _, stream := range []string{"daily", "shift"} {
		all = append(all, r.quiet(stream, .01, "under 1%", func(share float64) bool { return share < .01 })...)
	}
	all = append(all, r.fast(knownRatio, wald, "Wald's bound, the ratio before known", "")...)
	all = append(all, r.fast(beforeAfter, waldFromBaseline, "Wald's bound from the baseline that there is", "as deployed")...)
	for _, stream := range courseNames() {
		all = append(all, r.fastest(stream)...)
	}
	return all
}

func ours() []string { return []string{beforeAfter, sideBySide} }

// quiet are the false alarms of a stream.
func (r report) quiet(stream string, _ float64, words string, ok func(float64) bool) []string {
	var met, marked []string
	for _, each := range r.of(stream) {
		if each.Factor != 1 {
			continue
		}
		for _, name := range ours() {
			t := each.Tallies[name]
			line := fmt.Sprintf("%s at %g req/s %s", name, each.RPS, percent(t.share()))
			if ok(t.share()) {
				met = append(met, line)
			} else {
				marked = append(marked, line)
			}
		}
	}
	return verdicts(fmt.Sprintf("false alarms, %s, %s", stream, words), met, marked)
}

// fast holds the median against 1.5 times a bound, where the bound is above two looks and within
// the bake.
func (r report) fast(name string, bound func(rps, factor float64) float64, words, how string) []string {
	var met, marked []string
	for _, each := range r.of("stationary") {
		b := bound(each.RPS, each.Factor)
		if b <= 2*look || b > half {
			continue
		}
		median := each.Tallies[name].median()
		line := fmt.Sprintf("%gx at %g req/s %s of %.0f s", each.Factor, each.RPS, inSeconds(median), b)
		if median <= 1.5*b {
			met = append(met, line)
		} else {
			marked = append(marked, line)
		}
	}
	if how != "" {
		words = how + ", " + words
	}
	return verdicts("median within 1.5 times "+words, met, marked)
}

// fastest compares with every rule that raises no more false alarms in the same stream at the same
// traffic.
func (r report) fastest(stream string) []string {
	healthy := map[float64]row{}
	for _, each := range r.of(stream) {
		if each.Factor == 1 {
			healthy[each.RPS] = each
		}
	}
	var met, marked []string
	for _, each := range r.of(stream) {
		if each.Factor == 1 {
			continue
		}
		if faster := each.fasterThan(beforeAfter, healthy[each.RPS]); len(faster) > 0 {
			marked = append(marked, fmt.Sprintf("%gx at %g req/s: %s against %s", each.Factor, each.RPS,
				each.Tallies[beforeAfter].words(false), join(faster)))
			continue
		}
		met = append(met, fmt.Sprintf("%gx at %g req/s", each.Factor, each.RPS))
	}
	return verdicts(fmt.Sprintf("no rule of no more false alarms is faster, %s", stream), met, marked)
}

// fasterThan lists the rules of no more false alarms that found more, or half of the bakes sooner.
func (r row) fasterThan(name string, healthy row) (rules []string) {
	mine, mineHealthy := r.Tallies[name], healthy.Tallies[name]
	for _, c := range contenders() {
		t := r.Tallies[c.name]
		switch {
		case c.name == knownRatio || c.name == sideBySide || healthy.Tallies[c.name].share() > mineHealthy.share():
		case t.median() < mine.median(), math.IsInf(mine.median(), 1) && t.share() > mine.share():
			rules = append(rules, fmt.Sprintf("%s %s", c.name, t.words(false)))
		}
	}
	return rules
}

func join(items []string) string {
	all := ""
	for i, item := range items {
		if i > 0 {
			all += ", "
		}
		all += item
	}
	return all
}

func verdicts(what string, met, marked []string) []string {
	lines := []string{fmt.Sprintf("%s: met in %d of %d rows", what, len(met), len(met)+len(marked))}
	for _, m := range marked {
		lines = append(lines, fmt.Sprintf("  MARKED %s: %s", what, m))
	}
	return lines
}
