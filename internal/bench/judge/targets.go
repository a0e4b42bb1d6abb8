package main

import (
	"fmt"
	"math"
	"strings"
)

// target is what Guardian is meant to reach, and where it does.
type target struct {
	Words  string   `json:"words"`
	Rows   int      `json:"rows"`
	Marked []string `json:"marked,omitempty"` // rows in which it does not, and why
}

func (t *target) hold(met bool, row string, why string) {
	t.Rows++
	if !met {
		t.Marked = append(t.Marked, fmt.Sprintf("%s: %s", row, why))
	}
}

func (t target) print(line func(format string, args ...any)) {
	line("- %s: met in %d of %d rows", t.Words, t.Rows-len(t.Marked), t.Rows)
	for _, marked := range t.Marked {
		line("  - MARKED %s", marked)
	}
}

func (r report) targets() []target {
	all := []target{
		r.quiet("stationary", "at most 5% false alarms", func(share float64) bool { return share <= alpha }),
		r.quiet("daily", "under 1% false alarms", func(share float64) bool { return share < .01 }),
		r.quiet("shift", "under 1% false alarms", func(share float64) bool { return share < .01 }),
		r.fast(knownRatio, wald), r.fast(beforeAfter, wald), r.fast(sideBySide, waldSideBySide),
	}
	for _, stream := range courseNames() {
		all = append(all, r.fastest(stream))
	}
	return all
}

// quiet are the false alarms of a stream.
func (r report) quiet(stream, words string, ok func(float64) bool) target {
	t := target{Words: stream + ": " + words}
	for _, each := range r.of(stream) {
		if each.Factor != 1 {
			continue
		}
		for _, name := range []string{beforeAfter, sideBySide} {
			tally := each.Tallies[name]
			low, high := tally.bounds()
			t.hold(ok(tally.share()), fmt.Sprintf("%s at %g req/s", name, each.RPS),
				fmt.Sprintf("%s, truly between %s and %s", percent(tally.share()), percent(low), percent(high)))
		}
	}
	return t
}

// mostOfWald is how many times Wald's expectation the median may take, up to the next look.
const mostOfWald = 1.5

func inTime(median, bound float64) bool { return median <= math.Ceil(mostOfWald*bound/look)*look }

// fast holds the median against Wald's expectation, where that is above two looks and within the
// bake.
func (r report) fast(name string, expectation func(rps, factor float64) float64) target {
	t := target{Words: fmt.Sprintf("stationary, %s: median at most %g times Wald's expectation, up to the next look", name, mostOfWald)}
	for _, each := range r.of("stationary") {
		bound := expectation(each.RPS, each.Factor)
		if bound <= 2*look || bound > half {
			continue
		}
		median := each.Tallies[name].median()
		t.hold(inTime(median, bound), fmt.Sprintf("%gx at %g req/s, %s s", each.Factor, each.RPS, inSeconds(median)),
			each.slow(name, bound))
	}
	return t
}

// slow says what stands between a rule and Wald's bound.
func (r row) slow(name string, bound float64) string {
	why := fmt.Sprintf("Wald %.0f s; ", bound)
	if name == beforeAfter {
		why += fmt.Sprintf("from a baseline of about %.0f bad requests no test can expect less than %s, and ", r.RPS*half*base, orNever(waldFromBaseline(r.RPS, r.Factor)))
	}
	return why + "it does not know how bad it is, nor since when"
}

func orNever(s float64) string {
	if math.IsInf(s, 1) {
		return "forever"
	}
	return fmt.Sprintf("%.0f s", s)
}

// fastest compares with every rule that raises no more false alarms in the same stream at the same
// traffic.
func (r report) fastest(stream string) target {
	t := target{Words: stream + ": no rule of no more false alarms is faster"}
	for _, each := range r.of(stream) {
		if each.Factor == 1 {
			continue
		}
		faster := each.fasterThan(r.healthy(stream, each.RPS))
		row := fmt.Sprintf("%gx at %g req/s, %s", each.Factor, each.RPS, each.Tallies[beforeAfter].words(false))
		t.hold(len(faster) == 0, row, r.because(each, faster))
	}
	return t
}

func (r report) healthy(stream string, rps float64) row {
	for _, each := range r.of(stream) {
		if each.Factor == 1 && each.RPS == rps {
			return each
		}
	}
	return row{}
}

// fasterThan names the rules of no more false alarms that found more, or half of the bakes sooner,
// than the gate without a canary: they see the same as it does.
func (r row) fasterThan(healthy row) (rules []string) {
	mine, quiet := r.Tallies[beforeAfter], healthy.Tallies[beforeAfter].share()
	for _, c := range contenders() {
		t := r.Tallies[c.name]
		if c.name == knownRatio || c.name == sideBySide || healthy.Tallies[c.name].share() > quiet {
			continue
		}
		if t.median() < mine.median() || math.IsInf(mine.median(), 1) && t.share() > mine.share() {
			rules = append(rules, c.name)
		}
	}
	return rules
}

// because says what a rule that is faster owes that to: a line to where it happens to lie, others
// to bearing nothing. What it costs shows in the other streams.
func (r report) because(each row, faster []string) string {
	var why []string
	for _, name := range faster {
		why = append(why, fmt.Sprintf("%s %s, but with a shift it calls %s of healthy bakes bad and with bursts %s", name, each.Tallies[name].words(false),
			percent(r.healthy("shift", each.RPS).Tallies[name].share()), percent(r.healthy("bursts", each.RPS).Tallies[name].share())))
	}
	if each.Tallies[beforeAfter].median() <= 2*look {
		why = append(why, "Guardian takes two windows at least")
	}
	return strings.Join(why, "; ")
}
