package health_test

import (
	"context"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/cinegit/guardian/internal/health"
	"github.com/cinegit/guardian/internal/policy"
)

func ratioGate() policy.Gate {
	return policy.Gate{Bad: "bad", Total: "total", Max: ptr(policy.Percent(0.05))}
}

func counted(bad, total []float64) *metrics {
	return &metrics{values: map[string][]float64{"bad": bad, "total": total}}
}

func TestARatioIsHeldAgainstItsMaximum(t *testing.T) {
	for name, tt := range map[string]struct {
		bad, total []float64
		verdict    health.Verdict
		reason     string
	}{
		"below":                       {[]float64{3}, []float64{100}, health.Pass, "3% (3 of 100) is not above 5%"},
		"at it":                       {[]float64{5}, []float64{100}, health.Pass, "5% (5 of 100) is not above 5%"},
		"above":                       {[]float64{6}, []float64{100}, health.Fail, "6% (6 of 100) is above 5%"},
		"no bad series, much traffic": {nil, []float64{100}, health.Pass, "0% (0 of 100) is not above 5%"},
		"no bad series, thin traffic": {nil, []float64{29}, health.NoData, "there were 29 events, fewer than minSampleCount 30"},
		"thin traffic":                {[]float64{9}, []float64{9}, health.NoData, "there were 9 events, fewer than minSampleCount 30"},
		"no total series":             {[]float64{3}, nil, health.NoData, "total finds no series"},
		"neither":                     {nil, nil, health.NoData, "total finds no series"},
		"several totals":              {[]float64{3}, []float64{50, 60}, health.Error, "total gives 2 series where one is wanted: aggregate it with sum(…)"},
		"several bads":                {[]float64{3, 4}, []float64{50}, health.Error, "bad gives 2 series where one is wanted: aggregate it with sum(…)"},
		"negative bad":                {[]float64{-3}, []float64{50}, health.Error, "bad is -3, and a count is never negative"},
		"negative total":              {[]float64{3}, []float64{-50}, health.Error, "total is -50, and a count is never negative"},
		"bad is NaN":                  {[]float64{math.NaN()}, []float64{50}, health.NoData, "bad is not a number"},
		"total is infinite":           {[]float64{3}, []float64{math.Inf(1)}, health.Error, "total is infinite"},
		"bad above total":             {[]float64{60}, []float64{50}, health.Error, "bad 60 is above total 50: the two queries do not count the same events"},
		"bad above total by rounding": {[]float64{50.3}, []float64{50}, health.Fail, "100% (50 of 50) is above 5%"},
	} {
		t.Run(name, func(t *testing.T) {
			want(t, look(t, counted(tt.bad, tt.total), ratioGate()), tt.verdict, tt.reason)
		})
	}
}

func TestACountsFindingTellsWhatItRestsOn(t *testing.T) {
	f := look(t, counted([]float64{6}, []float64{100}), ratioGate())
	if f.Value == nil || *f.Value != 0.06 {
		t.Errorf("value is %v", f.Value)
	}
	if f.Threshold != "5%" || f.Query != "(bad) / (total)" || f.Window != "1m" || f.Link != "http://prometheus/(bad) / (total)" {
		t.Errorf("finding is %+v", f)
	}
}

// changed is when the change of look and lookSince began.
var changed = now.Add(-5 * time.Minute)

// sides is a Querier over the events of a service that were counted in the half hour before it
// changed and in every minute after.
type sides struct {
	before, after [2]float64

	mu    sync.Mutex
	asked map[string][]time.Time
}

func (s *sides) Query(_ context.Context, promql string, at time.Time) ([]float64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.asked == nil {
		s.asked = map[string][]time.Time{}
	}
	s.asked[promql] = append(s.asked[promql], at)
	i := strings.Index("bad total", strings.TrimSuffix(promql, "[1m]")) / 4
	if at.After(changed) {
		return []float64{s.after[i]}, nil
	}
	return []float64{s.before[i] / 30}, nil
}

func (s *sides) Range(ctx context.Context, promql string, from, to time.Time, step time.Duration) ([][]float64, error) {
	return moments(ctx, s, promql, from, to, step)
}

func (s *sides) Link(string, time.Time) string { return "" }

func compared(before, after [2]float64) *sides { return &sides{before: before, after: after} }

func toleranceGate() policy.Gate {
	return policy.Gate{Bad: "bad[$window]", Total: "total[$window]", Tolerance: ptr(policy.Percent(0.25))}
}

