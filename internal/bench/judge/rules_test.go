package main

import (
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/stat/distuv"
	"pgregory.net/rapid"

	"github.com/cinegit/guardian/internal/health/evidence"
)

func binomial(random *rand.Rand, windows int, n, ratio float64) []evidence.Counts {
	all := make([]evidence.Counts, windows)
	for i := range all {
		all[i] = evidence.Counts{Bad: distuv.Binomial{N: n, P: ratio, Src: random}.Rand(), Total: n}
	}
	return all
}

// about holds a share of runs to a reference within three standard errors of both simulations.
func about(t *testing.T, what string, fired, runs int, want float64) {
	t.Helper()
	got := float64(fired) / float64(runs)
	if math.Abs(got-want) > 3*math.Sqrt(want*(1-want)*(1/float64(runs)+1/2000.)) {
		t.Errorf("%s: %.1f%%, want %.1f%%", what, 100*got, 100*want)
	}
}

// One check fails 6.5% of the time by the exact binomial; one of thirty then 86.8%.
func TestALineAtOnePercentFailsNearlyEveryHealthyBakeAtFiveRequestsASecond(t *testing.T) {
	const runs = 2000
	random, fired := rand.New(rand.NewPCG(1, 1)), 0
	for range runs {
		b := bake{before: binomial(random, looks, 75, base), after: binomial(random, looks, 75, base)}
		if (threshold{line: .01, every: 4}).judge(b) > 0 {
			fired++
		}
	}
	about(t, "one of thirty checks", fired, runs, .868)
}

func TestALineFailsAtTheFailureBeyondItsLimit(t *testing.T) {
	good, bad := evidence.Counts{Total: 100}, evidence.Counts{Bad: 50, Total: 100}
	b := bake{
		before: []evidence.Counts{good, good, good, good},
		after:  []evidence.Counts{good, bad, good, good, good, good, bad, bad},
	}
	for limit, want := range []int{2, 3, 4, 5, 7, 8, 0} {
		if got := (threshold{line: .01, limit: limit, every: 1}).judge(b); got != want {
			t.Errorf("failureLimit %d fails at look %d, want %d", limit, got, want)
		}
	}
}

func TestTheFirstMinuteOfALineHoldsWhatWasBefore(t *testing.T) {
	was, is := evidence.Counts{Total: 100}, evidence.Counts{Bad: 3, Total: 100}
	b := bake{before: []evidence.Counts{was, was, was, was}, after: []evidence.Counts{is, is, is, is}}
	if got := (threshold{line: .01, every: 1}).judge(b); got != 2 { // 3 of 400 are not above 1%, 6 of 400 are
		t.Errorf("it fails at look %d", got)
	}
}

func TestARepeatedZTestCallsAThirdOfHealthyReleasesBad(t *testing.T) {
	const runs = 2000
	random, fired := rand.New(rand.NewPCG(2, 1)), 0
	for range runs {
		candidate, old := binomial(random, looks, 375, base), binomial(random, looks, 375, base)
		if (ztest{z: 1.6448536269514722}).against(candidate, func(n int) evidence.Counts { return sum(old[:n]) }) > 0 {
			fired++
		}
	}
	about(t, "repeated z-test", fired, runs, .32)
}

func TestAZTestOfAFixedSampleIsRightOnceInTwenty(t *testing.T) {
	const runs = 2000
	random, fired := rand.New(rand.NewPCG(3, 1)), 0
	for range runs {
		b := bake{before: binomial(random, looks, 750, base), after: []evidence.Counts{sum(binomial(random, looks, 750, base))}}
		if (ztest{z: 1.6448536269514722}).judge(b) > 0 {
			fired++
		}
	}
	about(t, "z-test done once", fired, runs, .05)
}

func TestKayentaPassesSevenOfTenPointsAtAHundredTimesTheBaseline(t *testing.T) {
	var b bake
	for i := range 10 {
		b.before = append(b.before, evidence.Counts{Bad: 1, Total: 1000})
		bad := 1.0
		if i >= 3 {
			bad = 100
		}
		b.after = append(b.after, evidence.Counts{Bad: bad, Total: 1000})
	}
	if got := (kayenta{}).judge(b); got != 0 {
		t.Errorf("it is called bad at look %d", got)
	}
	for i := range b.after {
		b.after[i].Bad = 100
	}
	if got := (kayenta{}).judge(b); got == 0 {
		t.Error("ten of ten are not called bad")
	}
}

// What the quick statistic spares is never what the whole judge would have called high.
func TestTheQuickRankStatisticMissesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		point := rapid.Map(rapid.IntRange(0, 12), func(i int) float64 { return float64(i) / 100 })
		baseline := rapid.SliceOfN(point, 20, 40).Draw(t, "baseline") // with fewer the test is out of its depth
		candidate := rapid.SliceOfN(point, 1, 25).Draw(t, "candidate")
		b := bake{before: counts(baseline), after: counts(candidate)}
		want := 0
		for i := range candidate {
			f := evidence.Kayenta{Direction: evidence.Increase}.Judge(ratios(b.before), ratios(b.after)[:i+1])
			if f.Class == evidence.ClassHigh {
				want = i + 1
				break
			}
		}
		if got := (kayenta{}).judge(b); got != want {
			t.Fatalf("look %d, want %d", got, want)
		}
	})
}

func counts(ratios []float64) []evidence.Counts {
	all := make([]evidence.Counts, len(ratios))
	for i, r := range ratios {
		all[i] = evidence.Counts{Bad: r * 1000, Total: 1000}
	}
	return all
}

// even is a bake of even traffic, all good before the change.
func even(badAfter float64) bake {
	fill := func(n int, total, bad float64) []evidence.Counts {
		all := make([]evidence.Counts, n)
		for i := range all {
			all[i] = evidence.Counts{Bad: bad * total, Total: total}
		}
		return all
	}
	return bake{history: fill(330, 600, 0), before: fill(looks, 150, 0), after: fill(looks, 150, badAfter)}
}

// The workbook: at 99.9%, the alert on a burn rate of 14.4 takes 14.4 x 0.1% of an hour when
// everything fails, and one on 6 takes 6 x 0.1% of six hours.
func TestBurnRateAlertsFireWhenTheWorkbookSays(t *testing.T) {
	for ratio, seconds := range map[float64]float64{
		1:    51.84, // by the hour
		.5:   103.68,
		.04:  1296,       // still by the hour
		.014: math.NaN(), // below 14.4 budgets; by six hours it would take 9257s
	} {
		want := 0
		if !math.IsNaN(seconds) {
			want = int(math.Floor(seconds/look)) + 1
		}
		if got := (burnRate{budget: .001}).judge(even(ratio)); got != want {
			t.Errorf("%g: at look %d, want %d", ratio, got, want)
		}
	}
	b := even(0)
	for i := range b.history {
		b.history[i].Bad = .0061 * b.history[i].Total
	}
	for i := range b.before {
		b.before[i].Bad, b.after[i].Bad = .0061*b.before[i].Total, .0061*b.after[i].Total
	}
	if got := (burnRate{budget: .001}).judge(b); got != 1 {
		t.Errorf("six hours at 6.1 budgets fire at look %d", got)
	}
}
