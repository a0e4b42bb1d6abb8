package health_test

import (
	"errors"
	"math"
	"testing"
	"time"

	"github.com/cinegit/guardian/internal/health"
	"github.com/cinegit/guardian/internal/policy"
)

// Each test is a case in which a known system gives the wrong verdict, and names that system.

func TestArgoRolloutsPassesAGateWithoutConditions(t *testing.T) {
	want(t, look(t, always(1), policy.Gate{Query: "q"}), health.Error,
		"the gate has neither successCondition nor failureCondition: give one, or it judges nothing")
	want(t, look(t, always(1), policy.Gate{Bad: "q", Total: "q"}), health.Error,
		"the gate has neither max nor tolerance: give one, or it judges nothing")
	want(t, look(t, always(1), policy.Gate{Bad: "q", Max: ptr(policy.Percent(0))}), health.Error,
		"the gate has only one of bad and total: give both")
}

func TestArgoRolloutsPassesARunThatMeasuredNothing(t *testing.T) {
	gates := []health.Gate{{Name: "gate"}}
	if _, verdict := (health.Judgement{}).Add(gates, nil); verdict != "" {
		t.Errorf("a look without findings is %s", verdict)
	}
	if _, verdict := (health.Judgement{}).Add(nil, nil); verdict != "" {
		t.Errorf("a look without gates is %s", verdict)
	}
	if verdict := health.Overall(nil); verdict != health.NoData {
		t.Errorf("no findings are %s", verdict)
	}
}

func TestArgoRolloutsPassesARunWhoseEveryMeasurementErred(t *testing.T) {
	const e = health.Error
	verdicts := judged(policy.Gate{}, e, e, e, e, e)
	if last := verdicts[len(verdicts)-1]; last != health.Error {
		t.Errorf("five errors are %q", last)
	}
}

func TestArgoRolloutsFailureLimitFailsOnOneMore(t *testing.T) {
	const f = health.Fail
	verdicts := judged(policy.Gate{FailureLimit: ptr(3)}, f, f, f, f)
	if verdicts[2] != "" || verdicts[3] != health.Fail {
		t.Errorf("the verdicts are %q", verdicts)
	}
}

func TestArgoRolloutsFailsOnNaNAndErrsOnAnEmptyVector(t *testing.T) {
	success := policy.Gate{Query: "q", SuccessCondition: "result < 0.5"}
	both := policy.Gate{Query: "q", SuccessCondition: "result < 0.5", FailureCondition: "result > 1"}
	vector := policy.Gate{Query: "q", SuccessCondition: "result[0] < 0.5"}
	for _, g := range []policy.Gate{success, both, vector} {
		if f := look(t, always(math.NaN()), g); f.Verdict != health.NoData {
			t.Errorf("NaN is %s for %+v", f.Verdict, g)
		}
		if f := look(t, always(), g); f.Verdict != health.NoData {
			t.Errorf("an empty vector is %s for %+v", f.Verdict, g)
		}
	}
}

func TestFlaggerRollsBackOnAPrometheusOutage(t *testing.T) {
	away := &metrics{errs: map[string]error{"q": errors.New("connection refused")}}
	gates := []health.Gate{{Name: "gate", Gate: policy.Gate{Query: "q", FailureCondition: "result > 1"}}}
	var jm health.Judgement
	for range 20 {
		var verdict health.Verdict
		jm, verdict = jm.Add(gates, health.Judge{Metrics: away}.Measure(t.Context(), gates, health.Subject{}, time.Time{}, now))
		if verdict == health.Fail || verdict == health.Pass {
			t.Fatalf("an outage is a %s", verdict)
		}
	}
	if jm.Gates["gate"].Failed != 0 {
		t.Errorf("the outage was counted as failures: %+v", jm.Gates["gate"])
	}
}

func TestKayentaDropsTheMetricThatThrows(t *testing.T) {
	m := always(0.1)
	m.errs = map[string]error{"broken": errors.New("connection refused")}
	gates := []health.Gate{
		{Name: "good", Gate: policy.Gate{Query: "q", FailureCondition: "result > 1"}},
		{Name: "critical", Gate: policy.Gate{Query: "broken", FailureCondition: "result > 1"}},
	}
	var jm health.Judgement
	for range 10 {
		findings := health.Judge{Metrics: m}.Measure(t.Context(), gates, health.Subject{}, time.Time{}, now)
		if v := health.Overall(findings); v != health.Error {
			t.Fatalf("the look is %s", v)
		}
		var verdict health.Verdict
		if jm, verdict = jm.Add(gates, findings); verdict == health.Pass {
			t.Fatal("it passes without the critical gate")
		}
	}
}

func TestKayentaScoresAGroupOfNothingButNodataAt100(t *testing.T) {
	const n = health.NoData
	for _, verdict := range judged(policy.Gate{}, n, n, n, n, n, n, n, n) {
		if verdict != "" {
			t.Errorf("no data is %s", verdict)
		}
	}
}

func TestKayentaPassesSevenOfTenPointsAtAHundredTimesTheBaseline(t *testing.T) {
	// Ten windows of 600 requests at one error each before; after, seven of ten have a hundred.
	m := compared([2]float64{10, 6000}, [2]float64{703, 6000})
	if f := look(t, m, toleranceGate()); f.Verdict != health.Fail {
		t.Errorf("it is %s: %s", f.Verdict, f.Reason)
	}
}

func TestKayentaPassesFiveOfTenNonzeroPointsAfterABaselineOfZero(t *testing.T) {
	m := compared([2]float64{0, 6000}, [2]float64{50, 6000})
	if f := look(t, m, toleranceGate()); f.Verdict != health.Fail {
		t.Errorf("it is %s: %s", f.Verdict, f.Reason)
	}
}

func TestHarnessSkipsTheVerificationOfAServiceThatItDoesNotFind(t *testing.T) {
	gates := health.GatesOf(&policy.Policy{}, []string{"errors"})
	f := health.Judge{Metrics: always(1)}.Measure(t.Context(), gates, health.Subject{}, time.Time{}, now)[0]
	want(t, f, health.Error, "the gate has no query: the policy does not define it")
}

func TestPipeCDPassesAThresholdOverAnEmptySeries(t *testing.T) {
	want(t, look(t, always(), policy.Gate{Query: "q", FailureCondition: "result > 1"}), health.NoData, "the query finds no series")
}
