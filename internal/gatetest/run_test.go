package gatetest_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cinegit/guardian/internal/gatetest"
)

// Of gates.md 4.6, before and after, tolerance 25%, 0.5% errors. There one window may decide by
// itself, and here it takes two at least, so that a few looks more are borne, and chance; evidence that
// got stronger since may be twice as fast.
func TestRegressionsAreSeenWhenTheMeasuredTablesSayTheyAre(t *testing.T) {
	type seen struct{ factor, median, chance float64 }
	for name, c := range map[string]struct {
		rps  float64
		want []seen
	}{
		"50 requests a second": {50, []seen{{2, 195, 60}, {3, 45, 15}, {5, 15, 0}}},
		"5 requests a second":  {5, []seen{{3, 465, 150}, {5, 90, 45}, {10, 30, 15}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := tested(t, served(t, history, steady(c.rps, 0.005)), errorsGate(t, "tolerance: 25%"), nil)
			if r.State != gatetest.Tells || r.Bakes < 30 || r.NoData > 0 {
				t.Errorf("%s: %d bakes, %d without data", r.State, r.Bakes, r.NoData)
			}
			for _, w := range c.want {
				d := of(t, r, w.factor)
				median := d.Median.D().Seconds()
				if median < w.median/2-w.chance || median > w.median+w.chance+3*scrape.Seconds() || d.Rate() < 0.9 {
					t.Errorf("%vx is seen after %s in %v of the bakes, want %vs", w.factor, d.Median, d.Rate(), w.median)
				}
			}
			if float64(r.Quiet.Alarms) > r.Quiet.Allowed*float64(r.Bakes) {
				t.Errorf("%d of %d quiet bakes would have been reverted", r.Quiet.Alarms, r.Bakes)
			}
		})
	}
}

func TestThinTrafficNamesTheBakeItTakes(t *testing.T) {
	t.Parallel()
	const long = 2 * history
	s := served(t, long, steady(0.2, 0.01))
	p := errorsGate(t, "tolerance: 25%\n    baseline: {before: 2h}")
	r := tested(t, s, p, func(o *gatetest.Options) { o.Over = long })
	if r.State != gatetest.Weak || len(r.Needs) != 2 || r.Needs[1].Factor != 5 || r.Needs[1].Bake.D() <= 15*time.Minute {
		t.Fatalf("%s, needs %+v", r.State, r.Needs)
	}
	wantWarning(t, r, "5x is seen in")
	wantWarning(t, r, "where 90% are wanted: ")
	need := r.Needs[1].Bake.D()
	longer := tested(t, s, p, func(o *gatetest.Options) { o.Over, o.Bake = long, need })
	if rate := of(t, longer, 5).Rate(); rate < 0.7 { // 90%, of few bakes
		t.Errorf("in the %s that it was said to take, %v of 5x are seen", need, rate)
	}
}

func TestTooSmallABaselineIsToldFromTooShortABake(t *testing.T) {
	t.Parallel()
	r := tested(t, served(t, history, steady(0.1, 0.005)), errorsGate(t, "tolerance: 25%\n    minSampleCount: 1\n    interval: 1m"), nil)
	if r.State == gatetest.Tells || len(r.Needs) == 0 || r.Needs[0].Bake != 0 {
		t.Fatalf("%s, needs %+v", r.State, r.Needs)
	}
	if !strings.Contains(r.Needs[0].Words, "lengthen baseline.before") {
		t.Errorf("needs %+v", r.Needs)
	}
}

func TestWithoutAnyErrorMinStandsForTheUsual(t *testing.T) {
	t.Parallel()
	r := tested(t, served(t, history, steady(50, 0)), errorsGate(t, "tolerance: 25%"), nil)
	if r.State != gatetest.Tells || of(t, r, 5).Level != 0.005 || r.Quiet.Alarms != 0 {
		t.Errorf("%s, 5x is %+v", r.State, of(t, r, 5))
	}
	wantWarning(t, r, "nothing was bad in all this traffic: 2x means twice min 0.1% here")
}

func TestAUsualBelowMinIsNotMultipliedBelowWhatTheGateCallsWell(t *testing.T) {
	t.Parallel()
	r := tested(t, served(t, history, steady(50, 0.0001)), errorsGate(t, "tolerance: 25%"), nil)
	if level := of(t, r, 3).Level; level != 0.003 || r.State != gatetest.Tells {
		t.Errorf("%s: 3x comes to %v", r.State, level)
	}
	wantWarning(t, r, "is below min 0.1%, which is well whatever was before")
}

