package gatetest

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
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
	absent, looks := map[string]int{}, 0
	for _, o := range quiet {
		looks += o.looks
		for reason, n := range o.absent {
			absent[reason] += n
		}
	}
	none := 0
	for _, n := range absent {
		none += n
	}
	reason := mostOften(absent)
	switch {
	case r.State == NoData:
		r.warn("%d of %d bakes cannot be judged: %s", r.NoData, r.NoData+r.Bakes, reason)
	case 2*none > looks:
		r.warn("%s of the looks find no data, as: %s", percent(float64(none)/float64(looks)), reason)
	case r.NoData > 0:
		r.warn("%d of %d bakes cannot be judged, and count for nothing here: %s", r.NoData, r.NoData+r.Bakes, reason)
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

// conclude sums a gate up in one sentence; why is the reason that it could not be tested.
func (r Result) conclude(why string) Result {
	quiet := fmt.Sprintf("%d of %d quiet bakes would have been reverted", r.Quiet.Alarms, r.Bakes)
	switch {
	case why != "":
		r.Summary = "cannot be tested: " + why
		r.warn("%s", why)
	case r.State == NoData:
		r.Summary = fmt.Sprintf("cannot tell; %d of %d bakes have no data", r.NoData, r.NoData+r.Bakes)
	case r.State == CannotFail:
		r.Summary = fmt.Sprintf("cannot fail; a 10x regression is seen in %d of %d bakes; %s", r.of(10).Seen, r.Bakes, quiet)
	default:
		r.Summary = fmt.Sprintf("can fail; %s; %s", r.sees(), quiet)
	}
	return r
}

// sees tells the smallest regression from 3x on that is seen well enough.
func (r Result) sees() string {
	for _, d := range r.Seen {
		if d.Factor < 3 || d.Rate() < enough {
			continue
		}
		p95 := "in p95 not within the bake"
		if d.P95 > 0 {
			p95 = "p95 " + d.P95.String()
		}
		return fmt.Sprintf("a %sx regression is seen in %s (%s)", number(d.Factor), d.Median, p95)
	}
	return fmt.Sprintf("a 10x regression is seen in %s of the bakes only", percent(r.of(10).Rate()))
}

func (c counts) words() Usual {
	u := Usual{Counts: &c.usual, Unit: c.unit, Rate: c.rate}
	u.Words = fmt.Sprintf("%s of %s events a second are bad", percent(c.usual.Ratio()), number(c.rate))
	return u
}

// caveat says where a factor does not multiply the usual ratio itself.
func (c counts) caveat(g health.Gate) string {
	stands := fmt.Sprintf("one event of %s", number(c.usual.Total))
	switch {
	case g.Min != nil:
		stands = "min " + g.Min.String()
	case g.Max != nil:
		stands = "max " + g.Max.String()
	}
	switch usual := c.usual.Ratio(); {
	case c.usual.Bad == 0:
		return fmt.Sprintf("nothing was bad in all this traffic: 2x means twice %s here", stands)
	case usual < c.unit:
		return fmt.Sprintf("the usual %s is below %s, which is well whatever was before: 2x means twice %s here", percent(usual), stands, stands)
	}
	return ""
}

// bears says why a factor never fails a gate with a fixed maximum.
func (c counts) bears(g health.Gate, factor float64) string {
	if level := c.level(factor); g.Tolerance == nil && g.Max != nil && level <= float64(*g.Max) {
		return fmt.Sprintf("%sx comes to %s, and max %s bears that: set max lower, or a tolerance", number(factor), percent(level), g.Max)
	}
	return ""
}

func (v values) words() Usual {
	if math.IsNaN(v.usual) {
		return Usual{Words: "no value"}
	}
	u := Usual{Value: &v.usual, Unit: v.unit, Words: fmt.Sprintf("%s in the median", number(v.usual))}
	if !math.IsNaN(v.fails) {
		u.Fails = &v.fails
		u.Words += fmt.Sprintf("; the conditions fail from %s", number(v.fails))
	}
	return u
}

func (v values) caveat(health.Gate) string {
	switch {
	case v.share && v.unit > 0:
		return fmt.Sprintf("the value is always 1 and taken for the share of what goes well: 2x means twice %s missing, which is what fails", number(v.unit))
	case v.share:
		return "the value is taken for the share of what goes well: 2x means that twice as much is missing to 1"
	case v.unit > 0:
		return fmt.Sprintf("the value is always 0: 2x means twice %s here", number(v.unit))
	}
	return ""
}

// bears says why a factor never meets conditions.
func (v values) bears(g health.Gate, factor float64) string {
	level := number(v.level(factor))
	switch {
	case math.IsNaN(v.fails) && !g.Compares():
		return "no value that was tried makes the conditions fail: look at them again"
	case math.IsNaN(v.fails):
		return ""
	case fails(g, v.level(factor)):
		return ""
	}
	return fmt.Sprintf("%sx comes to %s, and the conditions fail from %s on", number(factor), level, number(v.fails))
}

// percent writes a share with three digits.
func percent(share float64) string {
	if math.IsNaN(share) {
		return "unknown"
	}
	return strconv.FormatFloat(round(share*100), 'f', -1, 64) + "%"
}

// number writes a value with three digits, or all of them before the point.
func number(v float64) string { return strconv.FormatFloat(round(v), 'f', -1, 64) }

func round(v float64) float64 {
	if v == 0 || math.IsInf(v, 0) {
		return v
	}
	scale := math.Pow(10, max(2-math.Floor(math.Log10(math.Abs(v))), 0))
	return math.Round(v*scale) / scale
}
