package main

import "math"

// divergence is how much log evidence one request that is bad with probability p gives against q on
// average (Kullback and Leibler, On information and sufficiency, 1951).
func divergence(p, q float64) float64 {
	return p*math.Log(p/q) + (1-p)*math.Log((1-p)/(1-q))
}

// wald is the time in seconds that no test with at most alpha false alarms can expect to beat, if
// both ratios are known and it never gives up: ln(1/alpha) over the divergence of a request (Wald,
// Sequential tests of statistical hypotheses, Annals of Mathematical Statistics 16, 1945, formula
// 4.8 as its beta goes to 0). The hypothesis is what the tolerance just allows. Infinite if the
// service is not worse than that.
func wald(rps, factor float64) float64 {
	limit, ratio := (1+tolerance)*base, factor*base
	if ratio <= limit {
		return math.Inf(1)
	}
	return -math.Log(alpha) / divergence(ratio, limit) / rps
}

// waldSideBySide is the same for a candidate with half of the requests beside a baseline with the
// other half: what counts is which of them a bad request belongs to.
func waldSideBySide(rps, factor float64) float64 {
	if factor <= 1+tolerance {
		return math.Inf(1)
	}
	part := func(factor float64) float64 { return factor / (1 + factor) } // of the bad ones, the candidate's
	bad := rps / 2 * base * (1 + factor)
	return -math.Log(alpha) / divergence(part(factor), part(1+tolerance)) / bad
}

// waldFromBaseline is that of wald where the ratio before is known only from a baseline of half an
// hour: whatever is put down to a higher ratio before has to be borne out by that baseline. It is
// the number of seconds at which both together give ln(1/alpha) on average against every ratio
// before; infinite if they never do.
func waldFromBaseline(rps, factor float64) float64 {
	if factor <= 1+tolerance {
		return math.Inf(1)
	}
	enough := func(t float64) bool {
		return leastDivergence(rps*half, rps*t, factor) >= -math.Log(alpha)
	}
	low, high := 1e-9, 1e9
	if !enough(high) {
		return math.Inf(1)
	}
	for high/low > 1+1e-9 {
		if middle := math.Sqrt(low * high); enough(middle) {
			high = middle
		} else {
			low = middle
		}
	}
	return high
}

// leastDivergence is what so many requests before and after give against the healthy service that
// is likest to them. Convex in the ratio before, of which it finds the least by thirds.
func leastDivergence(before, after, factor float64) float64 {
	against := func(ratio float64) float64 {
		return before*divergence(base, ratio) + after*divergence(factor*base, (1+tolerance)*ratio)
	}
	low, high := base, base*factor/(1+tolerance)
	for range 200 {
		third := (high - low) / 3
		if against(low+third) < against(high-third) {
			high -= third
		} else {
			low += third
		}
	}
	return against((low + high) / 2)
}
