package health_test

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/cinegit/guardian/internal/health"
	"github.com/cinegit/guardian/internal/health/evidence"
	"github.com/cinegit/guardian/internal/policy"
)

// spoiled is a healthy service whose answers are spoiled on their way.
type spoiled struct {
	service
	spoil func(promql string, at time.Time, values []float64) ([]float64, error)
}

func (s *spoiled) Query(ctx context.Context, promql string, at time.Time) ([]float64, error) {
	values, err := s.service.Query(ctx, promql, at)
	if err != nil {
		return nil, err
	}
	return s.spoil(promql, at, values)
}

func (s *spoiled) Range(ctx context.Context, promql string, from, to time.Time, step time.Duration) ([][]float64, error) {
	return moments(ctx, s, promql, from, to, step)
}

func TestWhatIsSpoiledIsNeverAPassNorAFailure(t *testing.T) {
	change := now.Add(120 * interval)
	at := change.Add(20 * interval)
	bad := func(promql string) bool { return strings.Contains(promql, "bad[") }
	late := func(when time.Time) bool { return when.After(change) }
	for name, tt := range map[string]struct {
		spoil   func(promql string, when time.Time, values []float64) ([]float64, error)
		verdict health.Verdict
		reason  string
	}{
		"an empty vector of total": {func(q string, when time.Time, v []float64) ([]float64, error) {
			if late(when) && !bad(q) {
				return nil, nil
			}
			return v, nil
		}, health.NoData, "total finds no series"},
		"no baseline": {func(_ string, when time.Time, v []float64) ([]float64, error) {
			if !late(when) {
				return nil, nil
			}
			return v, nil
		}, health.NoData, "before the change there were 0 events, fewer than minSampleCount 30"},
		"NaN": {func(_ string, when time.Time, v []float64) ([]float64, error) {
			if late(when) {
				return []float64{math.NaN()}, nil
			}
			return v, nil
		}, health.NoData, "total is not a number"},
		"infinite": {func(q string, when time.Time, v []float64) ([]float64, error) {
			if late(when) && !bad(q) {
				return []float64{math.Inf(1)}, nil
			}
			return v, nil
		}, health.Error, "total is infinite"},
		"many series": {func(_ string, when time.Time, v []float64) ([]float64, error) {
			if late(when) {
				return append(v, v...), nil
			}
			return v, nil
		}, health.Error, "total gives 2 series where one is wanted: aggregate it with sum(…)"},
		"many series in the baseline alone": {func(_ string, when time.Time, v []float64) ([]float64, error) {
			if !late(when) {
				return append(v, v...), nil
			}
			return v, nil
		}, health.Error, "before the change total gives 2 series where one is wanted: aggregate it with sum(…) at 2026-11-23 12:00:15"},
		"negative": {func(q string, when time.Time, v []float64) ([]float64, error) {
			if late(when) && bad(q) {
				return []float64{-1}, nil
			}
			return v, nil
		}, health.Error, "bad is -1, and a count is never negative"},
		"bad above total": {func(q string, when time.Time, v []float64) ([]float64, error) {
			if late(when) && bad(q) {
				return []float64{5000}, nil
			}
			return v, nil
		}, health.Error, "bad 5000 is above total 3000: the two queries do not count the same events"},
		"a clock ahead of the metrics'": {func(_ string, when time.Time, v []float64) ([]float64, error) {
			if when.After(at.Add(-5 * time.Minute)) {
				return []float64{0}, nil // nothing has grown since the newest sample
			}
			return v, nil
		}, health.NoData, "there were 0 events, fewer than minSampleCount 30"},
		"a query that times out": {func(_ string, when time.Time, v []float64) ([]float64, error) {
			if late(when) {
				return nil, errors.New("no answer within 10s: context deadline exceeded")
			}
			return v, nil
		}, health.Error, "no answer from Prometheus: no answer within 10s: context deadline exceeded"},
		"a query that the server refuses": {func(string, time.Time, []float64) ([]float64, error) {
			return nil, health.ErrQuery
		}, health.Error, "Prometheus refuses the query: the query is not valid"},
	} {
		t.Run(name, func(t *testing.T) {
			s := &spoiled{spoil: tt.spoil}
			s.begin, s.steps = now, serve(rand.New(rand.NewPCG(30, 1)), 160, 50, .005)
			gates := []health.Gate{{Name: "errors", Gate: evidenceGate()}}
			f := health.Judge{Metrics: s}.Measure(t.Context(), gates, health.Subject{ChangedAt: change}, change, at)[0]
			want(t, f, tt.verdict, tt.reason)
			if _, verdict := (health.Judgement{}).Add(gates, []health.Finding{f}); verdict == health.Pass || verdict == health.Fail {
				t.Errorf("it is decided: %s", verdict)
			}
		})
	}
}

