package evidence_test

import (
	"math"
	"testing"

	"github.com/cinegit/guardian/internal/health/evidence"
)

// The numbers were computed independently with R and numpy; they are held to their printed digits.

func digits(t *testing.T, what string, got, want, digit float64) {
	t.Helper()
	if math.IsNaN(got) || math.Abs(got-want) > digit {
		t.Errorf("%s is %.12g, want %.12g", what, got, want)
	}
}

func TestSideBySideEvidenceIsThatOfTheReference(t *testing.T) {
	for _, tt := range []struct {
		tolerance float64
		windows   [][3]float64 // bad, of the baseline, share
		want      []float64
	}{
		{0, [][3]float64{{10, 10, .5}}, []float64{-1.9680760504}},
		{0, [][3]float64{{20, 5, .5}}, []float64{3.6939747214}},
		{.25, [][3]float64{{20, 5, .5}}, []float64{2.2312802860}},
		{.25, [][3]float64{{12, 30, .1}}, []float64{2.5656606959}},
		{.25, [][3]float64{{3, 1, .5}, {4, 0, .5}, {5, 2, .4}},
			[]float64{-0.0962358530, 1.5172776832, 1.9618474663}},
		{.25, [][3]float64{{0, 40, .5}}, []float64{-4.9785026545}},
	} {
		var m evidence.Mixture
		for i, w := range tt.windows {
			m = evidence.SideBySide{Tolerance: tt.tolerance}.Harm(w[2]).Add(m, w[0], w[1])
			digits(t, "log E", m.LogE(), tt.want[i], 1e-10)
		}
	}
}

func TestBeforeAfterEvidenceIsThatOfTheReference(t *testing.T) {
	test := evidence.BeforeAfter{Before: evidence.Counts{Bad: 450, Total: 90_000}, Tolerance: .25, SafeWorse: .5, Alpha: .05}
	digits(t, "upper bound", evidence.Upper(450, 90_000, .025), 0.0054826958, 5e-11)
	digits(t, "limit", test.Limit(), 0.0068533697, 5e-11)
	bar := evidence.Bar(test.Alpha / 2)
	digits(t, "bar", bar, 3.688879, 5e-7)

	bad := []float64{3, 4, 20, 22} // of 750 each
	var m evidence.Mixture
	for i, want := range []float64{-2.84745945, -3.33573126, 1.48970448, 11.87901326} {
		m = test.Harm().Add(m, bad[i], 750-bad[i])
		digits(t, "harm", m.LogE(), want, 1e-8)
		if fires := m.LogE() >= bar; fires != (i == 3) {
			t.Errorf("window %d fires: %t", i+1, fires)
		}
	}
	m = evidence.Mixture{}
	for range 8 {
		m = test.Harm().Add(m, 15, 2985)
	}
	digits(t, "harm of eight quiet windows", m.LogE(), -9.14615774, 1e-8)
}

// The reference for the other direction is arithmetic only: on the limit of harm, by which a
// pass must never be decided. A baseline whose safe limit is that very number gives it.
func TestBeforeAfterEvidenceOfSafetyIsThatOfTheReference(t *testing.T) {
	test := evidence.BeforeAfter{Before: evidence.Counts{Bad: 450, Total: 90_000}, Tolerance: .25, Alpha: .05}
	test.SafeWorse = test.Limit()/evidence.Lower(450, 90_000, .025) - 1
	bad := []float64{3, 4, 20, 22} // of 750 each
	var m evidence.Mixture
	for i, want := range []float64{-0.5795518, -0.96864287, -4.76736484, -6.79380271} {
		m = test.Safe().Add(m, bad[i], 750-bad[i])
		digits(t, "safe", m.LogE(), want, 1e-7)
	}
	m = evidence.Mixture{}
	for i := range 8 {
		m = test.Safe().Add(m, 15, 2985)
		if passes := m.LogE() >= evidence.Bar(test.Alpha/2); passes != (i == 7) {
			t.Errorf("window %d passes: %t", i+1, passes)
		}
	}
	digits(t, "safe after eight quiet windows", m.LogE(), 3.85779688, 1e-8)
}
