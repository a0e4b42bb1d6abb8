package health

import (
	"fmt"
	"math"

	"github.com/cinegit/guardian/internal/health/evidence"
	"github.com/cinegit/guardian/internal/policy"
)

// judgeCounts decides a gate of bad and total events from the answers to its questions.
func (g Gate) judgeCounts(f Finding, answers []Answer, l look) Finding {
	now, verdict, reason := g.count(answers[0], answers[1])
	switch verdict {
	case Pass:
	case NoData:
		return g.absent(f, reason, l)
	default:
		return f.say(verdict, reason)
	}
	f = f.measured(now.Ratio())
	if g.Max != nil && now.Ratio() > float64(*g.Max) {
		f.Threshold = g.Max.String()
		return f.say(Fail, fmt.Sprintf("%s is above %s", inWords(now), g.Max))
	}
	if g.Tolerance == nil {
		f.Threshold = g.Max.String()
		return f.say(Pass, fmt.Sprintf("%s is not above %s", inWords(now), g.Max))
	}
	before, verdict, reason := g.baseline(answers)
	if verdict == Pass {
		f.Sample = &Sample{Before: before, Since: g.sinceThen(answers)}
		return g.compare(f, now, before, l)
	}
	reason = "before the change " + reason
	if g.Max != nil && verdict == NoData {
		f.Threshold = g.Max.String()
		return f.say(Pass, fmt.Sprintf("%s is not above %s; it is compared with nothing, for %s", inWords(now), g.Max, reason))
	}
	if verdict == NoData {
		return g.absent(f, reason, l)
	}
	return f.say(verdict, reason)
}

func (g Gate) baseline(answers []Answer) (evidence.Counts, Verdict, string) {
	if len(answers) < 4 {
		return evidence.Counts{}, NoData, "nothing is known, as it is not known when the change began"
	}
	return g.count(answers[2], answers[3])
}

// sinceThen is what was counted in all the time since the change. What cannot be counted is no
// evidence, either way.
func (g Gate) sinceThen(answers []Answer) evidence.Counts {
	if len(answers) < 6 {
		return evidence.Counts{}
	}
	counts, _, _ := g.count(answers[4], answers[5])
	return counts
}

// compare holds the ratio in the window against the ratio before, by itself: it fails when even
// the lower bound of now is above the upper bound of before with its tolerance, and passes when
// now is not above that. In between there are too few events to tell. What all windows together
// say is for the Judgement.
func (g Gate) compare(f Finding, now, before evidence.Counts, l look) Finding {
	limit := g.test(before, l.alpha).Limit()
	f.Threshold = fmt.Sprintf("%s (%s before, %s tolerated)", percent(limit), percent(before.Ratio()), g.Tolerance)
	low := evidence.Lower(now.Bad, now.Total, l.alpha/2)
	switch {
	case low > limit:
		return f.say(Fail, fmt.Sprintf("%s is at least %s, above %s: it was %s before the change",
			inWords(now), percent(low), percent(limit), inWords(before)))
	case now.Ratio() > limit:
		return f.say(NoData, fmt.Sprintf("%s is above %s, but of too few events to tell: it was %s before the change",
			inWords(now), percent(limit), inWords(before)))
	}
	return f.say(Pass, fmt.Sprintf("%s is not above %s: it was %s before the change", inWords(now), percent(limit), inWords(before)))
}

// count reads two answers as counts. A verdict other than Pass says why they cannot be judged.
func (g Gate) count(badAnswer, totalAnswer Answer) (evidence.Counts, Verdict, string) {
	total, verdict, reason := single(totalAnswer, "total")
	if verdict != Pass {
		return evidence.Counts{}, verdict, reason
	}
	if total < g.minSamples() || total == 0 {
		return evidence.Counts{}, NoData, fmt.Sprintf("there were %s events, fewer than minSampleCount %s", number(total), number(g.minSamples()))
	}
	// A counter that never counted a failure has no series: with enough events in all, nothing
	// bad is zero bad.
	var bad float64
	if len(badAnswer.Values) > 0 {
		if bad, verdict, reason = single(badAnswer, "bad"); verdict != Pass {
			return evidence.Counts{}, verdict, reason
		}
	}
	if bad > total+slack(total) {
		return evidence.Counts{}, Error, fmt.Sprintf("bad %s is above total %s: the two queries do not count the same events", number(bad), number(total))
	}
	return evidence.Counts{Bad: min(bad, total), Total: total}, Pass, ""
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

func inWords(c evidence.Counts) string {
	return fmt.Sprintf("%s (%s of %s)", percent(c.Ratio()), number(c.Bad), number(c.Total))
}

// percent writes a ratio with four digits.
func percent(ratio float64) string {
	if ratio == 0 {
		return policy.Percent(0).String()
	}
	scale := math.Pow(10, 3-math.Floor(math.Log10(math.Abs(ratio))))
	return policy.Percent(math.Round(ratio*scale) / scale).String()
}
