package main

import (
	"math"
	"slices"

	"github.com/cinegit/guardian/internal/health/evidence"
)

// kayenta judges the error ratios of the windows since the change against those of the baseline as
// Netflix' Kayenta does at its defaults, at every look: High is bad.
type kayenta struct{}

func (kayenta) judge(b bake) int {
	baseline := ratios(b.before)
	candidate := ratios(b.after)
	sorted := slices.Sorted(slices.Values(baseline))
	quick := newRankSum(sorted)
	for i := range candidate {
		quick.add(candidate[i])
		if !quick.above() && !quick.apart() {
			continue
		}
		if (evidence.Kayenta{Direction: evidence.Increase}).Judge(baseline, candidate[:i+1]).Class == evidence.ClassHigh {
			return i + 1
		}
	}
	return 0
}

func ratios(windows []evidence.Counts) []float64 {
	all := make([]float64, len(windows))
	for i, w := range windows {
		all[i] = w.Ratio()
	}
	return all
}

// rankSum is the statistic of the rank test as points come in. It tells at little cost where the
// interval of the shift, which takes a search, cannot lie above zero.
type rankSum struct {
	baseline []float64 // sorted
	tied     map[float64]float64
	n, pairs float64 // points, and pairs in which one is above the baseline's
	lowest   float64 // of the points
	ties     float64 // sum of t³-t over groups of equal values
}

func newRankSum(sorted []float64) *rankSum {
	r := &rankSum{tied: map[float64]float64{}, lowest: math.Inf(1)}
	for _, v := range sorted {
		if !math.IsNaN(v) {
			r.baseline = append(r.baseline, v)
			r.tie(v)
		}
	}
	return r
}

func (r *rankSum) tie(v float64) {
	t := r.tied[v]
	r.tied[v] = t + 1
	r.ties += 3 * t * (t + 1) // (t+1)³-(t+1) - (t³-t)
}

func (r *rankSum) add(v float64) {
	if math.IsNaN(v) {
		return
	}
	below, _ := slices.BinarySearch(r.baseline, v)
	upTo, _ := slices.BinarySearch(r.baseline, math.Nextafter(v, math.Inf(1)))
	r.n++
	r.pairs += float64(below+upTo) / 2
	r.tie(v)
	r.lowest = min(r.lowest, v)
}

// apart tells whether all points lie above all of the baseline. Of too few points for its
// confidence the test takes the whole span for the interval, as R does, which then is above zero.
func (r *rankSum) apart() bool {
	return len(r.baseline) > 0 && r.n > 0 && r.lowest > r.baseline[len(r.baseline)-1]
}

// above tells whether the test says at Kayenta's 98% that the points lie higher: only then does
// its whole interval.
func (r *rankSum) above() bool {
	m, n := float64(len(r.baseline)), r.n
	if m*n == 0 {
		return false
	}
	all := m + n
	deviation := math.Sqrt(m * n / 12 * (all + 1 - r.ties/(all*(all-1))))
	const z98 = 2.3263478740408408 // normal quantile of 0.99
	return r.pairs-m*n/2-.5 > (z98-1e-6)*deviation
}
