package evidence

import "math"

// change is the process against "the ratio after is at most (or, for a pass, at least) factor times
// the ratio before", where nothing is known of the ratio before but a baseline of counts.
//
// A ratio before that would make the change well is only as good as it explains the baseline too.
// So for each ratio before that is at all possible, an e-process over baseline and windows
// together: a mixture of likelihood ratios of alternatives in which the baseline was better than
// that ratio and what came after worse. The least of them all is evidence against them all
// (universal inference: Wasserman, Ramdas, Balakrishnan, PNAS 117, 2020; what it needs is only
// that each is below its own), and Ville's inequality holds of it as of each. Bounding the ratio
// before first, as Clopper and Pearson do, and then holding the windows against the bound, pays
// for the whole error of the baseline where only its likely part matters: it takes about
// twice as long.
//
// Bad events are taken as Poisson. Of binomial ones the likelihood ratios expect no more than 1
// either, as (1-p+ps)^n <= exp(np(s-1)).
type change struct {
	limits []float64 // the ratios after that the ratios before allow, ascending evenly
	alts   []departure
	onset  onset
	most   float64 // log evidence that one window may add; zero is no bound

	least float64 // log evidence, uncut
	logE  float64
}

// departure is an alternative as it grows.
type departure struct {
	worse float64
	prior []float64 // by limit: with the likelihood ratio of the baseline
	grown []float64 // by limit: likelihood ratio of the windows, by prior of its onset
}

const (
	// outermost is the part of alpha that pays for leaving out ratios before that the baseline by
	// itself all but rules out, half on each side.
	outermost = 0.01
	// befores is how many ratios before are tried; between them the least is bounded from below.
	befores = 12
)

// effects are the logarithms of how far alternatives lie from the limit: their prior is the same
// for each doubling, so that small and large ones cost the same. Nearer ones take too long to tell
// within a bake, farther ones are found by the last as soon.
func effects() []float64 {
	all := spanOf(12, math.Log(0.12), math.Log(2.6))
	for i, v := range all {
		all[i] = math.Exp(v)
	}
	return all
}

// readings are after how much of the baseline's length alternatives are meant to be told: the later,
// the more of what is seen may be put down to the baseline, and the better it must have been.
func readings() []float64 { return []float64{0.01, 0.03, 0.1, 0.3, 1} }

// alternative is one to a ratio before and the limit that it sets: the ratio before was really better
// times as high, the ratio after is worse times the limit.
type alternative struct{ better, worse float64 }

func alternatives(factor, direction float64) (all []alternative) {
	for _, effect := range effects() {
		after := math.Exp(direction * effect)
		for _, reading := range readings() {
			// Of what is seen then, this much is put down to the baseline: it is where the ratio
			// that explains baseline and windows best makes the change just well.
			better := (1 + factor*reading) / (1 + factor*after*reading)
			all = append(all, alternative{better: better, worse: after * better})
		}
	}
	return all
}

// newChange holds what comes against factor times the ratio of before. Direction is 1 for worse than
// that, -1 for better. Alpha is what is to be spent on it, most what a window may add.
func newChange(before Counts, factor, direction, alpha float64, prior onset, most float64) *change {
	low, high := Lower(before.Bad, before.Total, alpha*outermost/2), Upper(before.Bad, before.Total, alpha*outermost/2)
	c := &change{limits: spanOf(befores, factor*low, factor*high), onset: prior, most: most}
	all := alternatives(factor, direction)
	for _, a := range all {
		d := departure{worse: a.worse, grown: make([]float64, befores)}
		for _, limit := range c.limits {
			ratio := before.Bad*math.Log(a.better) - before.Total*(a.better-1)*limit/factor
			d.prior = append(d.prior, math.Exp(ratio)/float64(len(all)))
		}
		c.alts = append(c.alts, d)
	}
	return c
}

// add takes one window. Its likelihood ratio against one limit is that against the one before times
// the same again, as they ascend evenly.
func (c *change) add(w Counts) {
	begin := c.onset.next()
	sums := make([]float64, len(c.limits))
	for i := range sums {
		sums[i] = max(c.onset.rest, 1/grownMost)
	}
	for _, d := range c.alts {
		excess := w.Total * (d.worse - 1)
		growth := expMost(w.Bad*math.Log(d.worse) - excess*c.limits[0])
		onward := expMost(-excess * (c.limits[1] - c.limits[0]))
		for i := range sums {
			d.grown[i] = grow(d.grown[i], begin, growth)
			sums[i] += d.prior[i] * d.grown[i]
			growth = min(growth*onward, growthMost)
		}
	}
	before := c.least
	c.least = leastBetween(c.limits, logs(sums))
	rise := c.least - before
	if c.most > 0 {
		rise = min(rise, c.most)
	}
	c.logE += rise
}

func logs(values []float64) []float64 {
	all := make([]float64, len(values))
	for i, v := range values {
		all[i] = math.Log(v)
	}
	return all
}

// leastBetween bounds from below the least of a convex function that is known at points: between
// two of them it lies above the lines through their neighbours. The log evidence is convex in the
// ratio before, as the logarithm of a sum of exponentials of linear functions of it.
func leastBetween(x, y []float64) float64 {
	at := 0
	for i := range y {
		if y[i] < y[at] {
			at = i
		}
	}
	least := y[at]
	for _, left := range []int{at - 1, at} {
		if left >= 0 && left+1 < len(y) {
			least = min(least, leastWithin(x, y, left))
		}
	}
	return least
}

// leastWithin is the bound between points left and left+1.
func leastWithin(x, y []float64, left int) float64 {
	slope := func(i int) float64 { return (y[i+1] - y[i]) / (x[i+1] - x[i]) }
	width := x[left+1] - x[left]
	fall, rise := math.Inf(-1), math.Inf(1)
	if left > 0 {
		fall = slope(left - 1)
	}
	if left+2 < len(x) {
		rise = slope(left + 1)
	}
	switch {
	case left == 0:
		return min(y[1]-rise*width, y[0])
	case left+2 == len(x):
		return min(y[left]+fall*width, y[left+1])
	case rise <= fall: // a straight line, but for rounding
		return min(y[left], y[left+1])
	}
	return y[left] + fall*(y[left+1]-y[left]-rise*width)/(fall-rise)
}
