package evidence

import (
	"math"

	"gonum.org/v1/gonum/floats"
)

const (
	gridSize = 64
	farthest = 50 // times worse (or better) is as far as the alternatives go
)

// Bar is what log evidence must reach for the hypothesis to be given up: ln(1/alpha).
func Bar(alpha float64) float64 { return -math.Log(alpha) }

// Process is what a hypothesis and its alternatives come to: every event says as much, for or against.
type Process struct {
	yes, no []float64 // log likelihood ratio of one event, by alternative
	prior   []float64 // of the alternatives
	most    float64
}

// newProcess sets alternatives against the hypothesis that a yes has the probability p0: their odds
// are e^effect times as high. Every event counts as one of so many that came together, and a
// window may add no more than most, where that is above zero.
func newProcess(p0 float64, effects []float64, together, most float64) Process {
	p := Process{yes: effects, no: make([]float64, len(effects)), prior: nearer(effects), most: most}
	for i, effect := range effects {
		no := -math.Log1p(p0 * math.Expm1(effect))
		p.yes[i], p.no[i] = (effect+no)/together, no/together
	}
	return p
}

// empty tells whether the process can tell nothing.
func (p Process) empty() bool { return len(p.yes) == 0 }

// steps is what one window adds to the log likelihood ratio of each alternative. It is cut at most: a
// likelihood ratio cut from above still expects no more than 1, so that the bound on errors holds, and one
// window can no longer decide by itself.
func (p Process) steps(yes, no float64) []float64 {
	steps := make([]float64, len(p.yes))
	for i := range steps {
		steps[i] = yes*p.yes[i] + no*p.no[i]
		if p.most > 0 {
			steps[i] = min(steps[i], p.most)
		}
	}
	return steps
}

// span is a grid of alternatives from one logarithm to another, both inclusive.
func span(from, to float64) []float64 { return spanOf(gridSize, from, to) }

func spanOf(n int, from, to float64) []float64 { return floats.Span(make([]float64, n), from, to) }

// nearer is a prior of effects on a grid: of large ones it gives each doubling the same weight, so
// that small effects, which take the longest to tell anyway, cost about the same evidence.
func nearer(effects []float64) []float64 {
	const near = 0.15 // below this all weigh the same
	prior := make([]float64, len(effects))
	for i, effect := range effects {
		prior[i] = 1 / (near + math.Abs(effect))
	}
	floats.Scale(1/floats.Sum(prior), prior)
	return prior
}
