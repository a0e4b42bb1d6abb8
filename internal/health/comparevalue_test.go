package health_test

import (
	"context"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/cinegit/guardian/internal/health"
	"github.com/cinegit/guardian/internal/policy"
)

// gauge is a Querier over a value as it stood every minute: "new" and, beside it, "old".
type gauge struct {
	begin  time.Time
	values map[string][]float64
}

func (g *gauge) Query(_ context.Context, promql string, at time.Time) ([]float64, error) {
	values := g.values[strings.TrimSuffix(strings.TrimPrefix(promql, "avg_over_time("), "[1m])")]
	i := int(at.Sub(g.begin) / time.Minute)
	if i < 0 || i >= len(values) {
		return nil, nil
	}
	return []float64{values[i]}, nil
}

func (g *gauge) Range(ctx context.Context, promql string, from, to time.Time, step time.Duration) ([][]float64, error) {
	return moments(ctx, g, promql, from, to, step)
}

func (g *gauge) Link(string, time.Time) string { return "" }

func steady(random *rand.Rand, n int, mean, deviation float64) []float64 {
	values := make([]float64, n)
	for i := range values {
		values[i] = mean + deviation*random.NormFloat64()
	}
	return values
}

func TestAValueIsComparedWithItsBaselineAsKayentaDoes(t *testing.T) {
	random := rand.New(rand.NewPCG(40, 1))
	before := policy.Gate{Query: "avg_over_time(new[$window])", Baseline: &policy.Baseline{}}
	beside := policy.Gate{Query: "avg_over_time(new[$window])", Baseline: &policy.Baseline{Query: "avg_over_time(old[$window])"}}
	with := func(g policy.Gate, change func(*policy.Gate)) policy.Gate {
		change(&g)
		return g
	}
	usual, up, down := steady(random, 12, .2, .01), steady(random, 12, .3, .01), steady(random, 12, .1, .01)
	nan := append([]float64{math.NaN(), math.NaN()}, up[:8]...)
	for name, tt := range map[string]struct {
		gate       policy.Gate
		since, old []float64
		verdict    health.Verdict
		reason     string
	}{
		"as before":                    {before, usual, nil, health.Pass, "is as the baseline: shifted by"},
		"higher":                       {before, up, nil, health.Fail, "is not as the baseline: shifted by 0."},
		"lower, where higher is bad":   {before, down, nil, health.Pass, "is as the baseline"},
		"lower, where lower is bad":    {with(before, func(g *policy.Gate) { g.Direction = policy.Decrease }), down, nil, health.Fail, "is not as the baseline"},
		"either way":                   {with(before, func(g *policy.Gate) { g.Direction = policy.Either }), down, nil, health.Fail, "is not as the baseline"},
		"higher within what is borne":  {with(before, func(g *policy.Gate) { g.AllowedIncrease = 1 }), up, nil, health.Pass, "is as the baseline"},
		"as high as what runs beside":  {beside, up, steady(random, 12, .3, .01), health.Pass, "is as the baseline"},
		"higher than what runs beside": {beside, up, steady(random, 12, .2, .01), health.Fail, "is not as the baseline"},
		"too few points":               {before, up[:4], nil, health.NoData, "31 points before and 4 after are fewer than 5"},
		"NaN is no point":              {before, nan[:6], nil, health.NoData, "31 points before and 4 after are fewer than 5"},
		"NaN as zero":                  {with(before, func(g *policy.Gate) { g.NaNStrategy = policy.NaNReplace }), nan[:6], nil, health.Pass, "is as the baseline"},
		"beside nothing":               {beside, up, nil, health.NoData, "0 points before and 12 after are fewer than 5"},
		"a condition that fails first": {with(before, func(g *policy.Gate) { g.FailureCondition = "result > 0.15" }), usual, nil, health.Fail, "meets the failureCondition"},
		"a condition that holds":       {with(before, func(g *policy.Gate) { g.FailureCondition = "result > 0.5" }), up, nil, health.Fail, "does not meet the failureCondition; "},
	} {
		t.Run(name, func(t *testing.T) {
			random := rand.New(rand.NewPCG(41, 1)) // of its own: cases run in any order
			// Half an hour of points before the change, each over the minute before it.
			m := &gauge{begin: now, values: map[string][]float64{"new": append(steady(random, 31, .2, .01), tt.since...)}}
			change := now.Add(30 * time.Minute)
			if tt.old != nil {
				m.values["old"] = append(steady(random, 31, .2, .01), tt.old...)
			}
			at := change.Add(time.Duration(len(tt.since)) * time.Minute)
			gates := []health.Gate{{Name: "latency", Gate: tt.gate}}
			f := health.Judge{Metrics: m}.Measure(t.Context(), gates, health.Subject{ChangedAt: change}, change, at)[0]
			if f.Verdict != tt.verdict || !strings.Contains(f.Reason, tt.reason) {
				t.Errorf("it is %s: %s", f.Verdict, f.Reason)
			}
		})
	}
}

func TestAComparedValueNeedsOneSeriesAndAMoment(t *testing.T) {
	gate := policy.Gate{Query: "q", Baseline: &policy.Baseline{}}
	want(t, look(t, always(1, 2), gate), health.Error, "the query gives 2 series where a comparison wants one: aggregate it")
	want(t, look(t, always(), gate), health.NoData, "the query finds no series")
	gates := []health.Gate{{Name: "gate", Gate: gate}}
	f := health.Judge{Metrics: always(1)}.Measure(t.Context(), gates, health.Subject{}, time.Time{}, now)[0]
	want(t, f, health.NoData, "0 points before and 0 after are fewer than 5")
}
