package gatetest

import (
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/cinegit/guardian/internal/health"
	"github.com/cinegit/guardian/internal/policy"
)

// values puts a regression into the readings of a gate with a query.
type values struct {
	usual float64 // the median; NaN where nothing was measured
	down  bool    // lower is worse
	share bool    // it is a share of what goes well: worse is more of what is missing to 1
	unit  float64 // what is multiplied where the usual is nothing at all, as a queue that is always empty
	fails float64 // from where the conditions fail; NaN where no value does
}

// valuesOf reads the usual of a gate off its quiet readings, and off its conditions which way is
// worse.
func valuesOf(g health.Gate, readings []health.Reading) values {
	var all []float64
	for _, r := range readings {
		for _, l := range r.Looks {
			for _, x := range l.Value {
				if !math.IsNaN(x) && !math.IsInf(x, 0) {
					all = append(all, x)
				}
			}
		}
	}
	if len(all) == 0 {
		return values{usual: math.NaN(), fails: math.NaN()}
	}
	slices.Sort(all)
	v := values{usual: all[len(all)/2]}
	above, below := failsFrom(g, v.usual, 1), failsFrom(g, v.usual, -1)
	switch {
	case !math.IsNaN(above):
		v.fails = above
	case !math.IsNaN(below):
		v.fails, v.down = below, true
	default:
		v.fails, v.down = math.NaN(), g.Direction == policy.Decrease
	}
	least, most := all[0], all[len(all)-1]
	v.share = v.down && v.usual >= 0.5 && most <= 1 && (least < 1 || v.fails < 1)
	switch {
	case v.share && least == 1:
		v.unit = 1 - v.fails
	case least == 0 && most == 0 && !math.IsNaN(v.fails):
		v.unit = math.Abs(v.fails)
	case least == 0 && most == 0:
		v.unit = 1
	}
	return v
}

// failsFrom finds the value, going up (1) or down (-1) from one, from which the conditions fail;
// NaN where none does.
func failsFrom(g health.Gate, from, direction float64) float64 {
	good, step := from, max(math.Abs(from)/100, 1e-9)
	for range 80 {
		bad := from + direction*step
		if !fails(g, bad) {
			good, step = bad, 2*step
			continue
		}
		for range 60 {
			if middle := (good + bad) / 2; fails(g, middle) {
				bad = middle
			} else {
				good = middle
			}
		}
		return bad
	}
	return math.NaN()
}

// inject gives the reading as it would be with values so many times worse since the release. r
// itself stays as it is.
func (v values) inject(r health.Reading, factor float64, _ *rand.Rand) health.Reading {
	r.Looks = slices.Clone(r.Looks)
	for i, l := range r.Looks {
		r.Looks[i].Value = v.worse(l.Value, factor)
	}
	r.Points.Values = slices.Clone(r.Points.Values)
	for i, p := range r.Points.Values {
		r.Points.Values[i] = v.worse(p, factor)
	}
	return r
}

// level is the value that a factor makes of the usual one; 0 where there is none.
func (v values) level(factor float64) float64 {
	if math.IsNaN(v.usual) {
		return 0
	}
	return v.worse([]float64{v.usual}, factor)[0]
}

func (v values) worse(all []float64, factor float64) []float64 {
	out := make([]float64, len(all))
	for i, x := range all {
		switch {
		case v.share:
			out[i] = max(1-factor*max(1-x, v.unit), 0)
		case v.unit > 0:
			out[i] = factor * v.unit
		case v.down == (x >= 0):
			out[i] = x / factor
		default:
			out[i] = x * factor
		}
	}
	return out
}

// fails asks the gate's conditions about a value that nobody measured.
func fails(g health.Gate, value float64) bool {
	look := health.Look{At: time.Unix(0, 0), Window: max(g.Window.D(), time.Minute), Value: []float64{value}}
	return g.Findings(health.Reading{Looks: []health.Look{look}}, 1)[0].Verdict == health.Fail
}
