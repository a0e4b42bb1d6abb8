package health_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cinegit/guardian/internal/health"
	"github.com/cinegit/guardian/internal/policy"
)

func TestWhatEndsARowEndsItAndEveryLookIsCounted(t *testing.T) {
	const (
		p, f, e, n, i = health.Pass, health.Fail, health.Error, health.NoData, health.Inconclusive
		open          = health.Verdict("")
	)
	for name, tt := range map[string]struct {
		gate  policy.Gate
		looks []health.Verdict
		want  health.Verdict
	}{
		"a good one ends a row of errors":            {policy.Gate{ConsecutiveSuccessLimit: ptr(9)}, []health.Verdict{e, e, e, e, p, e}, open},
		"a failure ends a row of errors":             {policy.Gate{}, []health.Verdict{e, e, e, e, f, e}, open},
		"one that tells nothing ends a row of good":  {policy.Gate{InconclusiveLimit: ptr(-1)}, []health.Verdict{p, i, p}, open},
		"one that tells nothing ends one of errors":  {policy.Gate{InconclusiveLimit: ptr(-1)}, []health.Verdict{e, e, e, e, i, e}, open},
		"no data ends no row of good":                {policy.Gate{}, []health.Verdict{p, n, p}, p},
		"an error limit of one bears one":            {policy.Gate{ConsecutiveErrorLimit: ptr(1)}, []health.Verdict{e, n, e, e}, e},
		"errors that are borne without limit":        {policy.Gate{ConsecutiveErrorLimit: ptr(-1)}, []health.Verdict{e, e, e, e, e, e, e}, open},
		"as many good ones in a row as are asked of": {policy.Gate{ConsecutiveSuccessLimit: ptr(3)}, []health.Verdict{p, p, p}, p},
		"one less than that":                         {policy.Gate{ConsecutiveSuccessLimit: ptr(3)}, []health.Verdict{p, p}, open},
	} {
		verdicts := judged(tt.gate, tt.looks...)
		if got := verdicts[len(verdicts)-1]; got != tt.want {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
	var jm health.Judgement
	gates := []health.Gate{{Name: "gate"}}
	for _, v := range []health.Verdict{p, f, e, n, i, n, e, "Splendid"} {
		jm, _ = jm.Add(gates, []health.Finding{{Gate: "gate", Verdict: v}, {Gate: "other", Verdict: f}})
	}
	want := health.Judgement{Looks: 8, Gates: map[string]health.GateRecord{
		"gate": {Successful: 1, Failed: 1, Inconclusive: 1, NoData: 2, Errors: 3, ConsecutiveErrors: 2},
	}}
	if diff := cmp.Diff(want, jm); diff != "" {
		t.Error(diff)
	}
}

func TestEvidenceThatAReleaseIsBadIsKeptWhateverComesLater(t *testing.T) {
	bad, well := &health.Evidence{Windows: 2, BadAt: now}, &health.Evidence{Windows: 3, WellAt: now}
	gates := []health.Gate{{Name: "gate", Gate: policy.Gate{ConsecutiveSuccessLimit: ptr(9)}}}
	look := func(jm health.Judgement, v health.Verdict, e *health.Evidence) (health.Judgement, health.Verdict) {
		return jm.Add(gates, []health.Finding{{Gate: "gate", Verdict: v, Evidence: e}})
	}
	jm, verdict := look(health.Judgement{}, health.Fail, bad)
	if verdict != health.Fail || jm.Gates["gate"].Failed != 0 {
		t.Errorf("bad evidence gives %q: %+v", verdict, jm)
	}
	for _, later := range []*health.Evidence{well, nil} {
		if jm, verdict := look(jm, health.Pass, later); verdict != health.Fail || jm.Gates["gate"].Evidence != bad {
			t.Errorf("and then %+v: %q", later, verdict)
		}
	}
	jm, verdict = look(health.Judgement{}, health.Pass, well)
	if verdict != health.Pass {
		t.Errorf("good evidence gives %q", verdict)
	}
	if jm, verdict := look(jm, health.NoData, nil); verdict != health.Pass || jm.Gates["gate"].Evidence != well {
		t.Errorf("a look without evidence: %q, %+v", verdict, jm)
	}
	if _, verdict := look(jm, health.Fail, bad); verdict != health.Fail {
		t.Errorf("what goes bad after good evidence gives %q", verdict)
	}
}

// busy is a Querier that takes a second, and counts who asks at the same time.
type busy struct {
	*metrics
	now, most atomic.Int64
}

func (b *busy) Query(context.Context, string, time.Time) ([]float64, error) {
	at := b.now.Add(1)
	defer b.now.Add(-1)
	for most := b.most.Load(); at > most && !b.most.CompareAndSwap(most, at); most = b.most.Load() {
	}
	<-time.After(time.Second)
	return []float64{1}, nil
}

func TestOneLookAsksAFewGatesAtOnceAndNoMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var gates []health.Gate
		for i := range 10 {
			gates = append(gates, health.Gate{Name: fmt.Sprint(i), Gate: policy.Gate{Query: "q", FailureCondition: "result > 5"}})
		}
		m := &busy{metrics: always(1)}
		start := time.Now()
		findings := health.Judge{Metrics: m}.Measure(t.Context(), gates, health.Subject{}, time.Time{}, now)
		if m.most.Load() != 4 || time.Since(start) != 3*time.Second || len(findings) != 10 || findings[9].Gate != "9" || findings[9].Verdict != health.Pass {
			t.Errorf("%d at once, %s, %+v", m.most.Load(), time.Since(start), findings)
		}
	})
}

func TestAGateLooksBackAsFarAsTheLongestOfItsQueries(t *testing.T) {
	for name, tt := range map[string]struct {
		gate policy.Gate
		want time.Duration
	}{
		"of counts":            {policy.Gate{Bad: "increase(x[2m])", Total: "increase(y[7m])"}, 7 * time.Minute},
		"its baseline's":       {policy.Gate{Query: "rate(x[5m])", Baseline: &policy.Baseline{Query: "rate(x[10m])"}}, 10 * time.Minute},
		"its baseline's bad":   {policy.Gate{Bad: "increase(x[1m])", Total: "increase(y[1m])", Baseline: &policy.Baseline{Bad: "increase(x[3m])", Total: "increase(y[2m])"}}, 3 * time.Minute},
		"its baseline's total": {policy.Gate{Bad: "increase(x[1m])", Total: "increase(y[1m])", Baseline: &policy.Baseline{Bad: "increase(x[2m])", Total: "increase(y[4m])"}}, 4 * time.Minute},
	} {
		if got, err := (health.Gate{Name: "gate", Gate: tt.gate}).Lookback(); got != tt.want || err != nil {
			t.Errorf("%s: %s, %v", name, got, err)
		}
	}
}

func TestAGateThatIsBoundedOrOfAValueTakesNoShareOfTheLevel(t *testing.T) {
	gate := health.Gate{Name: "errors", Gate: policy.Gate{Bad: "b", Total: "t", Tolerance: ptr(policy.Percent(.25))}}
	bounded, value := gate, health.Gate{Name: "latency", Gate: policy.Gate{Query: "q", Tolerance: ptr(policy.Percent(.25))}}
	bounded.Tolerance, bounded.Max = nil, ptr(policy.Percent(.1))
	for want, among := range map[float64][]health.Gate{.05: {gate, bounded, value}, .025: {gate, bounded, gate}} {
		if got := gate.AlphaAmong(among); got != want {
			t.Errorf("among %d it is %g, want %g", len(among), got, want)
		}
	}
}
