package evidence_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"gonum.org/v1/gonum/stat/distuv"

	"github.com/cinegit/guardian/internal/health/evidence"
)

// Bakes are simulated with a fixed seed: looks of 15s, errors at half a percent before the
// change, as the references were. Every rate is held to its bound with three standard errors of
// the simulation itself, and every time to the reference with what the sampling leaves open.

const (
	look     = 15.0  // seconds
	healthy  = 0.005 // ratio of bad events before
	halfHour = 120   // looks
)

// bakes runs many bakes, each until it fires or its looks are over, and gives the share that
// fired with the seconds that those took, sorted.
func bakes(runs, looks int, seed uint64, begin func(*rand.Rand) func() bool) (share float64, seconds []float64) {
	random := rand.New(rand.NewPCG(seed, 1))
	for range runs {
		fires := begin(random)
		for i := range looks {
			if fires() {
				seconds = append(seconds, float64(i+1)*look)
				break
			}
		}
	}
	slices.Sort(seconds)
	return float64(len(seconds)) / float64(runs), seconds
}

func draw(random *rand.Rand, n, ratio float64) float64 {
	return distuv.Binomial{N: n, P: ratio, Src: random}.Rand()
}

// beforeAfter is a bake without a canary: half an hour of baseline, then windows at worse times
// its true ratio.
type beforeAfter struct {
	rps, worse, tolerance, safe, most float64
}

func (b beforeAfter) harm(random *rand.Rand) func() bool {
	test := b.test(random)
	return b.until(random, test.Harm(), evidence.Bar(test.Alpha/2))
}

func (b beforeAfter) pass(random *rand.Rand) func() bool {
	test := b.test(random)
	return b.until(random, test.Safe(), evidence.Bar(test.Alpha/2))
}

func (b beforeAfter) test(random *rand.Rand) evidence.BeforeAfter {
	before := math.Round(b.rps * 1800)
	return evidence.BeforeAfter{
		Before:    evidence.Counts{Bad: draw(random, before, healthy), Total: before},
		Tolerance: b.tolerance, SafeWorse: b.safe, Alpha: .05, Most: b.most,
	}
}

func (b beforeAfter) until(random *rand.Rand, process evidence.Process, bar float64) func() bool {
	var m evidence.Mixture
	n := math.Round(b.rps * look)
	return func() bool {
		bad := draw(random, n, min(1, healthy*b.worse))
		m = process.Add(m, bad, n-bad)
		return m.Reaches(bar)
	}
}

// sideBySide is a bake of a canary beside its baseline.
type sideBySide struct {
	rps, worse, tolerance, share float64
}

func (s sideBySide) harm(random *rand.Rand) func() bool {
	var m evidence.Mixture
	process := evidence.SideBySide{Tolerance: s.tolerance}.Harm(s.share)
	n := s.rps * look
	return func() bool {
		bad := draw(random, math.Round(n*s.share), min(1, healthy*s.worse))
		m = process.Add(m, bad, draw(random, math.Round(n*(1-s.share)), healthy))
		return m.Reaches(evidence.Bar(.05))
	}
}

func atMost(t *testing.T, what string, share, bound float64, runs int) {
	t.Helper()
	if share > bound+3*math.Sqrt(bound*(1-bound)/float64(runs)) {
		t.Errorf("%s: %.2f%%, above %.2f%%", what, 100*share, 100*bound)
	}
}

// sameTime holds the quantile of the times to detect to the reference: within one look, or by what
// both simulations leave open, which is more at the far end.
func sameTime(t *testing.T, what string, share float64, seconds []float64, quantile, want float64) {
	t.Helper()
	if share < quantile {
		t.Errorf("%s: only %.1f%% fire", what, 100*share)
		return
	}
	got := seconds[int(quantile*float64(len(seconds)-1))]
	if math.Abs(got-want) > max(look, want*(.1+.05*max(0, quantile-.5)/.45)) {
		t.Errorf("%s: quantile %g is %gs, want %gs", what, quantile, got, want)
	}
}

func TestAHealthyReleaseIsCalledBadNoMoreOftenThanAlpha(t *testing.T) {
	for name, tt := range map[string]struct {
		runs  int
		begin func(*rand.Rand) func() bool
	}{
		"side by side, no tolerance":           {4000, sideBySide{rps: 50, worse: 1, share: .5}.harm},
		"before and after, no tolerance":       {4000, beforeAfter{rps: 50, worse: 1}.harm},
		"side by side, 25% tolerated":          {1000, sideBySide{rps: 50, worse: 1, tolerance: .25, share: .5}.harm},
		"side by side, exactly what is borne":  {1000, sideBySide{rps: 50, worse: 1.25, tolerance: .25, share: .5}.harm},
		"side by side, a canary of 10%":        {1000, sideBySide{rps: 200, worse: 1, share: .1}.harm},
		"before and after, 25% tolerated":      {1000, beforeAfter{rps: 50, worse: 1, tolerance: .25}.harm},
		"before and after, thin traffic":       {1000, beforeAfter{rps: 1, worse: 1}.harm},
		"before and after, no baseline errors": {1000, beforeAfter{rps: 1.0 / 15, worse: 1}.harm},
		"before and after, a drift of 15%":     {1000, beforeAfter{rps: 50, worse: 1.15, tolerance: .25}.harm},
		"before and after, windows cut":        {1000, beforeAfter{rps: 50, worse: 1, most: 2}.harm},
		"before and after, what is just borne": {1000, beforeAfter{rps: 50, worse: 1.25, tolerance: .25}.harm},
	} {
		share, _ := bakes(tt.runs, halfHour, 1, tt.begin)
		atMost(t, name, share, .05, tt.runs)
	}
}