func TestACounterThatJumpsDecidesNothing(t *testing.T) {
	random := rand.New(rand.NewPCG(31, 1))
	before := serve(random, 120, 50, .005)
	for name, jump := range map[string]evidence.Counts{
		"both":       {Bad: 1e6, Total: 1e9},
		"total only": {Bad: 3, Total: 1e9},
		"bad only":   {Bad: 750, Total: 750},
	} {
		since := serve(random, 40, 50, .005)
		since[10] = jump
		if verdict, f, _ := bake(t, evidenceGate(), before, since); verdict == health.Fail {
			t.Errorf("%s: %s", name, f.Reason)
		}
	}
	// A jump before the change makes the baseline as bursty as it is, and hides no bad release.
	before[50] = evidence.Counts{Bad: 400, Total: 750}
	if verdict, f, took := bake(t, evidenceGate(), before, serve(random, 40, 50, .2)); verdict != health.Fail || took > 3*time.Minute {
		t.Errorf("after a jump in the baseline it is %q after %s: %s", verdict, took, f.Evidence)
	}
}

func TestAGapOnlyDelays(t *testing.T) {
	random := rand.New(rand.NewPCG(32, 1))
	since := slices.Concat(serve(random, 1, 50, .05), make([]evidence.Counts, 20), serve(random, 20, 50, .05))
	if verdict, f, took := bake(t, evidenceGate(), serve(random, 120, 50, .005), since); verdict != health.Fail || took < 22*interval || took > 26*interval {
		t.Errorf("it is %q after %s: %s", verdict, took, f.Evidence)
	}
}

// junk answers with anything at all, the same to the same question.
type junk struct{ seed uint64 }

func (j junk) Query(_ context.Context, promql string, at time.Time) ([]float64, error) {
	sum := fnv.New64a()
	fmt.Fprint(sum, promql, at)
	random := rand.New(rand.NewPCG(j.seed, sum.Sum64()))
	if random.IntN(200) == 0 {
		return nil, errors.New("connection refused")
	}
	var values []float64
	for range (1 + random.IntN(8)) / 3 { // none, one or two, most often one
		values = append(values, []float64{
			0, 1, 100, 1e6, 1e300, -1, math.NaN(), math.Inf(1), math.Inf(-1), random.Float64(), 1000 * random.Float64(), random.NormFloat64(),
		}[random.IntN(12)])
	}
	return values, nil
}

func (j junk) Range(ctx context.Context, promql string, from, to time.Time, step time.Duration) ([][]float64, error) {
	return moments(ctx, j, promql, from, to, step)
}

func (junk) Link(string, time.Time) string { return "" }

func TestNothingThatPrometheusCouldAnswerPanicsOrPassesUnmeasured(t *testing.T) {
	compared := policy.Gate{Query: "q", Baseline: &policy.Baseline{Before: policy.Duration(2 * time.Minute)}}
	both := policy.Gate{Query: "q", FailureCondition: "result > 10", Baseline: &policy.Baseline{Query: "old"}}
	beside := evidenceGate()
	beside.Baseline = &policy.Baseline{Bad: "count_over_time(oldbad[$window])", Total: "count_over_time(oldtotal[$window])"}
	short := evidenceGate()
	short.Baseline = &policy.Baseline{Before: policy.Duration(2 * time.Minute)}
	rapid.Check(t, func(rt *rapid.T) {
		gate := health.Gate{Name: "gate", Gate: rapid.SampledFrom([]policy.Gate{compared, both, beside, short, ratioGate()}).Draw(rt, "gate")}
		since := now.Add(-time.Duration(rapid.IntRange(-10, 120).Draw(rt, "age")) * time.Second)
		j := health.Judge{Metrics: junk{rapid.Uint64().Draw(rt, "seed")}}
		r := j.Read(rt.Context(), gate, health.Subject{ChangedAt: since}, since, since.Add(interval), now)
		for i, f := range gate.Findings(r, .05) {
			look := r.Looks[i]
			if f.Verdict == "" || f.Reason == "" {
				rt.Fatalf("it says nothing: %+v", f)
			}
			if f.Verdict != health.Pass {
				continue
			}
			if gate.Counts() && (len(look.Total) != 1 || !(look.Total[0] >= 30) || len(look.Bad) > 1) || !gate.Counts() && len(look.Value) != 1 {
				rt.Fatalf("it passes on %+v: %s", look, f.Reason)
			}
		}
	})
}
