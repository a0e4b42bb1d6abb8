package evidence

import "gonum.org/v1/gonum/mathext"

// Lower is below the true ratio of events seen as bad of total with probability 1-alpha: the
// alpha quantile of Beta(bad, total-bad+1), after Clopper and Pearson (The use of confidence or
// fiducial limits illustrated in the case of the binomial, Biometrika 26, 1934). Counts may be
// fractional, as PromQL's increase gives them; 0 <= bad <= total and 0 < alpha < 1.
func Lower(bad, total, alpha float64) float64 {
	if bad <= 0 {
		return 0
	}
	return mathext.InvRegIncBeta(bad, total-bad+1, alpha)
}

// Upper is above the true ratio with probability 1-alpha: the 1-alpha quantile of
// Beta(bad+1, total-bad). It takes what Lower takes.
func Upper(bad, total, alpha float64) float64 {
	if bad >= total {
		return 1
	}
	return mathext.InvRegIncBeta(bad+1, total-bad, 1-alpha)
}
