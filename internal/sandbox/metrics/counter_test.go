package metrics_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cinegit/guardian/internal/health"
	"github.com/cinegit/guardian/internal/health/evidence"
	"github.com/cinegit/guardian/internal/policy"
	"github.com/cinegit/guardian/internal/sandbox/metrics"
)

// counter writes what a counter stands at every 15s from start on; -1 is no sample.
func counter(t *testing.T, server *metrics.Server, code, pod string, stands ...float64) {
	t.Helper()
	for i, v := range stands {
		if v >= 0 {
			add(t, server, start.Add(time.Duration(i)*15*time.Second), v, "__name__", "requests_total", "code", code, "pod", pod)
		}
	}
}

// counted reads what a gate counts from start on, as of so many scrapes later.
func counted(t *testing.T, q health.Querier, bad, total string, scrapes int) health.Windows {
	t.Helper()
	gate := health.Gate{Name: "errors", Gate: policy.Gate{Bad: bad, Total: total, Tolerance: ptr(policy.Percent(.25))}}
	last := start.Add(time.Duration(scrapes) * 15 * time.Second)
	r := health.Judge{Metrics: q}.Read(t.Context(), gate, health.Subject{Service: "review"}, start, last, last)
	if r.Err != nil {
		t.Fatal(r.Err)
	}
	return r.Since
}

const (
	badRequests = `sum(increase(requests_total{code="500"}[$window]))`
	allRequests = `sum(increase(requests_total[$window]))`
)

func TestEventsAreCountedExactlyFromSampleToSample(t *testing.T) {
	// Each case is what the total of four windows of 15s is.
	for name, tt := range map[string]struct {
		pods map[string][]float64
		want []float64
	}{
		"a counter that grows":                     {map[string][]float64{"a": {100, 110, 130, 130, 131}}, []float64{10, 20, 0, 1}},
		"a reset counts what came after it":        {map[string][]float64{"a": {100, 110, 4, 9, 9}}, []float64{10, 4, 5, 0}},
		"a new pod counts from zero":               {map[string][]float64{"a": {100, 110, 120, 130, 140}, "b": {-1, -1, 7, 9, 9}}, []float64{10, 17, 12, 10}},
		"a gap is made up for when it ends":        {map[string][]float64{"a": {100, 110, -1, 140, 150}}, []float64{10, 0, 30, 10}},
		"what is new where nothing was known":      {map[string][]float64{"a": {-1, -1, 5000, 5010, 5020}}, []float64{0, 0, 10, 10}},
		"a pod that ends leaves the others' alone": {map[string][]float64{"a": {100, 110, -1, -1, -1}, "b": {50, 60, 70, 80, 90}}, []float64{20, 10, 10, 10}},
	} {
		t.Run(name, func(t *testing.T) {
			server := metrics.NewServer(0)
			for pod, stands := range tt.pods {
				counter(t, server, "200", pod, stands...)
			}
			var got []float64
			for _, c := range counted(t, server, badRequests, allRequests, 4).Counts {
				got = append(got, c.Total)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestTheFirstErrorsOfAReleaseCount(t *testing.T) {
	server := metrics.NewServer(0)
	counter(t, server, "200", "a", 100, 200, 300, 400, 500)
	counter(t, server, "500", "a", -1, -1, 40, 40, 90) // a series begins with its first response
	got := counted(t, server, badRequests, allRequests, 4).Counts
	want := []evidence.Counts{{Total: 100}, {Bad: 40, Total: 140}, {Total: 100}, {Bad: 50, Total: 150}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	// PromQL's increase over the same minute sees none of the first 40.
	increase, err := server.Query(t.Context(), `sum(increase(requests_total{code="500"}[1m]))`, start.Add(time.Minute))
	if err != nil || len(increase) != 1 || increase[0] > 75 {
		t.Errorf("increase is %v, %v", increase, err)
	}
}

func TestACounterAfterAnOutageOfTheMetricsGoesOnWhereItWas(t *testing.T) {
	server := metrics.NewServer(0)
	stands := slices.Repeat([]float64{-1}, 60) // a quarter of an hour without a scrape
	stands[0], stands[1] = 1_000_000, 1_000_010
	stands[58], stands[59] = 1_000_570, 1_000_580
	counter(t, server, "200", "a", stands...)
	var got []float64
	for _, c := range counted(t, server, badRequests, allRequests, 59).Counts {
		got = append(got, c.Total)
	}
	// After five minutes without a sample nothing is known, and what comes first then is not counted.
	if sum := got[0] + got[58]; sum != 20 || slices.Max(got[1:58]) != 0 {
		t.Errorf("counts are %v", got)
	}
}

func TestQueriesThatCannotBeSplitAreCountedByTheirWindow(t *testing.T) {
	server := metrics.NewServer(0)
	counter(t, server, "200", "a", 0, 10, 20, 30, 40, 50, 60, 70, 80)
	for query, step := range map[string]time.Duration{
		allRequests: 15 * time.Second,
		`sum(increase(requests_total[$window])) + sum(increase(requests_total[$window]))`: 15 * time.Second,
		`sum(count_over_time(requests_total[$window]))`:                                   15 * time.Second,
		`sum(rate(requests_total[$window])) * 60`:                                         time.Minute,
		`sum(increase(requests_total[1m]))`:                                               time.Minute,
		`sum(increase(requests_total[$window] @ 1795435200))`:                             time.Minute,
		`sum(sum_over_time(increase(requests_total[30s])[$window:30s]))`:                  time.Minute,
	} {
		if w := counted(t, server, badRequests, query, 8); w.Step != step || len(w.Counts) != int(2*time.Minute/step) {
			t.Errorf("%s is counted every %s: %v", query, w.Step, w.Counts)
		}
	}
}

func TestSeveralSeriesAndNonsenseAreFlaws(t *testing.T) {
	server := metrics.NewServer(0)
	counter(t, server, "200", "a", 0, 10, 20, 30, 40)
	counter(t, server, "200", "b", 0, 10, 20, 30, 40)
	for query, want := range map[string]string{
		`increase(requests_total[$window])`:            "total gives 2 series where one is wanted: aggregate it with sum(…) at 2026-11-23 12:00:15",
		`-sum(increase(requests_total[$window]))`:      "total is -20, and a count is never negative at 2026-11-23 12:00:15",
		`sum(increase(requests_total[$window])) / 0`:   "total is infinite at 2026-11-23 12:00:15",
		`0 * sum(increase(requests_total[$window]))/0`: "",
	} {
		if w := counted(t, server, badRequests, query, 4); w.Flaw != want {
			t.Errorf("%s: %q, want %q", query, w.Flaw, want)
		}
	}
}
