package evidence

import "math"

// enoughGroups is how many groups of windows it takes to tell bursts from chance.
const enoughGroups = 10

// Dispersion is how many times as much the bad events of the windows vary as independent events
// would: Pearson's chi-square over its degrees of freedom (McCullagh and Nelder, Generalized Linear
// Models, 1989, section 4.5). Windows are taken together by groups of each, for bursts are
// longer than one. It is 1 where more is not clear (two standard errors of chance), or where there
// is too little to tell by.
func Dispersion(windows []Counts, each int) float64 {
	groups := grouped(windows, each)
	var all Counts
	for _, g := range groups {
		all = all.Plus(g)
	}
	p := all.Ratio()
	if len(groups) < enoughGroups || !(p > 0 && p < 1) {
		return 1
	}
	var chi2, inverse float64
	for _, g := range groups {
		expected := g.Total * p
		chi2 += (g.Bad - expected) * (g.Bad - expected) / (expected * (1 - p))
		inverse += 1 / (expected * (1 - p))
	}
	freedom := float64(len(groups) - 1)
	index := chi2 / freedom
	// The variance of Pearson's chi-square of sparse counts: 2 a degree and the sum of 1/expected.
	if index <= 1+2*math.Sqrt(2*freedom+inverse)/freedom {
		return 1
	}
	return index
}

// grouped sums windows by each, leaving out groups in which nothing happened.
func grouped(windows []Counts, each int) []Counts {
	var groups []Counts
	for len(windows) >= max(each, 1) {
		var sum Counts
		for _, w := range windows[:max(each, 1)] {
			sum = sum.Plus(w)
		}
		if sum.Total > 0 {
			groups = append(groups, sum)
		}
		windows = windows[max(each, 1):]
	}
	return groups
}
