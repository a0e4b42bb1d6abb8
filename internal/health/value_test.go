package health_test

import (
	"encoding/json"
	"fmt"
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/cinegit/guardian/internal/health"
	"github.com/cinegit/guardian/internal/policy"
)

func TestConditionsDecideAsInArgoRollouts(t *testing.T) {
	for name, tt := range map[string]struct {
		success, failure string
		value            float64
		verdict          health.Verdict
		reason           string
	}{
		"only success, and it holds":         {"result < 0.5", "", 0.25, health.Pass, "0.25 meets the successCondition"},
		"only success, and it does not hold": {"result < 0.5", "", 0.75, health.Fail, "0.75 does not meet the successCondition"},
		"only failure, and it holds":         {"", "result > 0.5", 0.75, health.Fail, "0.75 meets the failureCondition"},
		"only failure, and it does not hold": {"", "result > 0.5", 0.25, health.Pass, "0.25 does not meet the failureCondition"},
		"both, success holds":                {"result < 0.5", "result > 1", 0.25, health.Pass, "0.25 meets the successCondition"},
		"both, failure holds":                {"result < 0.5", "result > 1", 2, health.Fail, "2 meets the failureCondition"},
		"both, neither holds":                {"result < 0.5", "result > 1", 0.75, health.Inconclusive, "0.75 meets neither condition"},
		"both, both hold":                    {"result > 0", "result > 1", 2, health.Fail, "2 meets the failureCondition"},
		"zero is a measurement":              {"", "result > 0.5", 0, health.Pass, "0 does not meet the failureCondition"},
		"the bound itself is not above it":   {"", "result > 0.5", 0.5, health.Pass, "0.5 does not meet the failureCondition"},
	} {
		t.Run(name, func(t *testing.T) {
			f := look(t, always(tt.value), policy.Gate{Query: "q", SuccessCondition: tt.success, FailureCondition: tt.failure})
			want(t, f, tt.verdict, tt.reason)
			if f.Value == nil || *f.Value != tt.value {
				t.Errorf("value is %v", f.Value)
			}
		})
	}
}

func TestWhatIsNoNumberIsNoPass(t *testing.T) {
	for name, tt := range map[string]struct {
		success, failure string
		value            float64
		verdict          health.Verdict
		reason           string
	}{
		"NaN": {"", "result > 0.5", math.NaN(), health.NoData, "NaN is not a number, as of a ratio without traffic"},
		"NaN that the successCondition provides for": {"isNaN(result) || result < 1", "", math.NaN(),
			health.Pass, "NaN meets the successCondition"},
		"NaN that the failureCondition provides for": {"", "isNaN(result) || result > 1", math.NaN(),
			health.Fail, "NaN meets the failureCondition"},
		"NaN that is only said to be no failure": {"", "!isNaN(result) && result > 1", math.NaN(),
			health.NoData, "NaN does not meet the failureCondition"},
		"+Inf above a bound": {"", "result > 0.5", math.Inf(1), health.Fail, "+Inf meets the failureCondition"},
		"-Inf below a bound": {"", "result > 0.5", math.Inf(-1), health.Inconclusive, "-Inf does not meet the failureCondition"},
		"+Inf as a success":  {"result > 0.99", "", math.Inf(1), health.Inconclusive, "+Inf meets the successCondition"},
		"+Inf that the condition provides for": {"isInf(result) || result < 1", "", math.Inf(1),
			health.Pass, "+Inf meets the successCondition"},
	} {
		t.Run(name, func(t *testing.T) {
			f := look(t, always(tt.value), policy.Gate{Query: "q", SuccessCondition: tt.success, FailureCondition: tt.failure})
			want(t, f, tt.verdict, tt.reason)
			if f.Value != nil {
				t.Errorf("value is %v", *f.Value)
			}
		})
	}
}

func TestSeveralSeriesWantAConditionOverAllOfThem(t *testing.T) {
	scalar := look(t, always(0.1, 0.2, 0.3), policy.Gate{Query: "q", FailureCondition: "result > 0.5"})
	want(t, scalar, health.Error, "the query gives 3 series where the condition wants one: "+
		"aggregate it, or write the condition over result[0] or all(result, …)")

	vector := look(t, always(0.1, 0.2, 0.9), policy.Gate{Query: "q", SuccessCondition: "all(result, # < 0.5)"})
	want(t, vector, health.Fail, "0.1, 0.2, 0.9 does not meet the successCondition")

	one := look(t, always(0.1), policy.Gate{Query: "q", SuccessCondition: "result[0] < 0.5"})
	want(t, one, health.Pass, "0.1 meets the successCondition")

	many := look(t, always(1, 2, 3, 4, 5, 6, 7), policy.Gate{Query: "q", SuccessCondition: "len(result) > 6"})
	want(t, many, health.Pass, "1, 2, 3, 4, 5, and 2 more meets the successCondition")
}

func TestAConditionThatCannotBeAskedIsAnError(t *testing.T) {
	for _, condition := range []string{"result >", "result + 1", "nonsense > 1", "result[3] > 1"} {
		f := look(t, always(1), policy.Gate{Query: "q", FailureCondition: condition})
		if f.Verdict != health.Error || f.Reason == "" {
			t.Errorf("%q gives %s: %s", condition, f.Verdict, f.Reason)
		}
	}
}

func TestNoFindingBreaksItsJSON(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := policy.Gate{
			Query:            "q",
			SuccessCondition: rapid.SampledFrom([]string{"", "result < 1", "isNaN(result)", "all(result, # < 1)"}).Draw(t, "success"),
			FailureCondition: rapid.SampledFrom([]string{"result > 2", "isInf(result)", "any(result, # > 2)"}).Draw(t, "failure"),
		}
		m := always(rapid.SliceOfN(anyFloat(), 0, 3).Draw(t, "values")...)
		gates := []health.Gate{{Name: "gate", Gate: g}}
		findings := health.Judge{Metrics: m}.Measure(t.Context(), gates, health.Subject{}, time.Time{}, now)
		if _, err := json.Marshal(findings); err != nil {
			t.Fatal(err)
		}
	})
}

func TestWithoutANumberAndWithoutProvisionNothingPasses(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		bound := rapid.Float64Range(-5, 5).Draw(t, "bound")
		sign := rapid.SampledFrom([]string{"<", "<=", ">", ">=", "!=", "=="}).Draw(t, "sign")
		condition := fmt.Sprintf("result %s %g", sign, bound)
		g := policy.Gate{Query: "q", SuccessCondition: condition}
		if rapid.Bool().Draw(t, "as failure") {
			g = policy.Gate{Query: "q", FailureCondition: condition}
		}
		value := rapid.SampledFrom([]float64{math.NaN(), math.Inf(1), math.Inf(-1)}).Draw(t, "value")
		gates := []health.Gate{{Name: "gate", Gate: g}}
		f := health.Judge{Metrics: always(value)}.Measure(t.Context(), gates, health.Subject{}, time.Time{}, now)[0]
		if f.Verdict == health.Pass {
			t.Fatalf("%v passes %+v: %s", value, g, f.Reason)
		}
	})
}

// anyFloat draws also what is no number.
func anyFloat() *rapid.Generator[float64] {
	return rapid.OneOf(
		rapid.Float64(),
		rapid.Float64Range(-10, 1000),
		rapid.SampledFrom([]float64{0, 1, math.NaN(), math.Inf(1), math.Inf(-1), math.MaxFloat64, math.SmallestNonzeroFloat64}),
	)
}