func TestAMaximumFarAboveTheUsualCannotFail(t *testing.T) {
	t.Parallel()
	r := tested(t, served(t, history, steady(50, 0.001)), errorsGate(t, "max: 5%"), nil)
	if r.State != gatetest.CannotFail || of(t, r, 10).Seen != 0 || !strings.HasPrefix(r.Summary, "cannot fail; a 10x regression is seen in 0 of ") {
		t.Errorf("%s: %s", r.State, r.Summary)
	}
	wantWarning(t, r, ", and max 5% bears that: set max lower, or a tolerance")
}

func TestAMaximumWithinReachFailsAtTheLookAfterTheLimit(t *testing.T) {
	t.Parallel()
	r := tested(t, served(t, history, steady(50, 0.01)), errorsGate(t, "max: 4%"), nil)
	if d := of(t, r, 10); d.Median.D() != 3*scrape || d.P95 != d.Median || r.State != gatetest.Tells { // failureLimit 2 bears two
		t.Errorf("%s, 10x: %+v", r.State, d)
	}
	if d := of(t, r, 3); d.Seen > d.Bakes/4 || of(t, r, 5).Rate() < 1 {
		t.Errorf("3x: %+v, 5x: %+v", d, of(t, r, 5))
	}
}

func TestBurstsOfErrorsAreToldAsFalseAlarms(t *testing.T) {
	t.Parallel()
	bursts := func(at time.Time) load {
		if at.Unix()/60%60 < 3 { // three minutes of every hour
			return load{50, 0.04}
		}
		return load{50, 0.005}
	}
	r := tested(t, served(t, history, bursts), errorsGate(t, "tolerance: 25%"), nil)
	if r.State != gatetest.Alarms || r.Quiet.Alarms < 5 || len(r.Quiet.Examples) != 3 {
		t.Fatalf("%s: %+v", r.State, r.Quiet)
	}
	wantWarning(t, r, "quiet bakes would have been reverted, more than the 5% allowed; look at them")
	if last := r.Quiet.Examples[0]; last.Reason == "" || last.After <= 0 || last.At.Before(r.Quiet.Examples[1].At) {
		t.Errorf("examples %+v", r.Quiet.Examples)
	}
}

func TestKnownIncidentsAreLeftOut(t *testing.T) {
	t.Parallel()
	outage := gatetest.Span{From: until().Add(-5 * time.Hour), To: until().Add(-4 * time.Hour)}
	broken := func(at time.Time) load {
		if at.After(outage.From) && at.Before(outage.To) {
			return load{50, 0.5}
		}
		return load{50, 0.005}
	}
	s := served(t, history, broken)
	r := tested(t, s, errorsGate(t, "tolerance: 25%\n    interval: 1m"), nil)
	if r.Quiet.Alarms == 0 {
		t.Fatal("the outage was not seen")
	}
	r = tested(t, s, errorsGate(t, "tolerance: 25%\n    interval: 1m"), func(o *gatetest.Options) { o.Incidents = []gatetest.Span{outage} })
	if r.Quiet.Alarms != 0 || r.Excluded != 6 { // the outage, a baseline before it, a bake after it
		t.Errorf("%d excluded, alarms %+v", r.Excluded, r.Quiet)
	}
}

func TestAServiceThatMostlySleepsHasNoData(t *testing.T) {
	t.Parallel()
	nightly := func(at time.Time) load {
		if at.Before(until().Add(-history + 2*time.Hour)) {
			return load{20, 0.005}
		}
		return load{}
	}
	r := tested(t, served(t, history, nightly), errorsGate(t, "tolerance: 25%\n    interval: 1m"), nil)
	if r.State != gatetest.NoData || r.NoData < 20 {
		t.Errorf("%s, %d of %d without data", r.State, r.NoData, r.Bakes)
	}
	wantWarning(t, r, "bakes cannot be judged: there were 0 events, fewer than minSampleCount 30")
}

func TestGatesAreTestedAtTheAlphaTheyShare(t *testing.T) {
	t.Parallel()
	both := "  errors:" + counting + "tolerance: 25%\n  slow:" + counting + "tolerance: 25%\n    dryRun: true\n  other:" + counting + "tolerance: 50%\n"
	p := withGates(t, "errors, slow, other", both)
	last, back := 0, false
	o := gatetest.Options{Service: "review", Stage: "prod", Until: until(), Over: 2 * time.Hour, Bake: 15 * time.Minute}
	o.Progress = func(done, all int) { back, last = back || done < last || done > all, done*300/all }
	report, err := gatetest.Run(t.Context(), served(t, 2*time.Hour, steady(50, 0.005)), p, o)
	if err != nil {
		t.Fatal(err)
	}
	if len(report.Gates) != 3 || report.Gates[0].Quiet.Allowed != 0.025 {
		t.Fatalf("%+v", report.Gates)
	}
	if back || last != 300 {
		t.Errorf("progress ended at %d, and went back: %v", last, back)
	}
	slow := report.Gates[1]
	if !slow.DryRun || slow.State != gatetest.Tells {
		t.Errorf("a gate in dry run: %+v", slow)
	}
	wantWarning(t, slow, "dryRun: the gate never decides; it is tested as if it did")
	wantWarning(t, slow, "only 6 bakes fit into the traffic")
}

