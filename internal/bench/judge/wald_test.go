package main

import (
	"math"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"
)

// Wald's own test, request by request with both ratios known, takes his time and the overshoot
// of one request: never less.
func TestWaldsTestTakesWaldsTime(t *testing.T) {
	const runs, factor = 4000, 5
	limit, ratio := (1+tolerance)*base, factor*base
	random, requests := rand.New(rand.NewPCG(1, 1)), 0
	for range runs {
		for evidence := 0.0; evidence < -math.Log(alpha); requests++ {
			if random.Float64() < ratio {
				evidence += math.Log(ratio / limit)
			} else {
				evidence += math.Log((1 - ratio) / (1 - limit))
			}
		}
	}
	mean, bound := float64(requests)/runs, wald(1, factor)
	overshoot := math.Log(ratio/limit) / divergence(ratio, limit)
	if mean < bound || mean > bound+overshoot {
		t.Errorf("%.0f requests on average, Wald says %.0f and at most %.0f more", mean, bound, overshoot)
	}
}

func TestWaldSpeaksOnlyOfWhatIsWorseThanTolerated(t *testing.T) {
	for _, factor := range []float64{1, 1.25} {
		w, b, s := wald(50, factor), waldFromBaseline(50, factor), waldSideBySide(50, factor)
		if !math.IsInf(w, 1) || !math.IsInf(b, 1) || !math.IsInf(s, 1) {
			t.Errorf("%gx: %g, %g and %g seconds", factor, w, b, s)
		}
	}
}

func TestABaselineIsNeverBetterThanKnowingAndAsGoodOnceItIsLong(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		factor := rapid.Float64Range(1.4, 20).Draw(t, "factor")
		rps := rapid.Float64Range(.5, 5000).Draw(t, "requests a second")
		if known, from := wald(rps, factor), waldFromBaseline(rps, factor); from < known*(1-1e-6) {
			t.Fatalf("%g seconds from a baseline, %g if it is known", from, known)
		}
		if known, from := wald(1e7, factor), waldFromBaseline(1e7, factor); from > 1.01*known {
			t.Fatalf("dense traffic: %g seconds from a baseline, %g if it is known", from, known)
		}
	})
}
