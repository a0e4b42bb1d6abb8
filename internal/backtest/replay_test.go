package backtest_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cinegit/guardian/internal/backtest"
)

const hour = time.Hour

// day is a service that goes bad for half an hour with its release at 4h, and whose process
// restarts with every release.
func day(t *testing.T) backtest.Options {
	server := newServer()
	record(t, server, "review", 8*hour,
		load{from: begin, rps: 50, ratio: 0.005},
		load{from: at(2 * hour), rps: 50, ratio: 0.005, restart: true},
		load{from: at(4 * hour), rps: 50, ratio: 0.05, restart: true},
		load{from: at(4*hour + 30*time.Minute), rps: 50, ratio: 0.005, restart: true},
	)
	o := options(parsed(t, onePolicy), server, release("review", "v1", 2*hour), release("review", "v2", 4*hour), release("review", "v3", 6*hour))
	o.Incidents = []backtest.Incident{incident("review", 4*hour, 4*hour+30*time.Minute)}
	return o
}

func TestABadReleaseIsCaughtSoonAndHealthyOnesAreLeftAlone(t *testing.T) {
	r := run(t, day(t))
	verdicts := map[string]backtest.Verdict{}
	for _, one := range r.Results {
		verdicts[one.Release.Release] = one.Verdict
	}
	want := map[string]backtest.Verdict{"v1": backtest.Rightly, "v2": backtest.Caught, "v3": backtest.Rightly}
	if diff := cmp.Diff(want, verdicts); diff != "" {
		t.Errorf("verdicts (-want +got):\n%s", diff)
	}
	s := by(t, r, backtest.ByGate, "errors", backtest.AsInPolicy)
	if s.Judged != 3 || s.NoData != 0 || s.Reverted != 1 || *s.False != 0 || *s.Missed != 0 || *s.Bad != 1 {
		t.Errorf("the score is %+v", s)
	}
	if s.Detect == nil || s.Detect.Median < 30 || s.Detect.Median > 90 {
		t.Errorf("a tenfold rate of errors is told after %+v", s.Detect)
	}
	if r.Results[0].Release.Release != "v2" {
		t.Errorf("the first result is %s, not the worst", r.Results[0].Release.Release)
	}
	headline := r.Results[0].Headline
	if f := headline.Finding; f == nil || f.Gate != "errors" || f.Query == "" || f.Threshold == "" || f.Evidence == nil || !f.Evidence.Bad() {
		t.Errorf("what decided is %+v", f)
	}
}

func TestWithoutIncidentsNobodyKnowsWhatIsFalseOrMissed(t *testing.T) {
	o := day(t)
	o.Incidents = nil
	r := run(t, o)
	s := by(t, r, backtest.ByGate, "errors", backtest.AsInPolicy)
	if s.Reverted != 1 || s.False != nil || s.Missed != nil || s.Bad != nil || s.Detect != nil || r.Incidents != nil {
		t.Errorf("the score is %+v", s)
	}
	if got := of(t, r, "v2").Verdict; got != backtest.Revert {
		t.Errorf("the verdict is %q", got)
	}
	if got := of(t, r, "v3").Verdict; got != backtest.Left {
		t.Errorf("the verdict is %q", got)
	}
}

func TestAnIncidentThatNoReleaseExplainsMakesARevertFalse(t *testing.T) {
	o := day(t)
	o.Incidents = []backtest.Incident{incident("review", 4*hour-time.Minute, 5*hour), incident("review", 6*hour+10*time.Minute, 7*hour)}
	r := run(t, o)
	v2, v3 := of(t, r, "v2"), of(t, r, "v3")
	if v2.Verdict != backtest.False || len(v2.Earlier) != 1 || v2.Fault != nil {
		t.Errorf("an incident from before the release: %q, %+v", v2.Verdict, v2.Earlier)
	}
	if v3.Verdict != backtest.Missed || v3.Fault == nil {
		t.Errorf("an incident that the metrics do not show: %q", v3.Verdict)
	}
	s := by(t, r, backtest.ByGate, "errors", backtest.AsInPolicy)
	if *s.False != 1 || *s.Missed != 1 || s.Detect != nil {
		t.Errorf("the score is %+v", s)
	}
}

func TestTheNextReleaseEndsABake(t *testing.T) {
	o := day(t)
	o.Releases = append(o.Releases, release("review", "v1.1", 4*hour-2*time.Minute))
	r := run(t, o)
	one := of(t, r, "v1.1")
	if !one.End.Equal(at(4*hour)) || one.Headline.State != backtest.Passed {
		t.Errorf("the bake ended at %s: %+v", one.End, one.Headline)
	}
	if got := of(t, r, "v2").Verdict; got != backtest.Caught {
		t.Errorf("the incident is the fault of the release before: v2 is %q", got)
	}
}

