package health

import (
	"fmt"
	"math"

	"github.com/cinegit/guardian/internal/health/evidence"
	"github.com/cinegit/guardian/internal/policy"
)

// alpha is the share of healthy releases that a comparison may call bad. It is split evenly
// between the bound before the change and the bound after it.
const alpha = 0.05

// counts is how many events there were and how many of them were bad.
type counts struct{ bad, total float64 }

func (c counts) ratio() float64 { return c.bad / c.total }

func (c counts) String() string {
	return fmt.Sprintf("%s (%s of %s)", percent(c.ratio()), number(c.bad), number(c.total))
}

// judgeCounts decides a gate of bad and total events from the answers to its questions.
func (g Gate) judgeCounts(f Finding, answers []Answer) Finding {
	now, verdict, reason := g.count(answers[0], answers[1])
	if verdict != Pass {
		return f.say(verdict, reason)
	}
	f = f.measured(now.ratio())
	if g.Max != nil && now.ratio() > float64(*g.Max) {
		f.Threshold = g.Max.String()
		return f.say(Fail, fmt.Sprintf("%s is above %s", now, g.Max))
	}
	if g.Tolerance == nil {
		f.Threshold = g.Max.String()
		return f.say(Pass, fmt.Sprintf("%s is not above %s", now, g.Max))
	}
	before, verdict, reason := g.baseline(answers[2:])
	if verdict == Pass {
		return g.compare(f, now, before)
	}
	if g.Max != nil && verdict == NoData {
		f.Threshold = g.Max.String()
		return f.say(Pass, fmt.Sprintf("%s is not above %s; it is compared with nothing, for before the change %s", now, g.Max, reason))
	}
	return f.say(verdict, "before the change "+reason)
}

func (g Gate) baseline(answers []Answer) (counts, Verdict, string) {
	if len(answers) < 2 {
		return counts{}, NoData, "nothing is known, as it is not known when the change began"
	}
	return g.count(answers[0], answers[1])
}

// compare holds the ratio now against the ratio before: it fails when even the lower bound of
// now is above the upper bound of before with its tolerance.
func (g Gate) compare(f Finding, now, before counts) Finding {
	limit := (1 + float64(*g.Tolerance)) * evidence.Upper(before.bad, before.total, alpha/2)
	f.Threshold = fmt.Sprintf("%s (%s before, %s tolerated)", percent(limit), percent(before.ratio()), g.Tolerance)
	low := evidence.Lower(now.bad, now.total, alpha/2)
	if low > limit {
		return f.say(Fail, fmt.Sprintf("%s is at least %s, above %s: it was %s before the change", now, percent(low), percent(limit), before))
	}
	return f.say(Pass, fmt.Sprintf("%s is not clearly above %s: it was %s before the change", now, percent(limit), before))
}

// count reads two answers as counts. A verdict other than Pass says why they cannot be judged.
func (g Gate) count(badAnswer, totalAnswer Answer) (counts, Verdict, string) {
	total, verdict, reason := single(totalAnswer, "total")
	if verdict != Pass {
		return counts{}, verdict, reason
	}
	if total < g.minSamples() || total == 0 {
		return counts{}, NoData, fmt.Sprintf("there were %s events, fewer than minSampleCount %s", number(total), number(g.minSamples()))
	}
	// A counter that never counted a failure has no series: with enough events in all, nothing
	// bad is zero bad.
	var bad float64
	if len(badAnswer.Values) > 0 {
		if bad, verdict, reason = single(badAnswer, "bad"); verdict != Pass {
			return counts{}, verdict, reason
		}
	}
	if bad > total+slack(total) {
		return counts{}, Error, fmt.Sprintf("bad %s is above total %s: the two queries do not count the same events", number(bad), number(total))
	}
	return counts{bad: min(bad, total), total: total}, Pass, ""
}

// slack is how far bad may be above total by rounding, extrapolation and a scrape that came in
// between the two queries.
func slack(total float64) float64 { return max(1, total/100) }

// single reads an answer as one count.
func single(a Answer, name string) (float64, Verdict, string) {
	switch {
	case len(a.Values) == 0:
		return 0, NoData, fmt.Sprintf("%s finds no series", name)
	case len(a.Values) > 1:
		return 0, Error, fmt.Sprintf("%s gives %d series where one is wanted: aggregate it with sum(…)", name, len(a.Values))
	}
	v := a.Values[0]
	switch {
	case math.IsNaN(v):
		return 0, NoData, fmt.Sprintf("%s is not a number", name)
	case math.IsInf(v, 0):
		return 0, Error, fmt.Sprintf("%s is infinite", name)
	case v < 0:
		return 0, Error, fmt.Sprintf("%s is %s, and a count is never negative", name, number(v))
	}
	return v, Pass, ""
}

func percent(ratio float64) string { return policy.Percent(roundTo4(ratio)).String() }

func roundTo4(v float64) float64 {
	if v == 0 {
		return 0
	}
	scale := math.Pow(10, 3-math.Floor(math.Log10(math.Abs(v))))
	return math.Round(v*scale) / scale
}
