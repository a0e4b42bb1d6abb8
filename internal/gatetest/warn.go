package gatetest

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/cinegit/guardian/internal/health"
	"github.com/cinegit/guardian/internal/policy"
)

func (r *Result) warn(format string, args ...any) {
	r.Warnings = append(r.Warnings, fmt.Sprintf(format, args...))
}

// check finds what the gate is worth, and warns of what makes it worth less.
func (r *Result) check(t *tester, readings []health.Reading, quiet []outcome, worse regression) {
	r.State = r.state()
	r.checkData(quiet)
	r.checkQueries(t, readings)
	if r.Bakes == 0 {
		return
	}
	if words := worse.caveat(t.gate); words != "" {
		r.warn("%s", words)
	}
	if r.State == CannotFail {
		r.warn("%s", cmp.Or(worse.bears(t.gate, 10), "10x is not seen"))
	}
	r.checkTraffic()
	r.checkEnds()
	r.checkQuiet(t)
}

// checkEnds warns of bakes that end in another way than they should.
func (r *Result) checkEnds() {
	if r.Quiet.Held > 0 {
		r.warn("%d of %d quiet bakes end by Error or Inconclusive, which wait for a person", r.Quiet.Held, r.Bakes)
	}
	for _, d := range r.Seen {
		if d.Factor >= 3 && float64(d.Passed) > r.Quiet.Allowed*float64(d.Bakes) {
			r.warn("%sx: the evidence calls %d of %d bakes well", number(d.Factor), d.Passed, d.Bakes)
		}
		if d.Held > r.Quiet.Held {
			r.warn("%sx: %d of %d bakes end by Error or Inconclusive, which wait for a person and revert nothing", number(d.Factor), d.Held, d.Bakes)
		}
	}
}

func (r *Result) state() State {
	switch {
	case r.Bakes == 0 || r.NoData > r.Bakes:
		return NoData
	case r.of(10).Seen <= r.Quiet.Alarms && r.of(10).Rate() < enough:
		return CannotFail
	case r.of(wanted).Rate() < enough:
		return Weak
	case r.Quiet.surely(r.Bakes):
		return Alarms
	}
	return Tells
}

// checkData warns of bakes and looks without data, with the reason that was most frequent.
func (r *Result) checkData(quiet []outcome) {
	absent, unjudged := map[string]int{}, map[string]int{} // looks, by reason
	looks, none := 0, 0
	for _, o := range quiet {
		looks += o.looks
		for reason, n := range o.absent {
			none += n
			absent[reason] += n
			if !o.judged {
				unjudged[reason] += n
			}
		}
	}
	switch {
	case r.State == NoData:
		r.warn("%d of %d bakes cannot be judged: %s", r.NoData, r.NoData+r.Bakes, mostOften(unjudged))
	case r.NoData > 0:
		r.warn("%d of %d bakes cannot be judged, and count for nothing here: %s", r.NoData, r.NoData+r.Bakes, mostOften(unjudged))
	}
	if 2*none > looks && r.State != NoData {
		r.warn("%s of the looks find no data, as: %s", percent(float64(none)/float64(looks)), mostOften(absent))
	}
	if total := r.Bakes + r.NoData; total < fewBakes {
		r.warn("only %d bakes fit into the traffic: what is said here of their shares may be far off", total)
	}
}

// fewBakes is how many bakes it takes for shares of them to be worth something.
const fewBakes = 20

// mostOften gives the most frequent of reasons that differ in numbers only, by its most frequent
// wording.
func mostOften(reasons map[string]int) string {
	kinds, wording := map[string]int{}, map[string]string{}
	for _, reason := range slices.Sorted(maps.Keys(reasons)) {
		kind := strings.Map(func(c rune) rune {
			if c >= '0' && c <= '9' || c == '.' {
				return -1
			}
			return c
		}, reason)
		kinds[kind] += reasons[reason]
		if reasons[reason] > reasons[wording[kind]] {
			wording[kind] = reason
		}
	}
	kind := slices.MaxFunc(append(slices.Sorted(maps.Keys(kinds)), ""), func(a, b string) int { return cmp.Compare(kinds[a], kinds[b]) })
	return wording[kind]
}

// checkQueries warns of queries that cannot be looked at as often as the gate does.
func (r *Result) checkQueries(t *tester, readings []health.Reading) {
	g := t.gate
	queries := map[string]string{"bad": g.Bad, "total": g.Total}
	windowless := func(name string) bool { return queries[name] != "" && !strings.Contains(queries[name], "$window") }
	for _, name := range []string{"bad", "total"} {
		if windowless(name) {
			r.warn("%s has no $window: it does not count what is new since the last look; write increase(…[$window])", name)
		}
	}
	stretched := slices.ContainsFunc(readings, func(r health.Reading) bool { return r.Since.Step > t.interval() })
	if stretched && !windowless("bad") && !windowless("total") {
		r.warn("bad or total does not add up from one window to the next, so that evidence comes every %s only: write it with increase(…[$window])", g.Window)
	}
	if back, err := g.Lookback(); err == nil && back > 0 {
		r.warn("the queries look back %s whatever $window is: nothing fails before that is over", policy.Duration(back))
	}
}

// checkTraffic warns of regressions that are not seen within the bake.
func (r *Result) checkTraffic() {
	for _, n := range r.Needs {
		if r.State == CannotFail && n.Bake == 0 {
			continue // why it cannot has been told
		}
		wants := ""
		if n.Factor == wanted {
			wants = fmt.Sprintf(", where %s are wanted", percent(enough))
		}
		r.warn("%sx is seen in %s of the bakes%s: %s", number(n.Factor), percent(r.of(n.Factor).Rate()), wants, n.Words)
	}
}

func (r *Result) checkQuiet(t *tester) {
	if r.Quiet.Rate <= r.Quiet.Allowed {
		return
	}
	advice := "look at them: were they incidents? else let failureLimit or the condition bear more"
	if t.gate.Tolerance != nil {
		advice = "look at them: were they incidents? else errors come in bursts here, and a larger tolerance or min bears them"
	}
	r.warn("%d of %d quiet bakes would have been reverted, more than the %s allowed; %s",
		r.Quiet.Alarms, r.Bakes, percent(r.Quiet.Allowed), advice)
}