func TestARestartAGapAndSilenceAreNoReasonToRevert(t *testing.T) {
	server := newServer()
	record(t, server, "review", 8*hour,
		load{from: begin, rps: 50, ratio: 0.005},
		load{from: at(2*hour - 25*time.Minute), rps: 50, ratio: 0.005, silent: true}, // most of the baseline is missing
		load{from: at(2*hour - 5*time.Minute), rps: 50, ratio: 0.005},
		load{from: at(2*hour + 5*time.Minute), rps: 50, ratio: 0.005, restart: true}, // in the bake
		load{from: at(4 * hour), silent: true},
	)
	r := run(t, options(parsed(t, onePolicy), server, release("review", "gap", 2*hour), release("review", "silence", 4*hour), release("review", "after", 6*hour)))
	if one := of(t, r, "gap"); one.Headline.State != backtest.Passed {
		t.Errorf("a gap: %+v", one.Headline)
	}
	if one := of(t, r, "silence"); one.Headline.State != backtest.NoData || one.Headline.Reason == "" {
		t.Errorf("silence: %+v", one.Headline)
	}
	s := by(t, r, backtest.ByGate, "errors", backtest.AsInPolicy)
	if s.Judged != 1 || s.NoData != 2 || s.Reverted != 0 {
		t.Errorf("the score is %+v", s)
	}
	sum := 0
	for _, reason := range s.Reasons {
		sum += reason.Releases
	}
	if sum != 2 {
		t.Errorf("the reasons are %+v", s.Reasons)
	}
}

func TestABadReleaseThatCouldNotBeJudgedIsMissed(t *testing.T) {
	o := options(parsed(t, onePolicy), newServer(), release("review", "v1", hour))
	o.Incidents = []backtest.Incident{incident("review", hour, 2*hour)}
	s := by(t, run(t, o), backtest.ByGate, "errors", backtest.AsInPolicy)
	if s.NoData != 1 || s.Judged != 0 || *s.Missed != 1 {
		t.Errorf("the score is %+v", s)
	}
}

func TestTwoLuckyLooksEndNoBake(t *testing.T) {
	value := strings.Replace(onePolicy, onePolicy[strings.Index(onePolicy, "  errors:\n"):], `  errors:
    query: latency{service="$service"}
    failureCondition: result > 0.5
`, 1)
	server := newServer()
	for i := range 400 {
		v := 0.1
		if moment := time.Duration(i) * scrape; moment > hour+20*time.Minute {
			v = 0.9
		}
		store(t, server, at(time.Duration(i)*scrape), v, "latency", "service", "review")
	}
	r := run(t, options(parsed(t, value), server, release("review", "v1", hour)))
	one := of(t, r, "v1").Headline
	// The third failed look is more than failureLimit 2 bears.
	if want := at(hour + 20*time.Minute + 3*scrape); one.State != backtest.Reverted || !one.At.Equal(want) {
		t.Errorf("the outcome is %+v, want a revert at %s", one, want)
	}
	if plots := of(t, r, "v1").Plots; len(plots) != 1 || plots[0].Limit == nil || *plots[0].Limit != 0.5 || len(plots[0].Values) < 100 {
		t.Errorf("the plots are %+v", plots)
	}
}

func TestWhatWasCalledWellAndGoesBadLaterWouldBeReverted(t *testing.T) {
	server := newServer()
	record(t, server, "review", 4*hour,
		load{from: begin, rps: 500, ratio: 0.005},
		load{from: at(2*hour + 25*time.Minute), rps: 500, ratio: 0.05})
	r := run(t, options(parsed(t, onePolicy), server, release("review", "v1", 2*hour)))
	one := of(t, r, "v1").Headline
	if soon := at(2*hour + 26*time.Minute); one.State != backtest.Reverted || one.At.After(soon) || one.Finding.Evidence.Windows < 100 {
		t.Errorf("the outcome is %+v", one)
	}
}

func TestAGateThatIsDryRunHasAScoreAndNoSay(t *testing.T) {
	o := day(t)
	o.Policy = parsed(t, strings.Replace(onePolicy, "tolerance: 25%", "tolerance: 25%\n    dryRun: true", 1))
	r := run(t, o)
	if s := by(t, r, backtest.ByGate, "errors", backtest.AsInPolicy); s.Reverted != 1 {
		t.Errorf("alone: %+v", s)
	}
	if one := of(t, r, "v2"); one.Headline.State != backtest.NoData || one.Verdict != backtest.Missed {
		t.Errorf("all gates: %+v", one.Headline)
	}
}
