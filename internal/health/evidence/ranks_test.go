package evidence_test

import (
	"errors"
	"math"
	"testing"

	"pgregory.net/rapid"

	"github.com/cinegit/guardian/internal/health/evidence"
)

func hollander() (x, y []float64) {
	return []float64{.80, .83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, .73, 1.46}, []float64{1.15, .88, .90, .74, 1.21}
}

// ozone is R's airquality: August against May, without the missing days.
func ozone() (august, may []float64) {
	return []float64{39, 9, 16, 78, 35, 66, 122, 89, 110, 44, 28, 65, 22, 59, 23, 31, 44, 21, 9, 45, 168, 73, 76, 118, 84, 85},
		[]float64{41, 36, 12, 18, 28, 23, 19, 8, 7, 16, 11, 14, 18, 14, 34, 6, 30, 11, 1, 11, 4, 32, 23, 45, 115, 37}
}

func ranks(t *testing.T, x, y []float64, confidence float64) evidence.Ranks {
	t.Helper()
	r, err := evidence.MannWhitney(x, y, confidence)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestTheRankTestIsThatOfR(t *testing.T) {
	x, y := hollander()
	r := ranks(t, x, y, .95)
	digits(t, "Hollander and Wolfe: W", r.W, 35, 0)
	digits(t, "p", r.P, 0.244623605127, 1e-12)
	digits(t, "shift", r.Shift, 0.302508, 1e-6)
	digits(t, "95% from", r.Low, -0.150015, 1e-6)
	digits(t, "95% to", r.High, 0.759943, 1e-6)
	digits(t, "A12", r.A12, 0.70, 1e-12)
	r = ranks(t, x, y, .98)
	digits(t, "98% from", r.Low, -0.319997, 1e-6)
	digits(t, "98% to", r.High, 0.989946, 1e-6)

	x, y = ozone()
	r = ranks(t, x, y, .95)
	digits(t, "airquality: W", r.W, 548.5, 0)
	digits(t, "p", r.P, 0.000120807830769, 1e-15)
	digits(t, "shift", r.Shift, 31.99996, 1e-5)
	digits(t, "95% from", r.Low, 15, 1e-4)
	digits(t, "95% to", r.High, 53, 1e-4)
	digits(t, "A12", r.A12, 0.811390532544, 1e-12)
	r = ranks(t, x, y, .98)
	digits(t, "98% from", r.Low, 12, 1e-4)
	digits(t, "98% to", r.High, 55, 1e-4)

	r = ranks(t, []float64{19, 22, 16, 29, 24}, []float64{20, 11, 17, 12}, .95)
	digits(t, "males and females: W", r.W, 17, 0)
	digits(t, "p", r.P, 0.11134688653314041, 1e-15)
	digits(t, "A12", r.A12, 0.85, 1e-12)
}

func TestWhatCannotBeRankedIsSaid(t *testing.T) {
	for name, tt := range map[string]struct{ x, y []float64 }{
		"empty":         {nil, []float64{1}},
		"NaN":           {[]float64{1, math.NaN()}, []float64{1}},
		"infinite":      {[]float64{1}, []float64{math.Inf(1), 2}},
		"all one value": {[]float64{1, 1}, []float64{1}},
	} {
		if _, err := evidence.MannWhitney(tt.x, tt.y, .98); !errors.Is(err, evidence.ErrSamples) {
			t.Errorf("%s gives %v", name, err)
		}
	}
}

func TestTheRankTestIsSymmetric(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sample := rapid.SliceOfN(rapid.Map(rapid.IntRange(-20, 20), func(i int) float64 { return float64(i) }), 2, 30)
		x, y := sample.Draw(t, "x"), sample.Draw(t, "y")
		there, err := evidence.MannWhitney(x, y, .98)
		if err != nil {
			return
		}
		back, err := evidence.MannWhitney(y, x, .98)
		if err != nil {
			t.Fatal(err)
		}
		if math.Abs(there.P-back.P) > 1e-9 || math.Abs(there.A12+back.A12-1) > 1e-9 {
			t.Fatalf("%+v and %+v", there, back)
		}
		if there.Low > there.Shift+1e-3 || there.High < there.Shift-1e-3 || math.IsNaN(there.Shift) {
			t.Fatalf("the interval does not hold the shift: %+v", there)
		}
	})
}

func baseline() []float64 {
	return []float64{100, 102, 98, 101, 99, 103, 97, 100, 104, 96, 101, 99}
}

