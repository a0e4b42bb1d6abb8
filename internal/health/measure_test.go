package health_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cinegit/guardian/internal/health"
	"github.com/cinegit/guardian/internal/policy"
)

func TestNamesAndWindowAreFilledIn(t *testing.T) {
	g := policy.Gate{
		Query:            `sum(rate(x{service="$service",env='$stage',app="$application"}[$window]))`,
		FailureCondition: "result > 1",
		Window:           policy.Duration(90 * time.Second),
	}
	m := &metrics{}
	f := look(t, m, g)
	wanted := `sum(rate(x{service="review",env='prod',app="argocd/review-prod"}[1m30s]))`
	if f.Query != wanted || f.Window != "1m30s" || f.Link != "http://prometheus/"+wanted {
		t.Errorf("finding is %+v", f)
	}
	if at, ok := m.asked[wanted]; !ok || !at.Equal(now) {
		t.Errorf("asked were %v", m.asked)
	}
}

func TestANameCannotLeaveItsPromQLString(t *testing.T) {
	m := &metrics{}
	gates := []health.Gate{{Name: "gate", Gate: policy.Gate{Query: `x{service="$service"}`, FailureCondition: "result > 1"}}}
	s := health.Subject{Service: "a\"} or vector(0) #\\\n$window"}
	f := health.Judge{Metrics: m}.Measure(t.Context(), gates, s, time.Time{}, now)[0]
	if wanted := `x{service="a\"} or vector(0) #\\\n$window"}`; f.Query != wanted {
		t.Errorf("query is %s\nwant     %s", f.Query, wanted)
	}
}

func TestTheWindowNeverReachesBackBeforeTheChange(t *testing.T) {
	g := policy.Gate{Query: "x[$window]", FailureCondition: "result > 1", Window: policy.Duration(time.Minute)}
	for age, window := range map[time.Duration]string{
		time.Second:              "1s",
		20500 * time.Millisecond: "20s",
		59 * time.Second:         "59s",
		time.Minute:              "1m",
		time.Hour:                "1m",
	} {
		if f := lookSince(t, &metrics{}, g, now.Add(-age)); f.Window != window || f.Query != "x["+window+"]" {
			t.Errorf("%s after the change the window is %s in %s, want %s", age, f.Window, f.Query, window)
		}
	}
}

func TestTooEarlyIsNoDataWithoutAsking(t *testing.T) {
	g := policy.Gate{Query: "q", FailureCondition: "result > 1", InitialDelay: policy.Duration(time.Minute), NoData: policy.NoDataFail}
	m := always(5)
	want(t, lookSince(t, m, g, now.Add(-time.Minute)), health.NoData,
		"what happens within initialDelay 1m after the change counts for nothing")
	g.InitialDelay = 0
	want(t, lookSince(t, m, g, now), health.NoData, "less than a second has passed since the change")
	want(t, lookSince(t, m, g, now.Add(time.Hour)), health.NoData, "less than a second has passed since the change")
	if len(m.asked) > 0 {
		t.Errorf("asked were %v", m.asked)
	}
}

func TestTheWindowBeginsAfterTheInitialDelay(t *testing.T) {
	g := policy.Gate{Query: "x[$window]", FailureCondition: "result > 1", InitialDelay: policy.Duration(time.Minute)}
	for age, window := range map[time.Duration]string{61 * time.Second: "1s", 80 * time.Second: "20s", 2 * time.Minute: "1m", time.Hour: "1m"} {
		if f := lookSince(t, &metrics{}, g, now.Add(-age)); f.Query != "x["+window+"]" {
			t.Errorf("%s after the change the query is %s", age, f.Query)
		}
	}
}

func TestNoDataCountsAsThePolicySays(t *testing.T) {
	for how, tt := range map[policy.NoDataHow]struct {
		verdict health.Verdict
		reason  string
	}{
		"":                {health.NoData, "the query finds no series"},
		policy.NoDataHold: {health.NoData, "the query finds no series"},
		policy.NoDataPass: {health.Pass, "the query finds no series, which counts as a pass (noData: pass)"},
		policy.NoDataFail: {health.Fail, "the query finds no series, which counts as a fail (noData: fail)"},
	} {
		f := look(t, always(), policy.Gate{Query: "q", FailureCondition: "result > 1", NoData: how})
		want(t, f, tt.verdict, tt.reason)
		if f.Assumed != (tt.verdict != health.NoData) {
			t.Errorf("noData %q is assumed %t", how, f.Assumed)
		}
	}
}

