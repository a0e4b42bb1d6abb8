package evidence

import (
	"errors"
	"math"
	"slices"
)

// Ranks is what Mann and Whitney's rank test says of two samples, as R's wilcox.test does it with
// its normal approximation: ties averaged, variance corrected for them, interval by inverting the
// test (Hodges and Lehmann; Bauer, Constructing confidence sets using rank statistics, JASA 67,
// 1972).
type Ranks struct {
	W     float64 // pairs in which x is above y; a tie is half a pair
	P     float64 // two-sided, with continuity correction
	Shift float64 // Hodges-Lehmann estimate of how far x lies above y
	Low   float64 // the interval of the shift
	High  float64
	A12   float64 // probability that an x is above a y: 0.5 is neutral (Vargha and Delaney, 2000)
}

// ErrSamples is wrapped when two samples cannot be ranked against each other.
var ErrSamples = errors.New("the samples cannot be compared")

// MannWhitney compares x with y; the interval holds the true shift with probability confidence.
// It wraps ErrSamples for an empty sample, one with NaN or an infinity, and for samples that are
// all one value.
func MannWhitney(x, y []float64, confidence float64) (Ranks, error) {
	if err := rankable(x, y); err != nil {
		return Ranks{}, err
	}
	pairs := float64(len(x)) * float64(len(y))
	centred, sigma := statistic(x, y, 0)
	low, high := slices.Min(x)-slices.Max(y), slices.Max(x)-slices.Min(y)
	zQuantile := math.Sqrt2 * math.Erfinv(confidence)
	crossing := func(target float64, corrected bool) float64 {
		return root(func(shift float64) float64 { return standardised(x, y, shift, corrected) - target }, low, high)
	}
	z := math.Abs(centred) - 0.5
	return Ranks{
		W:     centred + pairs/2,
		P:     min(1, math.Erfc(z/sigma/math.Sqrt2)),
		Shift: crossing(0, false),
		Low:   crossing(zQuantile, true),
		High:  crossing(-zQuantile, true),
		A12:   (centred + pairs/2) / pairs,
	}, nil
}

func rankable(x, y []float64) error {
	if len(x) == 0 || len(y) == 0 {
		return errors.Join(ErrSamples, errors.New("one of them is empty"))
	}
	all := slices.Concat(x, y)
	if slices.ContainsFunc(all, func(v float64) bool { return math.IsNaN(v) || math.IsInf(v, 0) }) {
		return errors.Join(ErrSamples, errors.New("one of them holds what is no number"))
	}
	if slices.Min(all) == slices.Max(all) {
		return errors.Join(ErrSamples, errors.New("all values are the same"))
	}
	return nil
}

// statistic is W around its expectation when x is shifted down by shift, and W's standard
// deviation with its correction for ties; 0 where all values tie.
func statistic(x, y []float64, shift float64) (centred, sigma float64) {
	type value struct {
		v     float64
		fromX bool
	}
	all := make([]value, 0, len(x)+len(y))
	for _, v := range x {
		all = append(all, value{v - shift, true})
	}
	for _, v := range y {
		all = append(all, value{v, false})
	}
	slices.SortFunc(all, func(a, b value) int {
		switch {
		case a.v < b.v:
			return -1
		case a.v > b.v:
			return 1
		}
		return 0
	})
	var rankSum, ties float64
	for from := 0; from < len(all); {
		to, ofX := from, 0.0
		for ; to < len(all) && all[to].v == all[from].v; to++ {
			if all[to].fromX {
				ofX++
			}
		}
		tied := float64(to - from)
		rankSum += ofX * (float64(from+to+1) / 2)
		ties += tied*tied*tied - tied
		from = to
	}
	n, m := float64(len(x)), float64(len(y))
	variance := n * m / 12 * (n + m + 1 - ties/((n+m)*(n+m-1)))
	return rankSum - n*(n+1)/2 - n*m/2, math.Sqrt(max(variance, 0))
}

// standardised is statistic in standard deviations, with continuity correction where asked for.
func standardised(x, y []float64, shift float64, corrected bool) float64 {
	centred, sigma := statistic(x, y, shift)
	if corrected && centred != 0 {
		centred -= math.Copysign(0.5, centred)
	}
	if sigma == 0 {
		return math.Copysign(math.MaxFloat64, centred)
	}
	return centred / sigma
}
