package report_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cinegit/guardian/internal/backtest"
	"github.com/cinegit/guardian/internal/backtest/report"
	"github.com/cinegit/guardian/internal/health"
	"github.com/cinegit/guardian/internal/health/evidence"
	"github.com/cinegit/guardian/internal/ledger"
)

var update = flag.Bool("update", false, "rewrite the golden file")

var noon = time.Date(2026, 8, 1, 12, 0, 0, 0, time.UTC)

func after(minutes int) time.Time { return noon.Add(time.Duration(minutes) * time.Minute) }

// replayed is a report with a release of each kind, two of them with plots.
func replayed() backtest.Report {
	n := func(n int) *int { return &n }
	f := func(v float64) *float64 { return &v }
	target := ledger.Target{Service: "review", Stage: "prod"}
	gate := backtest.Row{Kind: backtest.ByGate, Name: "errors"}
	finding := &health.Finding{
		Gate: "errors", Verdict: health.Fail, Reason: "5% (38 of 760) since the change is worse than 25% tolerated", Value: f(0.05),
		Threshold: "0.68% (0.5% before the change, 25% tolerated)", Query: `sum(x{code=~"5.."}) / sum(x)`, Window: "45s", At: after(1), Link: "http://127.0.0.1:9090/graph?g0.expr=x",
		Evidence: &health.Evidence{Baseline: evidence.Counts{Bad: 450, Total: 90000}, Seen: evidence.Counts{Bad: 38, Total: 760}, Windows: 3, Harm: 5.1, Safe: -3, Bar: 3.689, BadAt: after(1)},
	}
	errors := backtest.Plot{
		Gate: "errors", Ratio: true, Baseline: f(0.005), Limit: f(0.0068), Bar: 3.689, Finding: *finding,
		Before: []backtest.Point{{-120, 0.004}, {-60, 0.006}, {0, 0.005}}, Values: []backtest.Point{{15, 0.04}, {30, 0.05}, {45, 0.05}, {60, 0.05}},
		Harm: []backtest.Point{{15, 1.2}, {30, 2.6}, {45, 5.1}, {60, 9.9}}, Safe: []backtest.Point{{15, -1}, {30, -2}, {45, -3}, {60, -4}},
	}
	latency := backtest.Plot{Gate: "latency", Limit: f(0.5), Values: []backtest.Point{{15, 0.1}, {30, 0.2}}, Beside: []backtest.Point{{15, 0.12}, {30, 0.11}}}
	release := func(name string, v backtest.Verdict, o backtest.Outcome) backtest.Result {
		return backtest.Result{Release: backtest.Release{Target: target, Release: name, At: noon}, End: after(30), Verdict: v, Headline: o}
	}
	caught := release("v2", backtest.Caught, backtest.Outcome{State: backtest.Reverted, At: after(1), Alert: after(1).Add(-15 * time.Second), Reason: "errors: " + finding.Reason, Finding: finding})
	caught.Truth, caught.Fault = backtest.Bad, &backtest.Incident{Target: target, From: noon, To: after(20)}
	caught.Plots = []backtest.Plot{errors, latency}
	missed := release("v<3>", backtest.Missed, backtest.Outcome{State: backtest.Passed, Reason: `latency: "0.2" & so on`})
	missed.Truth, missed.Fault = backtest.Bad, &backtest.Incident{Target: target, From: after(5), To: after(50)}
	missed.Earlier = []backtest.Incident{{Target: target, From: after(-10), To: after(1)}}
	missed.Plots = []backtest.Plot{{Gate: "latency"}}
	return backtest.Report{
		From: noon, To: noon.AddDate(0, 0, 1), Releases: 6, Targets: 1, Incidents: n(2), Errors: 1, Unrecorded: []string{"5xx"}, Settings: []string{backtest.AsInPolicy, "max 1%"},
		Scores: []backtest.Score{
			{Row: gate, Setting: backtest.AsInPolicy, Judged: 4, NoData: 1, Errors: 1, Reverted: 2, Bad: n(2), False: n(0), Missed: n(1), Detect: &backtest.Detect{Median: 60, P95: -5, Of: 1},
				Reasons: []backtest.Reason{{Reason: "total finds no series", Releases: 1}}},
			{Row: gate, Setting: "max 1%", Judged: 4, NoData: 1, Errors: 1, Bad: n(2), False: n(0), Missed: n(2)},
		},
		Results: []backtest.Result{
			missed, caught,
			release("v4", backtest.Failed, backtest.Outcome{State: backtest.Error, Reason: "connection refused"}),
			release("v5", backtest.NotJudged, backtest.Outcome{State: backtest.NoData, Reason: "errors: total finds no series"}),
			release("v6", backtest.Rightly, backtest.Outcome{State: backtest.Passed, Reason: "errors: the evidence said at 12:07:00 that it is well"}),
		},
	}
}

func written(t *testing.T, r backtest.Report) string {
	t.Helper()
	var text bytes.Buffer
	if err := report.Write(&text, r, report.Options{Now: noon.AddDate(0, 1, 0), Version: "v1.0.0"}); err != nil {
		t.Fatal(err)
	}
	return text.String()
}

func TestAReportTellsEveryReleaseWithItsPlots(t *testing.T) {
	got := written(t, replayed())
	file := filepath.Join("..", "..", "..", "testdata", "golden", "backtest", "report.html")
	if *update {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v: make it with -update", err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); diff != "" {
		t.Errorf("%s has changed; look at it in a browser and run with -update (-want +got):\n%s", file, diff)
	}
}

func TestAReportNeedsNothingElseAndTrustsNoText(t *testing.T) {
	got := written(t, replayed())
	if found := regexp.MustCompile(`<script|<link|<img|@import|url\(|src=|ZgotmplZ|NaN|Inf`).FindString(got); found != "" {
		t.Errorf("the page has %q", found)
	}
	if strings.Contains(got, "v<3>") || !strings.Contains(got, "v&lt;3&gt;") {
		t.Error("a release's name is taken for markup")
	}
	if !strings.Contains(got, "prefers-color-scheme: dark") || !strings.Contains(got, "@media print") {
		t.Error("it is neither for the dark nor for paper")
	}
}

func TestAReportOfVeryManyReleasesCanStillBeMailed(t *testing.T) {
	r := replayed()
	one := r.Results[1]
	for len(r.Results) < 3000 {
		r.Results = append(r.Results, one)
	}
	got := written(t, r)
	if plots := strings.Count(got, "role=\"img\""); plots > 1000 || plots < 900 || len(got) > 8<<20 {
		t.Errorf("%d plots, %d bytes", plots, len(got))
	}
	if !strings.Contains(got, "The other releases") || strings.Count(got, "v2") < 3000 {
		t.Error("some releases are not told at all")
	}
}

func TestAReportIsWrittenWhole(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "deep", "report.html")
	for range 2 {
		if err := report.WriteFile(file, replayed(), report.Options{Now: noon}); err != nil {
			t.Fatal(err)
		}
	}
	left, err := os.ReadDir(filepath.Dir(file))
	if err != nil || len(left) != 1 {
		t.Errorf("%v, %v", left, err)
	}
	if err := report.WriteFile(filepath.Join(file, "report.html"), replayed(), report.Options{}); err == nil {
		t.Error("a file was taken for a directory")
	}
}
