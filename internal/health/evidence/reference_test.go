package evidence

import (
	"math"

	"gonum.org/v1/gonum/floats"
)

// Mixture is the form of the reference that the published vectors and times are of: evidence as it grows window by window: the mean, with equal weights, of the
// likelihood ratios of a grid of alternatives against the hypothesis. The zero value has seen
// nothing. It is a value: adding to it gives another one.
type Mixture struct {
	Sums []float64 // log likelihood ratio of each alternative so far
}

// LogE is the logarithm of the evidence; 0 before the first window.
func (m Mixture) LogE() float64 {
	if len(m.Sums) == 0 {
		return 0
	}
	return floats.LogSumExp(m.Sums) - math.Log(float64(len(m.Sums)))
}

// Reaches tells whether LogE is at least bar. It costs little while the evidence is far from it,
// for a mean is never above its largest part.
func (m Mixture) Reaches(bar float64) bool {
	if len(m.Sums) > 0 && floats.Max(m.Sums) < bar {
		return false
	}
	return m.LogE() >= bar
}

// Add takes one window. A process that nothing can be told by gives m back.
func (p Process) Add(m Mixture, yes, no float64) Mixture {
	if p.empty() {
		return m
	}
	sums := p.steps(yes, no)
	if m.Sums != nil {
		floats.Add(sums, m.Sums)
	}
	return Mixture{Sums: sums}
}
