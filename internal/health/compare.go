package health

import (
	"fmt"
	"time"

	"github.com/cinegit/guardian/internal/health/evidence"
)

const (
	// safeFactor times the tolerance is what an early pass rules out. The tolerance itself would
	// take hours of ordinary traffic.
	safeFactor = 2
	// mostOfBar is how much of the evidence that decides may come from one window, so that it
	// takes two at least: errors come in bursts, and the events of one window are not independent.
	mostOfBar = 0.6
	// burst is how long errors that come together stay together, for the dispersion.
	burst = time.Minute
)

// AlphaAmong is the level at which the gate compares when it is judged together with gates: its
// alpha, shared evenly over all that compare counts and decide (Bonferroni).
func (g Gate) AlphaAmong(gates []Gate) float64 {
	comparing := 0
	for _, other := range gates {
		if other.Counts() && other.Tolerance != nil && !other.DryRun {
			comparing++
		}
	}
	alpha := defaultAlpha
	if g.Alpha != nil {
		alpha = float64(*g.Alpha)
	}
	return alpha / float64(max(comparing, 1))
}

// compare holds what happened since the change against the baseline. It fails when the evidence
// of all windows together says so, or the last window does by itself: even the lower bound of its
// ratio is above the upper bound of the baseline's with its tolerance. It passes when the last
// window's ratio is not above that. In between there are too few events to tell.
func (g Gate) compare(f Finding, l Look, now window, c side) Finding {
	if c.flaw != "" {
		return f.say(Error, c.flaw)
	}
	if c.why == "" && c.baseline.Total < max(g.minSamples(), 1) {
		c.why = fmt.Sprintf("%s there were %s events, fewer than minSampleCount %s", c.when, number(c.baseline.Total), number(g.minSamples()))
	}
	if c.why != "" {
		return g.alone(f, l, now, c.why)
	}
	f.Evidence = c.evidence
	limit := c.test.Limit()
	was := fmt.Sprintf("it was %s %s", inWords(c.baseline), c.when)
	f.Threshold = fmt.Sprintf("%s (%s %s, %s tolerated)", percent(limit), percent(c.baseline.Ratio()), c.when, g.Tolerance)
	if e := f.Evidence; e != nil && e.Bad() {
		return f.say(Fail, fmt.Sprintf("%s since the change%s is worse than %s tolerated: %s", inWords(e.Seen), now.lately(l), g.Tolerance, was))
	}
	if now.verdict != Pass {
		return g.absent(f, now.reason, l)
	}
	d := max(c.test.Dispersion, 1)
	low := evidence.Lower(now.Bad/d, now.Total/d, c.test.Alpha/2)
	switch {
	case low > limit:
		return f.say(Fail, fmt.Sprintf("%s is at least %s, above %s: %s", inWords(now.Counts), percent(low), percent(limit), was))
	case now.Ratio() > limit:
		return f.say(NoData, fmt.Sprintf("%s is above %s, but of too few events to tell: %s", inWords(now.Counts), percent(limit), was))
	}
	return f.say(Pass, fmt.Sprintf("%s is not above %s: %s", inWords(now.Counts), percent(limit), was))
}

// alone judges a look that has no baseline, by its maximum only.
func (g Gate) alone(f Finding, l Look, now window, why string) Finding {
	if now.verdict != Pass {
		return g.absent(f, now.reason, l)
	}
	if g.Max == nil {
		return g.absent(f, why, l)
	}
	f.Threshold = g.Max.String()
	return f.say(Pass, fmt.Sprintf("%s is not above %s; it is compared with nothing, for %s", inWords(now.Counts), g.Max, why))
}

// comparison is what the windows of a reading come to, for all of its looks.
type comparison struct {
	when          string // of the baseline, in words
	why           string // it is not known
	flaw          string // of an answer
	since, beside Windows
	before        evidence.Counts
	test          evidence.BeforeAfter // of the last window alone
	trials        []evidence.Trial     // after every window since
}

