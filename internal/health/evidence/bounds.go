package evidence

import "gonum.org/v1/gonum/mathext"

// fewest is a count below which the incomplete beta function cannot be inverted any more. As none it
// gives the bound that is always true.
const fewest = 1e-6

// Lower is below the true ratio of events seen as bad of total with probability 1-alpha: the
// alpha quantile of Beta(bad, total-bad+1), after Clopper and Pearson (The use of confidence or
// fiducial limits illustrated in the case of the binomial, Biometrika 26, 1934). Counts may be
// fractional, as PromQL's increase gives them; 0 <= bad <= total and 0 < alpha <= 1/2. It is never above
// the ratio seen, which the inverse misses by some 1e-5 where there are a thousand million events.
func Lower(bad, total, alpha float64) float64 {
	if bad < fewest {
		return 0
	}
	return min(bad/total, mathext.InvRegIncBeta(bad, total-bad+1, alpha))
}

// Upper is above the true ratio with probability 1-alpha: the 1-alpha quantile of
// Beta(bad+1, total-bad), and never below the ratio seen. It takes what Lower takes.
func Upper(bad, total, alpha float64) float64 {
	if total-bad < fewest {
		return 1
	}
	return max(bad/total, mathext.InvRegIncBeta(bad+1, total-bad, 1-alpha))
}