func TestLookingForSixHoursCallsNoMoreHealthyReleasesBad(t *testing.T) {
	const runs = 300
	share, _ := bakes(runs, 12*halfHour, 2, sideBySide{rps: 50, worse: 1, share: .5}.harm)
	atMost(t, "side by side", share, .05, runs)
	share, _ = bakes(runs, 12*halfHour, 2, beforeAfter{rps: 50, worse: 1}.harm)
	atMost(t, "before and after", share, .05, runs)
}

func TestBadReleasesAreSeenAsSoonAsTheReferenceSays(t *testing.T) {
	const runs = 1000
	type row struct {
		name        string
		begin       func(*rand.Rand) func() bool
		median, p95 float64
	}
	for _, tt := range []row{
		{"side by side, 2x", sideBySide{50, 2, 0, .5}.harm, 195, 525},
		{"side by side, 3x", sideBySide{50, 3, 0, .5}.harm, 60, 165},
		{"side by side, 5x", sideBySide{50, 5, 0, .5}.harm, 30, 60},
		{"side by side, 10x", sideBySide{50, 10, 0, .5}.harm, 15, 30},
		{"side by side, 5x at 5 rps", sideBySide{5, 5, 0, .5}.harm, 165, 525},
		{"side by side, 3x, a canary of 10%", sideBySide{200, 3, 0, .1}.harm, 45, 120},
		{"side by side, 25% tolerated, 2x", sideBySide{50, 2, .25, .5}.harm, 435, 1144},
		{"side by side, 25% tolerated, 3x", sideBySide{50, 3, .25, .5}.harm, 105, 270},
		{"side by side, 25% tolerated, 5x", sideBySide{50, 5, .25, .5}.harm, 30, 90},
		{"side by side, 25% tolerated, 10x", sideBySide{50, 10, .25, .5}.harm, 15, 30},
	} {
		share, seconds := bakes(runs, 2*halfHour, 3, tt.begin)
		sameTime(t, tt.name, share, seconds, .5, tt.median)
		sameTime(t, tt.name, share, seconds, .95, tt.p95)
	}
	for _, tt := range []row{
		{"before and after, 2x", beforeAfter{50, 2, .25, 0, 0}.harm, 195, 0},
		{"before and after, 3x", beforeAfter{50, 3, .25, 0, 0}.harm, 45, 0},
		{"before and after, 5x", beforeAfter{50, 5, .25, 0, 0}.harm, 15, 30},
		{"before and after, 3x at 5 rps", beforeAfter{5, 3, .25, 0, 0}.harm, 465, 0},
		{"before and after, 5x at 5 rps", beforeAfter{5, 5, .25, 0, 0}.harm, 90, 0},
		{"before and after, 10x at 5 rps", beforeAfter{5, 10, .25, 0, 0}.harm, 30, 0},
	} {
		share, seconds := bakes(runs, 2*halfHour, 4, tt.begin)
		sameTime(t, tt.name, share, seconds, .5, tt.median)
		if tt.p95 > 0 {
			sameTime(t, tt.name, share, seconds, .95, tt.p95)
		}
	}
}

func TestHealthyReleasesPassEarlyAndBadOnesDoNot(t *testing.T) {
	const runs = 1000
	for _, tt := range []struct {
		name           string
		rps, safe      float64
		share, seconds float64
	}{
		{"50 rps, safe at 50%", 50, .5, .986, 405},
		{"50 rps, safe at 25%", 50, .25, .339, 1035},
		{"200 rps, safe at 25%", 200, .25, .996, 390},
		{"5 rps, safe at 100%", 5, 1, .436, 810},
	} {
		share, seconds := bakes(runs, halfHour, 5, beforeAfter{tt.rps, 1, .25, tt.safe, 0}.pass)
		if math.Abs(share-tt.share) > 3*math.Sqrt(tt.share*(1-tt.share)/runs)+.01 {
			t.Errorf("%s: %.1f%% pass early, want %.1f%%", tt.name, 100*share, 100*tt.share)
		}
		sameTime(t, tt.name, 1, seconds, .5, tt.seconds)
		bad, _ := bakes(runs, halfHour, 6, beforeAfter{tt.rps, 1 + tt.safe, .25, tt.safe, 0}.pass)
		atMost(t, tt.name+", as bad as must not pass", bad, .05, runs)
	}
}
