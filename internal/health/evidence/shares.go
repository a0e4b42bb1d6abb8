package evidence

import "math"

// Shares holds how events fall on several sides against the shares that they would have if no side
// were worse, in either direction and in closed form: a Dirichlet mixture of likelihood ratios
// (Lindon and Malek, Anytime-valid inference for multinomial count data, NeurIPS 2022). A gate knows
// which side would be the worse one and asks SideBySide, which is sooner; this is for a comparison
// in which nobody knows.
type Shares struct {
	Null []float64 // shares of the sides, above 0, of sum 1
	K    float64   // how near to Null the alternatives lie: the prior is Dirichlet(K·Null); 100 suits effects of a tenth
}

// LogE is the log evidence that the counts so far, one a side, do not fall as Null says. It may be
// looked at after every event, and be held against Bar.
func (s Shares) LogE(counts []float64) float64 {
	prior, posterior := make([]float64, len(s.Null)), make([]float64, len(s.Null))
	null := 0.0
	for i, share := range s.Null {
		prior[i] = s.K * share
		posterior[i] = prior[i] + counts[i]
		null += counts[i] * math.Log(share)
	}
	return logBeta(posterior) - logBeta(prior) - null
}

// logBeta is the logarithm of the multivariate beta function.
func logBeta(a []float64) float64 {
	all, sum := 0.0, 0.0
	for _, v := range a {
		part, _ := math.Lgamma(v)
		all += part
		sum += v
	}
	whole, _ := math.Lgamma(sum)
	return all - whole
}
