package cli_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cinegit/guardian/internal/backtest"
	"github.com/cinegit/guardian/internal/cli"
	"github.com/cinegit/guardian/internal/ledger"
)

// replayed is a backtest with everything that a page of one can show.
func replayed() backtest.Report {
	n := func(n int) *int { return &n }
	errors, all, rule := backtest.Row{Kind: backtest.ByGate, Name: "errors"}, backtest.Row{Kind: backtest.ByGates, Name: "all gates"}, backtest.Row{Kind: backtest.ByRule, Name: "5xx"}
	own, other := backtest.AsInPolicy, "tolerance 50%"
	r := backtest.Report{
		From: at("00:00:00"), To: at("00:00:00").AddDate(0, 0, 90), Releases: 120, Targets: 3, Incidents: n(9), Resumed: 40, Errors: 2,
		Unrecorded: []string{"burn"}, Settings: []string{own, other},
		Scores: []backtest.Score{
			{Row: errors, Setting: own, Judged: 110, NoData: 8, Errors: 2, Reverted: 7, Bad: n(9), False: n(1), Missed: n(3), Detect: &backtest.Detect{Median: 75, P95: 240, Of: 6},
				Reasons: []backtest.Reason{{Reason: "there were 12 events, fewer than minSampleCount 30", Releases: 6}, {Reason: "total finds no series", Releases: 2}}},
			{Row: errors, Setting: other, Judged: 110, NoData: 8, Errors: 2, Reverted: 4, Bad: n(9), False: n(0), Missed: n(5), Detect: &backtest.Detect{Median: -30, P95: 300, Of: 4}},
			{Row: all, Setting: own, Judged: 110, NoData: 8, Errors: 2, Reverted: 8, Bad: n(9), False: n(1), Missed: n(2), Detect: &backtest.Detect{Median: 60, P95: 240, Of: 7}},
			{Row: rule, Setting: own, Judged: 118, Errors: 2, Bad: n(9), False: n(0), Missed: n(9)},
		},
	}
	add := func(name string, v backtest.Verdict, after time.Duration, reason string) {
		one := backtest.Result{Release: backtest.Release{Target: ledger.Target{Service: "review", Stage: "prod"}, Release: name, At: at("17:00:00")}, Verdict: v}
		if one.Headline.Reason = reason; after != 0 {
			one.Headline.At = one.At.Add(after)
		}
		r.Results = append(r.Results, one)
	}
	add("v1.4.0", backtest.False, 75*time.Second, "errors: 2.1% (32 of 1520) since the change is worse than 25% tolerated: it was 0.5% (450 of 90000) before the change")
	add("v1.9.0", backtest.Missed, 0, "errors: the evidence said at 17:01:30 that it is well")
	add("v1.9.1", backtest.Missed, 0, "errors: there were 12 events, fewer than minSampleCount 30")
	for i := range 12 {
		add(fmt.Sprintf("v2.%d.0", i), backtest.Caught, 45*time.Second, "latency: 0.93 meets the failureCondition")
	}
	return r
}

func TestABacktestIsShownInEightyColumnsAndPiped(t *testing.T) {
	v := view()
	page := v.Backtest(replayed(), "out/report.html")
	golden(t, "backtest", page)
	fits(t, page, 80)
	v.Width = 0
	golden(t, "backtest-piped", v.Backtest(replayed(), ""))
}

func TestABacktestWithoutIncidentsSaysThatNobodyKnows(t *testing.T) {
	r := replayed()
	r.Incidents, r.Errors, r.Resumed, r.Unrecorded, r.Results, r.Settings = nil, 0, 0, nil, r.Results[:1], r.Settings[:1]
	r.Scores = r.Scores[:1]
	r.Scores[0].Bad, r.Scores[0].False, r.Scores[0].Missed, r.Scores[0].Detect, r.Scores[0].Errors = nil, nil, nil, nil, 0
	r.Results[0].Verdict = backtest.Revert
	page := view().Backtest(r, "")
	golden(t, "backtest-unknown", page)
	if strings.Contains(page, "ERRORS") || strings.Contains(page, "SETTING") {
		t.Error("a column that says nothing is shown")
	}
}

func TestTheProgressOfABacktestSaysWhenItWillBeDone(t *testing.T) {
	for _, test := range []struct {
		done, all int
		elapsed   time.Duration
		want      string
	}{
		{0, 10, time.Second, ""},
		{1, 4, 10 * time.Second, "[#######.......................] 1 of 4 releases, 30s left"},
		{4, 4, time.Minute, "[##############################] 4 of 4 releases, 0s left"},
	} {
		if got := (cli.View{}).Progress(test.done, test.all, test.elapsed); got != test.want {
			t.Errorf("got %q, want %q", got, test.want)
		}
	}
}
