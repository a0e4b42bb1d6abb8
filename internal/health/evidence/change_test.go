package evidence

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

func TestTheLeastOfAConvexFunctionIsNeverAboveWhatItReallyIs(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		terms := rapid.IntRange(1, 6).Draw(t, "terms")
		at, slope := make([]float64, terms), make([]float64, terms)
		for i := range at {
			at[i] = rapid.Float64Range(-5, 5).Draw(t, "at")
			slope[i] = rapid.Float64Range(-20, 20).Draw(t, "slope")
		}
		f := func(x float64) float64 { // as the log evidence is in the ratio before
			var sum float64
			for i := range at {
				sum += math.Exp(at[i] + slope[i]*x)
			}
			return math.Log(sum)
		}
		x := spanOf(befores, 0, 1)
		y := make([]float64, len(x))
		for i := range x {
			y[i] = f(x[i])
		}
		bound, least := leastBetween(x, y), math.Inf(1)
		for _, between := range spanOf(1000, 0, 1) {
			least = min(least, f(between))
		}
		if bound > least+1e-9 {
			t.Fatalf("the bound is %g, the function goes down to %g", bound, least)
		}
		if bound < least-5 {
			t.Fatalf("the bound %g is far below %g", bound, least)
		}
	})
}

// An e-process expects at most 1 of every step, whatever the ratio before really is: here summed
// up exactly, for one alternative on both sides of the change and Poisson counts.
func TestADepartureExpectsOneWhereTheLimitIsJustReached(t *testing.T) {
	const factor, before, after = 1.25, 40.0, 25.0 // events expected at the ratio before
	for _, direction := range []float64{1, -1} {
		for _, a := range alternatives(factor, direction) {
			expected := func(events, times float64) (sum float64) {
				for bad := range 1000 {
					sum += poisson(bad, events) * math.Exp(float64(bad)*math.Log(times)-events*(times-1))
				}
				return sum
			}
			if e := expected(before, a.better) * expected(factor*after, a.worse); math.Abs(e-1) > 1e-6 {
				t.Errorf("%+v expects %g", a, e)
			}
			if (a.worse-1)*direction <= 0 || (a.better-1)*direction >= 0 {
				t.Errorf("%+v departs the wrong way", a) // and so would expect more than 1 within the limit
			}
		}
	}
}

func poisson(n int, mean float64) float64 {
	log, _ := math.Lgamma(float64(n) + 1)
	return math.Exp(float64(n)*math.Log(mean) - mean - log)
}

func TestOnsetsAreAPrior(t *testing.T) {
	for name, o := range map[string]onset{"sooner or later": soonerOrLater(), "at once": atOnce()} {
		var begun float64
		for range 500 {
			begun += o.next()
		}
		if math.Abs(begun+o.rest-1) > 1e-12 || begun < .99 {
			t.Errorf("%s: %g has begun, %g is left", name, begun, o.rest)
		}
	}
}
