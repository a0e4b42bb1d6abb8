package health

import (
	"fmt"
	"math"

	"github.com/cinegit/guardian/internal/health/evidence"
	"github.com/cinegit/guardian/internal/policy"
)

// judgeCounts decides a gate of bad and total events: by its maximum in the window, and by the
// evidence of all windows since the change where it has a tolerance.
func (g Gate) judgeCounts(f Finding, l Look, against comparison) Finding {
	now, verdict, reason := g.count(l.Bad, l.Total)
	if verdict == Error {
		return f.say(verdict, reason)
	}
	if verdict == Pass {
		f = f.measured(now.Ratio())
		if g.Max != nil && now.Ratio() > float64(*g.Max) {
			f.Threshold = g.Max.String()
			return f.say(Fail, fmt.Sprintf("%s is above %s", inWords(now), g.Max))
		}
	}
	if g.Tolerance != nil {
		return g.compare(f, l, window{now, verdict, reason}, against.until(l.At, g.minSamples()))
	}
	if verdict == NoData {
		return g.absent(f, reason, l)
	}
	f.Threshold = g.Max.String()
	return f.say(Pass, fmt.Sprintf("%s is not above %s", inWords(now), g.Max))
}

// window is what the last window says by itself; a verdict other than Pass says why it cannot.
type window struct {
	evidence.Counts
	verdict Verdict
	reason  string
}

// lately is what the last window adds to what all windows say: of a change that went bad late, they
// say little.
func (w window) lately(l Look) string {
	if w.verdict != Pass {
		return ""
	}
	return fmt.Sprintf(", %s in the last %s,", percent(w.Ratio()), promDuration(l.Window))
}

// count reads two answers as counts. A verdict other than Pass says why they cannot be judged.
func (g Gate) count(badAnswer, totalAnswer []float64) (evidence.Counts, Verdict, string) {
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
	if len(badAnswer) > 0 {
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

func inWords(c evidence.Counts) string {
	return fmt.Sprintf("%s (%s of %s)", percent(c.Ratio()), number(c.Bad), number(c.Total))
}

// percent writes a ratio with four digits.
func percent(ratio float64) string {
	if ratio == 0 || math.IsNaN(ratio) {
		return policy.Percent(ratio).String()
	}
	scale := math.Pow(10, 3-math.Floor(math.Log10(math.Abs(ratio))))
	return policy.Percent(math.Round(ratio*scale) / scale).String()
}