func TestNoDataInAWindowCutShortOnlyHolds(t *testing.T) {
	g := policy.Gate{Query: "q", FailureCondition: "result > 1", NoData: policy.NoDataFail}
	want(t, lookSince(t, always(), g, now.Add(-20*time.Second)), health.NoData, "the query finds no series")
}

func TestAFixedRangeThatStillCoversTheBadTimeBeforeIsNotHeldAgainstARemedy(t *testing.T) {
	g := policy.Gate{Query: "rate(x[5m] offset 1m)", FailureCondition: "result > 1"}
	m := &metrics{values: map[string][]float64{g.Query: {7}}}
	want(t, lookSince(t, m, g, now.Add(-359*time.Second)), health.NoData,
		"7 meets the failureCondition, but the query still looks back to before the change")
	want(t, lookSince(t, m, g, now.Add(-360*time.Second)), health.Fail, "7 meets the failureCondition")
	want(t, look(t, m, g), health.Fail, "7 meets the failureCondition")
}

func TestLookbackIsTheLongestFixedRange(t *testing.T) {
	for query, wanted := range map[string]time.Duration{
		"x":                                   0,
		"rate(x[$window])":                    0,
		"rate(x[5m])":                         5 * time.Minute,
		"rate(x[5m] offset 2m) / rate(x[6m])": 7 * time.Minute,
		"max_over_time(rate(x[1m])[10m:15s])": 11 * time.Minute,
		"rate(x[$window] offset 3m)":          3 * time.Minute,
	} {
		g := health.Gate{Name: "gate", Gate: policy.Gate{Query: query}}
		if got, err := g.Lookback(); err != nil || got != wanted {
			t.Errorf("%s looks back %s (%v), want %s", query, got, err, wanted)
		}
	}
	g := health.Gate{Name: "gate", Gate: policy.Gate{Bad: "x[1m]", Total: "x["}}
	if _, err := g.Lookback(); err == nil {
		t.Error("a query that is none looks back")
	}
}

func TestWhatPrometheusSaysIsTheReason(t *testing.T) {
	wrong := &metrics{errs: map[string]error{"q": fmt.Errorf("%w: parse error: unexpected end", health.ErrQuery)}}
	gate := policy.Gate{Query: "q", FailureCondition: "result > 1"}
	want(t, look(t, wrong, gate), health.Error,
		"Prometheus refuses the query: the query is not valid: parse error: unexpected end")
	away := &metrics{errs: map[string]error{"q": errors.New("connection refused")}}
	want(t, look(t, away, gate), health.Error, "no answer from Prometheus: connection refused")
}

func TestOneUnreachableCountIsAnError(t *testing.T) {
	m := counted([]float64{0}, nil)
	m.errs = map[string]error{"total": errors.New("connection refused")}
	want(t, look(t, m, ratioGate()), health.Error, "no answer from Prometheus: connection refused")
}

// silent never answers, as a metrics server that accepts connections and is stuck.
type silent struct{}

func (silent) Query(ctx context.Context, _ string, _ time.Time) ([]float64, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func (s silent) Range(ctx context.Context, promql string, from, to time.Time, step time.Duration) ([][]float64, error) {
	return moments(ctx, s, promql, from, to, step)
}

func (silent) Link(string, time.Time) string { return "" }

func TestASilentPrometheusIsAnErrorAtTheDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		gates := make([]health.Gate, 20)
		for i := range gates {
			gates[i] = health.Gate{Name: strconv.Itoa(i), Gate: policy.Gate{Query: "q", FailureCondition: "result > 1"}}
		}
		began := time.Now()
		findings := health.Judge{Metrics: silent{}}.Measure(ctx, gates, health.Subject{}, time.Time{}, began)
		if took := time.Since(began); took != 10*time.Second {
			t.Errorf("it took %s", took)
		}
		for _, f := range findings {
			want(t, f, health.Error, "no answer from Prometheus: context deadline exceeded")
		}
	})
}

func TestFindingsComeInTheOrderOfTheirGates(t *testing.T) {
	m := always(1)
	var gates []health.Gate
	var names []string
	for i := range 50 {
		names = append(names, fmt.Sprintf("gate %d", i))
		gates = append(gates, health.Gate{Name: names[i], Gate: policy.Gate{Query: "q", FailureCondition: "result > 1"}})
	}
	var got []string
	for _, f := range (health.Judge{Metrics: m}).Measure(t.Context(), gates, health.Subject{}, time.Time{}, now) {
		got = append(got, f.Gate)
	}
	if diff := cmp.Diff(names, got); diff != "" {
		t.Error(diff)
	}
}
