package evidence_test

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/cinegit/guardian/internal/health/evidence"
)

func TestTheRatioSeenLiesBetweenItsBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		total := rapid.OneOf(rapid.Float64Range(0.001, 100), rapid.Float64Range(1, 1e9)).Draw(t, "total")
		bad := total * rapid.OneOf(rapid.Float64Range(0, 1), rapid.Float64Range(0, 1e-6), rapid.Just(1.0)).Draw(t, "ratio")
		alpha := rapid.Float64Range(1e-6, .5).Draw(t, "alpha")
		low, high := evidence.Lower(bad, total, alpha), evidence.Upper(bad, total, alpha)
		ratio := bad / total
		if !(low >= 0 && low <= ratio*(1+1e-9) && ratio <= high*(1+1e-9) && high <= 1) {
			t.Fatalf("%g is not between %g and %g", ratio, low, high)
		}
	})
}

func TestBoundsAtTheEndsAreTheEnds(t *testing.T) {
	if low, high := evidence.Lower(0, 100, .025), evidence.Upper(100, 100, .025); low != 0 || high != 1 {
		t.Errorf("bounds are %g and %g", low, high)
	}
	// No bad one of n: the upper bound is 1 - alpha^(1/n).
	digits(t, "upper bound of 0 in 100", evidence.Upper(0, 100, .025), 0.0362166, 5e-7)
}

func TestACountOfNextToNothingIsNone(t *testing.T) {
	for _, tiny := range []float64{0, 2.2250738585072014e-308, 1e-100, 1e-9} {
		if low := evidence.Lower(tiny, .25, .5); low != 0 {
			t.Errorf("the lower bound of %g is %g", tiny, low)
		}
		if high := evidence.Upper(.25-tiny, .25, .5); high != 1 {
			t.Errorf("the upper bound of all but %g is %g", tiny, high)
		}
	}
}