func TestAComparisonFailsOnlyOnClearEvidence(t *testing.T) {
	before := [2]float64{450, 90_000} // 0.5%; at most 0.5483% by Clopper and Pearson, 0.6853% with its tolerance
	for name, tt := range map[string]struct {
		after   [2]float64
		verdict health.Verdict
	}{
		"as before":                             {[2]float64{15, 3000}, health.Pass},
		"worse within tolerance":                {[2]float64{18, 3000}, health.Pass},
		"twice as bad in few requests":          {[2]float64{1, 100}, health.NoData},
		"three times as bad in enough requests": {[2]float64{45, 3000}, health.Fail},
		"all bad in few requests":               {[2]float64{40, 40}, health.Fail},
		"no errors any more":                    {[2]float64{0, 3000}, health.Pass},
	} {
		t.Run(name, func(t *testing.T) {
			f := look(t, compared(before, tt.after), toleranceGate())
			if f.Verdict != tt.verdict {
				t.Errorf("got %s: %s", f.Verdict, f.Reason)
			}
			if want := "0.6853% (0.5% before the change, 25% tolerated)"; f.Threshold != want {
				t.Errorf("threshold is %s, want %s", f.Threshold, want)
			}
		})
	}
	f := look(t, compared(before, [2]float64{45, 3000}), toleranceGate())
	want(t, f, health.Fail, "1.5% (45 of 3000) is at least 1.096%, above 0.6853%: it was 0.5% (450 of 90000) before the change")
}

func TestTheBaselineLiesBeforeTheChange(t *testing.T) {
	m := compared([2]float64{450, 90_000}, [2]float64{15, 3000})
	look(t, m, toleranceGate())
	for query, times := range m.asked {
		slices.SortFunc(times, time.Time.Compare)
		if len(times) != 32 || !times[0].Equal(changed.Add(-30*time.Minute)) || !times[30].Equal(changed) || !times[31].Equal(now) {
			t.Errorf("%s was asked as of %s", query, times)
		}
	}
}

func TestWithoutABaselineOnlyTheMaximumJudges(t *testing.T) {
	m := compared([2]float64{0, 0}, [2]float64{15, 3000})
	want(t, look(t, m, toleranceGate()), health.NoData, "before the change there were 0 events, fewer than minSampleCount 30")

	both := toleranceGate()
	both.Max = ptr(policy.Percent(0.05))
	want(t, look(t, m, both), health.Pass,
		"0.5% (15 of 3000) is not above 5%; it is compared with nothing, for before the change there were 0 events, fewer than minSampleCount 30")

	m = compared([2]float64{0, 0}, [2]float64{300, 3000})
	want(t, look(t, m, both), health.Fail, "10% (300 of 3000) is above 5%")
}

func TestWithoutTheMomentOfTheChangeThereIsNoBaseline(t *testing.T) {
	gates := []health.Gate{{Name: "gate", Gate: toleranceGate()}}
	m := compared([2]float64{450, 90_000}, [2]float64{300, 3000})
	f := health.Judge{Metrics: m}.Measure(t.Context(), gates, health.Subject{}, time.Time{}, now)[0]
	want(t, f, health.NoData, "before the change nothing is known, as it is not known when the change began")
}

func TestCountsPassOnlyWhenTheyWereCounted(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		bad := rapid.SliceOfN(anyFloat(), 0, 2).Draw(t, "bad")
		total := rapid.SliceOfN(anyFloat(), 0, 2).Draw(t, "total")
		g := health.Gate{Name: "gate", Gate: ratioGate()}
		f := health.Judge{Metrics: counted(bad, total)}.Measure(t.Context(), []health.Gate{g}, health.Subject{}, time.Time{}, now)[0]
		if f.Verdict != health.Pass {
			return
		}
		if len(total) != 1 || !(total[0] >= 30) || len(bad) > 1 || len(bad) == 1 && !(bad[0] >= 0 && bad[0]/total[0] <= 0.05) {
			t.Fatalf("bad %v of total %v passes: %s", bad, total, f.Reason)
		}
	})
}

func TestMoreErrorsNeverMakeAComparisonBetter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		total := rapid.IntRange(30, 5000).Draw(t, "total")
		fewer := rapid.IntRange(0, total).Draw(t, "fewer")
		more := rapid.IntRange(fewer, total).Draw(t, "more")
		totalBefore := rapid.IntRange(30, 100_000).Draw(t, "total before")
		before := [2]float64{float64(rapid.IntRange(0, totalBefore).Draw(t, "bad before")), float64(totalBefore)}
		verdict := func(bad int) health.Verdict {
			m := compared(before, [2]float64{float64(bad), float64(total)})
			gates := []health.Gate{{Name: "gate", Gate: toleranceGate()}}
			f := health.Judge{Metrics: m}.Measure(t.Context(), gates, health.Subject{ChangedAt: changed}, time.Time{}, now)[0]
			if strings.Contains(f.Reason, "NaN") {
				t.Fatal(f.Reason)
			}
			return f.Verdict
		}
		if verdict(fewer).Worse(verdict(more)) {
			t.Fatalf("%d bad of %d is judged worse than %d", fewer, total, more)
		}
	})
}
