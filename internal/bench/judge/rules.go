package main

import (
	"math"

	"github.com/cinegit/guardian/internal/health/evidence"
)

// rule judges a bake and gives the look at which it calls it bad, counted from 1; 0 is never.
type rule interface {
	judge(b bake) int
}

// threshold is a fixed line under the error ratio of the last minute, as an AnalysisTemplate of Argo
// Rollouts has it: failureCondition result[0] > line, failed when more than limit looks failed. A
// minute without a request is NaN, which is above no line.
type threshold struct {
	line  float64
	limit int
	every int // looks from one measurement to the next
}

func (r threshold) judge(b bake) int {
	windows := append(append([]evidence.Counts{}, b.before...), b.after...)
	failed := 0
	for i := r.every; i <= len(b.after); i += r.every {
		end := len(b.before) + i
		if sum(windows[max(end-int(minute/look), 0):end]).Ratio() > r.line {
			failed++
		}
		if failed > r.limit {
			return i
		}
	}
	return 0
}

// ztest is the two-proportion z-test with pooled variance of all since the change against all
// before it, done again at every look as if it were the only one. One-sided at z.
type ztest struct{ z float64 }

func (r ztest) judge(b bake) int {
	return r.against(b.after, func(int) evidence.Counts { return sum(b.before) })
}

func (r ztest) against(windows []evidence.Counts, baseline func(look int) evidence.Counts) int {
	var seen evidence.Counts
	for i, w := range windows {
		seen = seen.Plus(w)
		if r.apart(seen, baseline(i+1)) {
			return i + 1
		}
	}
	return 0
}

func (r ztest) apart(now, was evidence.Counts) bool {
	pooled := now.Plus(was).Ratio()
	deviation := math.Sqrt(pooled * (1 - pooled) * (1/now.Total + 1/was.Total))
	return now.Ratio()-was.Ratio() > r.z*deviation // not of NaN
}

// burnRate is the pair of multi-window alerts that Google's SRE workbook recommends for paging
// (Beyer and others, The Site Reliability Workbook, 2018, chapter 5, table 5-8): the budget burns
// 14.4 times too fast over an hour and five minutes, or 6 times over six hours and half an hour.
type burnRate struct {
	budget float64 // the ratio of bad requests that the objective allows
}

func (r burnRate) judge(b bake) int {
	hours := newPast(b)
	for i := 1; i <= len(b.after); i++ {
		above := func(burn, long, short float64) bool {
			return hours.ratio(i, long) > burn*r.budget && hours.ratio(i, short) > burn*r.budget
		}
		if above(14.4, 3600, 300) || above(6, sixHours, half) {
			return i
		}
	}
	return 0
}

// past is all that was counted, as sums from the beginning, so that any window is a difference.
type past struct {
	minutes, windows []evidence.Counts
}

func newPast(b bake) past {
	p := past{minutes: running(evidence.Counts{}, b.history)}
	p.windows = running(p.minutes[len(p.minutes)-1], append(append([]evidence.Counts{}, b.before...), b.after...))
	return p
}

// ratio is the one of so many seconds up to a look after the change.
func (p past) ratio(at int, seconds float64) float64 {
	now := p.windows[looks+at]
	then := p.upTo(float64(at)*look - seconds)
	return evidence.Counts{Bad: now.Bad - then.Bad, Total: now.Total - then.Total}.Ratio()
}

// upTo is what was counted up to a moment, in seconds from the change; within a minute of the
// history it is taken to have come evenly.
func (p past) upTo(at float64) evidence.Counts {
	if at >= -half {
		return p.windows[int((at+half)/look)]
	}
	into := (at + sixHours) / minute
	if into <= 0 {
		return evidence.Counts{}
	}
	i, part := int(into), into-math.Floor(into)
	a, b := p.minutes[i], p.minutes[i+1]
	return evidence.Counts{Bad: a.Bad + part*(b.Bad-a.Bad), Total: a.Total + part*(b.Total-a.Total)}
}

// running gives the sums before each of the counts, and after the last.
func running(from evidence.Counts, counts []evidence.Counts) []evidence.Counts {
	sums := []evidence.Counts{from}
	for _, c := range counts {
		sums = append(sums, sums[len(sums)-1].Plus(c))
	}
	return sums
}

func sum(windows []evidence.Counts) (all evidence.Counts) {
	for _, w := range windows {
		all = all.Plus(w)
	}
	return all
}
