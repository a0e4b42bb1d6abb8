package health

import "gonum.org/v1/gonum/mathext"

// Bounds of an error ratio seen as bad of total, after Clopper and Pearson (The use of confidence
// or fiducial limits illustrated in the case of the binomial, Biometrika 26, 1934): each holds
// with probability at least 1-alpha over repeated samples, whatever the true ratio. Counts may be
// fractional, as PromQL's increase gives them.

// lowerBound is below the true ratio with probability 1-alpha: the alpha quantile of
// Beta(bad, total-bad+1).
func lowerBound(bad, total, alpha float64) float64 {
	if bad <= 0 {
		return 0
	}
	return mathext.InvRegIncBeta(bad, total-bad+1, alpha)
}

// upperBound is above the true ratio with probability 1-alpha: the 1-alpha quantile of
// Beta(bad+1, total-bad).
func upperBound(bad, total, alpha float64) float64 {
	if bad >= total {
		return 1
	}
	return mathext.InvRegIncBeta(bad+1, total-bad, 1-alpha)
}