func (g Gate) comparison(r Reading, alpha float64) comparison {
	c := comparison{since: r.Since, beside: r.Beside, flaw: r.Since.Flaw}
	c.test = g.test(alpha)
	if g.Baseline.Beside() {
		c.when = "beside it"
		c.addFlaw(r.Beside.Flaw)
		test := evidence.SideBySide{
			Tolerance: c.test.Tolerance, Alpha: alpha, Floor: c.test.Floor, Most: mostOfBar * evidence.Bar(alpha),
		}
		c.trials = test.Try(r.Since.Counts, r.Beside.Counts)
		return c
	}
	c.when = "before the change"
	c.addFlaw(r.Before.Flaw)
	if r.Subject.ChangedAt.IsZero() {
		c.why = "before the change nothing is known, as it is not known when the change began"
	}
	c.before = sum(r.Before.Counts)
	c.test.Before = c.before
	c.test.Dispersion = evidence.Dispersion(r.Before.Counts, perBurst(r.Before))
	c.trials = c.test.Try(r.Since.Counts)
	return c
}

func (c *comparison) addFlaw(flaw string) {
	if flaw != "" {
		c.flaw = fmt.Sprintf("%s %s", c.when, flaw)
	}
}

// side is a comparison as it stands at one look.
type side struct {
	comparison
	baseline evidence.Counts
	evidence *Evidence // nil where nothing is known since the change
}

// until is what was known at a moment. It takes enough events for the evidence to decide.
func (c comparison) until(at time.Time, enough float64) side {
	s := side{comparison: c, baseline: c.before}
	if besides := c.beside.Until(at); len(besides) > 0 {
		s.baseline = sum(besides)
		s.test.Before = s.baseline
	}
	if c.since.Step == 0 { // there is no moment to count from
		return s
	}
	since := c.since.Until(at)
	s.evidence = &Evidence{Baseline: s.baseline, Seen: sum(since), Bar: c.test.Bar()}
	n := min(len(since), len(c.trials))
	if n == 0 {
		return s
	}
	t := c.trials[n-1]
	s.evidence.Windows, s.evidence.Harm, s.evidence.Safe, s.evidence.Bar = t.Windows, t.Harm, t.Safe, t.Bar
	switch {
	case s.evidence.Seen.Total < enough:
	case t.Bad():
		s.evidence.BadAt = c.since.End(t.HarmAt)
	case t.Well():
		s.evidence.WellAt = c.since.End(t.SafeAt)
	}
	return s
}

// perBurst is how many windows a burst of errors may take.
func perBurst(w Windows) int {
	if w.Step <= 0 {
		return 1
	}
	return int(max(burst/w.Step, 1))
}

// test is the gate's comparison, still without a baseline.
func (g Gate) test(alpha float64) evidence.BeforeAfter {
	tolerance := float64(*g.Tolerance)
	return evidence.BeforeAfter{
		Tolerance: tolerance, SafeWorse: safeFactor * tolerance,
		Alpha: alpha, Floor: g.floor(), Most: mostOfBar * evidence.Bar(alpha),
	}
}

func (g Gate) floor() float64 {
	if g.Min == nil {
		return 0
	}
	return float64(*g.Min)
}

// Evidence is what all windows of a comparison say together. It may be looked at after every
// window and is wrong no more often for that. Harm, Safe and Bar are natural logarithms of odds:
// 3 is twenty to one.
type Evidence struct {
	Baseline evidence.Counts `json:"baseline"`
	Seen     evidence.Counts `json:"seen"`    // since the change
	Windows  int             `json:"windows"` // that events came in
	Harm     float64         `json:"harmful"` // that it is worse than tolerated
	Safe     float64         `json:"safely"`  // that it is surely well
	Bar      float64         `json:"bar"`     // what either takes to decide
	BadAt    time.Time       `json:"badAt,omitzero"`
	WellAt   time.Time       `json:"wellAt,omitzero"`
}

// Bad tells whether the evidence says that the change is bad.
func (e Evidence) Bad() bool { return !e.BadAt.IsZero() }

// Well tells whether the evidence says that the change is well.
func (e Evidence) Well() bool { return !e.WellAt.IsZero() }

// String says how far the evidence is.
func (e Evidence) String() string {
	return fmt.Sprintf("%s since the change, in %d windows, against %s: evidence %.1f that it is worse than tolerated, %.1f that it is well; %.1f decides",
		inWords(e.Seen), e.Windows, inWords(e.Baseline), e.Harm, e.Safe, e.Bar)
}
