package evidence_test

import (
	"math"
	"testing"

	"github.com/cinegit/guardian/internal/health/evidence"
)

func TestSharesAreJudgedAsPublished(t *testing.T) {
	half, fifth := []float64{.5, .5}, []float64{.8, .2}
	for _, tt := range []struct {
		null, counts []float64
		k, logE, p   float64 // NaN is not published
	}{
		{half, []float64{100, 100}, 100, -0.5509727709, 1},
		{half, []float64{100, 150}, 100, 2.9658388777, 0.05151723445},
		{half, []float64{10, 25}, 100, 0.6905982381, 0.5012760969},
		{fifth, []float64{80, 40}, 100, 2.8551721458, 0.05754591398},
		{half, []float64{1000, 1100}, 100, 0.7266374314, 0.4835321696},
		{half, []float64{1000, 1100}, 1000, 1.0478333326, 0.3506967698},
		{half, []float64{50, 0}, 100, 8.3505552655, 0.000236265292},
		{half, []float64{5, 15}, 2, 1.1695678393, 0.3105010986},
		{fifth, []float64{148, 62}, 100, math.NaN(), 0.045579631759},
		{[]float64{.1, .4, .5}, []float64{40, 129, 233}, 100, math.NaN(), 0.0484559110597},
	} {
		got := evidence.Shares{Null: tt.null, K: tt.k}.LogE(tt.counts)
		if math.Abs(got-tt.logE) > 6e-11 { // to the printed digits
			t.Errorf("%v of %v: %.10f, want %.10f", tt.counts, tt.null, got, tt.logE)
		}
		if p := min(1, math.Exp(-got)); math.Abs(p-tt.p) > 1e-9*max(tt.p, .001) {
			t.Errorf("%v of %v: p %.12g, want %.12g", tt.counts, tt.null, p, tt.p)
		}
	}
}