func TestBlindAreTheGatesThatDecideAndCannotTell(t *testing.T) {
	good := gatetest.Result{Gate: "good", State: gatetest.Tells}
	bad := gatetest.Result{Gate: "bad", State: gatetest.CannotFail}
	dry := gatetest.Result{Gate: "dry", State: gatetest.CannotFail, DryRun: true}
	for name, c := range map[string]struct {
		gates []gatetest.Result
		want  []gatetest.Result
	}{
		"all tell":     {[]gatetest.Result{good, dry}, nil},
		"one cannot":   {[]gatetest.Result{good, bad, dry}, []gatetest.Result{bad}},
		"none decides": {[]gatetest.Result{dry}, []gatetest.Result{dry}},
	} {
		if diff := cmp.Diff(c.want, gatetest.Report{Gates: c.gates}.Blind()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestQueriesThatDoNotCountWhatIsNewAreToldOf(t *testing.T) {
	t.Parallel()
	s := served(t, 3*time.Hour, steady(50, 0.01))
	for name, c := range map[string]struct{ gate, want string }{
		"no $window": {`
    bad: sum(increase(http_requests_total{code=~"5.."}[5m]))
    total: sum(increase(http_requests_total[5m]))
    max: 5%`, "bad has no $window: it does not count what is new since the last look"},
		"a fixed range": {`
    bad: sum(increase(http_requests_total{code=~"5.."}[5m]))
    total: sum(increase(http_requests_total[5m]))
    max: 5%`, "the queries look back 5m whatever $window is: nothing fails before that is over"},
		"a rate": {`
    bad: sum(rate(http_requests_total{code=~"5.."}[$window])) * 60
    total: sum(rate(http_requests_total[$window])) * 60
    tolerance: 25%`, "does not add up from one window to the next, so that evidence comes every 1m only"},
	} {
		r := tested(t, s, withGates(t, "errors", "  errors:"+c.gate+"\n"), nil)
		if !slices.ContainsFunc(r.Warnings, func(w string) bool { return strings.Contains(w, c.want) }) {
			t.Errorf("%s: %q", name, r.Warnings)
		}
	}
}

func TestACanaryIsComparedWithWhatRunsBesideIt(t *testing.T) {
	t.Parallel()
	gate := `  errors:
    bad: sum(increase(http_requests_total{code=~"5.."}[$window])) / 2
    total: sum(increase(http_requests_total[$window])) / 2
    baseline:
      bad: sum(increase(http_requests_total{code=~"5.."}[$window])) / 2
      total: sum(increase(http_requests_total[$window])) / 2
    tolerance: 25%
    min: 0%
`
	r := tested(t, served(t, history, steady(50, 0.005)), withGates(t, "errors", gate), nil)
	if r.State != gatetest.Tells || r.Quiet.Alarms > 0 || of(t, r, 5).Median.D() > 2*time.Minute {
		t.Errorf("%s, 5x: %+v", r.State, of(t, r, 5))
	}
}

func TestTwoRunsSayTheSameAndAnotherSeedOtherwise(t *testing.T) {
	t.Parallel()
	s := served(t, 4*time.Hour, steady(20, 0.005))
	run := func(seed uint64) string {
		raw, err := json.Marshal(tested(t, s, errorsGate(t, "tolerance: 25%\n    interval: 30s"), func(o *gatetest.Options) { o.Seed = seed }))
		if err != nil {
			t.Fatal(err)
		}
		return string(raw)
	}
	first := run(1)
	if diff := cmp.Diff(first, run(1)); diff != "" {
		t.Errorf("the second run differs:\n%s", diff)
	}
	if first == run(2) {
		t.Error("another seed says the very same")
	}
}

func wantWarning(t *testing.T, r gatetest.Result, part string) {
	t.Helper()
	if !slices.ContainsFunc(r.Warnings, func(w string) bool { return strings.Contains(w, part) }) {
		t.Errorf("no warning has %q: %q", part, r.Warnings)
	}
}
