package evidence

import (
	"math"

	"gonum.org/v1/gonum/floats"
)

// A bad change does not always show at once: a cache runs full, a job starts on the hour. Evidence
// counted from the change would first have to make up for all the good windows before.
const (
	fromTheStart = 0.75     // prior that what is wrong is wrong from the first window
	onsetHazard  = 1.0 / 60 // and else begins with any later one: a quarter of an hour of 15s windows on average
)

// onset is a Mixture over when a change goes bad as well as over how bad it goes: each alternative
// begins to count in every window, with a prior weight (Shiryaev, On optimum methods in quickest
// detection problems, 1963). As the weights sum to 1 and what has not begun yet stays 1, it is a
// mean of e-processes and so an e-process itself. It costs ln(1/fromTheStart) of the evidence
// where all is bad from the start.
type onset struct {
	sums []float64 // log of prior weight times likelihood ratio, of what has begun, by alternative
	rest float64   // prior weight that has not begun yet
}

func newOnset() onset { return onset{rest: 1} }

// add takes one window; what it adds to an alternative's logarithm is steps.
func (o *onset) add(steps []float64) {
	begin := onsetHazard * o.rest
	if o.sums == nil {
		begin = fromTheStart
		o.sums = make([]float64, len(steps))
		for i := range o.sums {
			o.sums[i] = math.Inf(-1)
		}
	}
	o.rest -= begin
	for i, step := range steps {
		o.sums[i] = logAdd(o.sums[i], math.Log(begin)) + step
	}
}

// logE is the logarithm of the evidence; 0 before the first window.
func (o *onset) logE() float64 {
	if len(o.sums) == 0 {
		return 0
	}
	return logAdd(floats.LogSumExp(o.sums)-math.Log(float64(len(o.sums))), math.Log(o.rest))
}

// logAdd is log(exp(a)+exp(b)).
func logAdd(a, b float64) float64 {
	if a < b {
		a, b = b, a
	}
	if math.IsInf(b, -1) {
		return a
	}
	return a + math.Log1p(math.Exp(b-a))
}