// shifted is the baseline, higher by an amount, with a little noise that breaks every tie.
func shifted(by float64) []float64 {
	var values []float64
	for i, v := range baseline() {
		values = append(values, v+by+float64(i%5-2)*.03)
	}
	return values
}

func TestKayentaClassesGauges(t *testing.T) {
	for by, want := range map[float64]evidence.Class{10: evidence.ClassHigh, 2: evidence.ClassPass, -10: evidence.ClassLow, 0: evidence.ClassPass} {
		if got := (evidence.Kayenta{}).Judge(baseline(), shifted(by)); got.Class != want {
			t.Errorf("shifted by %g it is %s: %s", by, got.Class, got.Reason)
		}
	}
	f := evidence.Kayenta{}.Judge(baseline(), shifted(10))
	digits(t, "W", f.Ranks.W, 144, 0)
	digits(t, "p", f.Ranks.P, 3.61582783e-05, 5e-14)
	for name, tt := range map[string]struct {
		judge evidence.Kayenta
		by    float64
	}{
		"an increase where only a decrease is bad": {evidence.Kayenta{Direction: evidence.Decrease}, 10},
		"a decrease where only an increase is bad": {evidence.Kayenta{Direction: evidence.Increase}, -10},
		"an increase that is allowed":              {evidence.Kayenta{AllowedIncrease: 1.2}, 10},
		"a decrease that is allowed":               {evidence.Kayenta{AllowedDecrease: 0.8}, -10},
	} {
		if got := tt.judge.Judge(baseline(), shifted(tt.by)); got.Class != evidence.ClassPass {
			t.Errorf("%s is %s", name, got.Class)
		}
	}
}

func TestKayentaPassesSevenOfTenPointsAtAHundredTimesTheBaselineAndCountsDoNot(t *testing.T) {
	before := []float64{1, 1, 1, 1, 1, 1, 1, 1, 1, 1}
	after := []float64{1, 1, 1, 100, 100, 100, 100, 100, 100, 100}
	f := evidence.Kayenta{}.Judge(before, after)
	digits(t, "W", f.Ranks.W, 85, 0)
	digits(t, "p", f.Ranks.P, .00161677, 5e-9)
	digits(t, "98% from", f.Ranks.Low, 6.8e-5, 1e-6)
	digits(t, "98% to", f.Ranks.High, 99, 1e-4)
	digits(t, "shift", f.Ranks.Shift, 98.99993, 5e-6)
	digits(t, "effect", f.Effect, 70.3, 1e-9)
	if f.Class != evidence.ClassPass {
		t.Errorf("Kayenta's judge says %s", f.Class)
	}
	test := evidence.BeforeAfter{Before: evidence.Counts{Bad: 10, Total: 6000}, Tolerance: .25, Alpha: .05}
	var m evidence.Mixture
	for _, v := range after {
		m = test.Harm().Add(m, v, 600-v)
	}
	if m.LogE() < evidence.Bar(test.Alpha/2) {
		t.Errorf("counts do not see it: log E is %g", m.LogE())
	}
}

func TestNaNInAGaugeCountsAsTheStrategySays(t *testing.T) {
	holed := append(shifted(0), math.NaN(), math.NaN(), math.Inf(1))
	if got := (evidence.Kayenta{}).Judge(holed, shifted(0)); got.Class != evidence.ClassPass || got.Reason != "both are the same" {
		t.Errorf("removed, it is %s: %s", got.Class, got.Reason)
	}
	all := []float64{math.NaN(), math.NaN()}
	if got := (evidence.Kayenta{}).Judge(all, baseline()); got.Class != evidence.ClassNodata {
		t.Errorf("nothing but NaN is %s", got.Class)
	}
	if got := (evidence.Kayenta{NaN: evidence.Replace}).Judge([]float64{0, 0}, all); got.Class != evidence.ClassPass {
		t.Errorf("replaced by zero, it is %s", got.Class)
	}
	if got := (evidence.Kayenta{MinPoints: 13}).Judge(baseline(), shifted(10)); got.Class != evidence.ClassNodata {
		t.Errorf("12 points of 13 are %s", got.Class)
	}
}

func TestAnIncreaseFromZeroIsHigh(t *testing.T) {
	zero := make([]float64, 12)
	if got := (evidence.Kayenta{}).Judge(zero, shifted(0)); got.Class != evidence.ClassHigh {
		t.Errorf("it is %s: %s", got.Class, got.Reason)
	}
}
