package health_test

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/common/model"
	"gonum.org/v1/gonum/stat/distuv"

	"github.com/cinegit/guardian/internal/health"
	"github.com/cinegit/guardian/internal/health/evidence"
	"github.com/cinegit/guardian/internal/policy"
)

const interval = 15 * time.Second

// service is a Querier over the events of a service as they were counted every 15s. It answers
// bad[d] and total[d].
type service struct {
	begin time.Time
	steps []evidence.Counts
}

func (s *service) Query(_ context.Context, promql string, at time.Time) (health.Answer, error) {
	name, rest, _ := strings.Cut(promql, "[")
	window, err := model.ParseDuration(strings.TrimSuffix(rest, "]"))
	if err != nil {
		return health.Answer{}, err
	}
	var sum evidence.Counts
	to := int(at.Sub(s.begin) / interval)
	from := max(to-int(time.Duration(window)/interval), 0)
	for _, c := range s.steps[from:to] {
		sum.Bad += c.Bad
		sum.Total += c.Total
	}
	if name == "bad" {
		return health.Answer{Values: []float64{sum.Bad}}, nil
	}
	return health.Answer{Values: []float64{sum.Total}}, nil
}

// serve adds steps at an error ratio.
func (s *service) serve(random *rand.Rand, steps int, rps, ratio float64) {
	n := rps * interval.Seconds()
	for range steps {
		s.steps = append(s.steps, evidence.Counts{Bad: distuv.Binomial{N: n, P: ratio, Src: random}.Rand(), Total: n})
	}
}

func (s *service) now() time.Time { return s.begin.Add(time.Duration(len(s.steps)) * interval) }

// bake judges a change until it is decided or the looks are over: half an hour of baseline at
// half a percent of errors, then worse times that. Only evidence may pass it.
func bake(t *testing.T, random *rand.Rand, looks int, rps, worse float64) (health.Verdict, health.Judgement, time.Duration) {
	t.Helper()
	s := &service{begin: now}
	s.serve(random, 120, rps, .005)
	changed := s.now()
	gate := toleranceGate()
	gate.ConsecutiveSuccessLimit = ptr(1000)
	gates := []health.Gate{{Name: "errors", Gate: gate}}
	jm := health.Judgement{Since: changed}
	for range looks {
		s.serve(random, 1, rps, .005*worse)
		findings := health.Judge{Metrics: s}.Measure(t.Context(), gates, health.Subject{ChangedAt: changed}, changed, s.now())
		var verdict health.Verdict
		if jm, verdict = jm.Add(gates, findings); verdict != "" {
			return verdict, jm, s.now().Sub(changed)
		}
	}
	return "", jm, s.now().Sub(changed)
}

func TestOfHealthyReleasesNoMoreThanAlphaFail(t *testing.T) {
	for name, worse := range map[string]float64{"as before": 1, "15% worse by the time of day": 1.15, "worse by just what is borne": 1.25} {
		random := rand.New(rand.NewPCG(11, 1))
		const runs = 120
		failed := 0
		for range runs {
			if verdict, _, _ := bake(t, random, 120, 50, worse); verdict == health.Fail {
				failed++
			}
		}
		if failed > runs/20 {
			t.Errorf("%s: %d of %d fail", name, failed, runs)
		}
	}
}

func TestABadReleaseFailsWithinAMinute(t *testing.T) {
	random := rand.New(rand.NewPCG(12, 1))
	late := 0
	const runs = 100
	for range runs {
		verdict, _, took := bake(t, random, 120, 50, 5)
		if verdict != health.Fail {
			t.Fatalf("it is %q", verdict)
		}
		if took < 2*interval {
			t.Fatalf("one window decided, after %s", took)
		}
		if took > time.Minute {
			late++
		}
	}
	if late > runs/20 {
		t.Errorf("%d of %d took longer", late, runs)
	}
}

func TestAHealthyReleasePassesEarlyOnEvidence(t *testing.T) {
	verdict, jm, took := bake(t, rand.New(rand.NewPCG(13, 1)), 240, 200, 1)
	if verdict != health.Pass || took > 30*time.Minute {
		t.Errorf("it is %q after %s: %v", verdict, took, jm.Explain([]health.Gate{{Name: "errors", Gate: toleranceGate()}}))
	}
}

// compare adds looks with what was counted since the change, all of them judged Pass by themselves.
func compare(since ...evidence.Counts) (health.Judgement, health.Verdict) {
	gate := toleranceGate()
	gate.ConsecutiveSuccessLimit = ptr(1000)
	gates := []health.Gate{{Name: "errors", Gate: gate}}
	var jm health.Judgement
	var verdict health.Verdict
	for _, c := range since {
		sample := &health.Sample{Before: evidence.Counts{Bad: 450, Total: 90_000}, Since: c}
		jm, verdict = jm.Add(gates, []health.Finding{{Gate: "errors", Verdict: health.Pass, Sample: sample}})
	}
	return jm, verdict
}

func TestOneWindowNeverDecidesHoweverBad(t *testing.T) {
	if jm, verdict := compare(evidence.Counts{Bad: 100_000, Total: 100_000}); verdict != "" {
		t.Errorf("it is %s: %+v", verdict, jm.Gates["errors"])
	}
	if _, verdict := compare(evidence.Counts{Bad: 500, Total: 500}, evidence.Counts{Bad: 1000, Total: 1000}); verdict != health.Fail {
		t.Errorf("two such windows are %q", verdict)
	}
	if _, verdict := compare(evidence.Counts{Bad: 500, Total: 500}, evidence.Counts{Bad: 500, Total: 500}); verdict != "" {
		t.Errorf("the same window twice is %q", verdict)
	}
}

func TestCountsThatFallBehindAddNothing(t *testing.T) {
	jm, verdict := compare(
		evidence.Counts{Bad: 4, Total: 750},
		evidence.Counts{Bad: 2, Total: 400}, // a series went away
		evidence.Counts{Bad: 3, Total: 1500},
	)
	e := jm.Gates["errors"].Evidence
	if verdict != "" || e.Windows != 2 || e.Seen != (evidence.Counts{Bad: 4, Total: 1500}) {
		t.Errorf("it is %q: %+v", verdict, e)
	}
}

func TestAFailedLookOfAComparisonCountsOnlyWhereNothingCouldBeWeighed(t *testing.T) {
	gate := toleranceGate()
	gate.Tolerance = ptr(policy.Percent(100)) // too much for any evidence
	gates := []health.Gate{{Name: "errors", Gate: gate}}
	fail := func(jm health.Judgement, since evidence.Counts) (health.Judgement, health.Verdict) {
		sample := &health.Sample{Before: evidence.Counts{Bad: 450, Total: 90_000}, Since: since}
		return jm.Add(gates, []health.Finding{{Gate: "errors", Verdict: health.Fail, Sample: sample}})
	}
	var jm health.Judgement
	var verdict health.Verdict
	for i := range 10 {
		jm, verdict = fail(jm, evidence.Counts{Bad: float64(30 * i), Total: float64(750 * i)})
	}
	if failed := jm.Gates["errors"].Failed; verdict != "" || failed != 1 { // the first had seen nothing yet
		t.Errorf("it is %q with %d failures", verdict, failed)
	}
	for _, since := range []evidence.Counts{{}, {Bad: 10, Total: 100}} {
		jm, verdict = fail(jm, since)
	}
	if verdict != health.Fail {
		t.Errorf("three failed looks that add nothing are %q", verdict)
	}
}

func TestAMaximumFailsByItsLimitBesideAComparison(t *testing.T) {
	const f = health.Fail
	gate := toleranceGate()
	gate.Max = ptr(policy.Percent(.05))
	if verdicts := judged(gate, f, f, f); verdicts[2] != health.Fail {
		t.Errorf("verdicts are %q", verdicts)
	}
}

func TestGatesThatCompareShareAlpha(t *testing.T) {
	gate := health.Gate{Name: "errors", Gate: toleranceGate()}
	other := health.Gate{Name: "slow", Gate: toleranceGate()}
	dry := other
	dry.DryRun = true
	jm, _ := compare(evidence.Counts{Bad: 4, Total: 750})
	for want, gates := range map[string][]health.Gate{"3.7": {gate}, "4.4": {gate, other}, "3.70": {gate, dry}} {
		if got := jm.Explain(gates)["errors"]; !strings.Contains(got, strings.TrimSuffix(want, "0")+" decides") {
			t.Errorf("with %d gates: %s", len(gates), got)
		}
	}
}

func TestEvidenceIsExplained(t *testing.T) {
	jm, _ := compare(evidence.Counts{Bad: 4, Total: 750}, evidence.Counts{Bad: 30, Total: 1500})
	got := jm.Explain([]health.Gate{{Name: "errors", Gate: toleranceGate()}, {Name: "other"}})
	want := map[string]string{"errors": "2% (30 of 1500) since the change, in 2 windows, against 0.5% (450 of 90000) before: " +
		"evidence -0.4 that it is above 0.6853%, -5.8 that it is below 0.6824%; 3.7 decides"}
	if len(got) != 1 || cmp.Diff(want, got) != "" {
		t.Error(cmp.Diff(want, got))
	}
}

func TestEvidenceIsKeptBetweenLooksAsJSON(t *testing.T) {
	jm, _ := compare(evidence.Counts{Bad: 4, Total: 750}, evidence.Counts{Bad: 30, Total: 1500})
	raw, err := json.Marshal(jm)
	if err != nil {
		t.Fatal(err)
	}
	var back health.Judgement
	if err := json.Unmarshal(raw, &back); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(jm, back); diff != "" {
		t.Error(diff)
	}
}

func TestTheTimeSinceTheChangeIsOnlyAskedWhereItCanBe(t *testing.T) {
	since := now.Add(-4 * time.Minute)
	m := compared([2]float64{450, 90_000}, [2]float64{15, 3000})
	m.values["bad[4m]"], m.values["total[4m]"] = []float64{60}, []float64{12_000}
	f := lookSince(t, m, toleranceGate(), since)
	want := &health.Sample{Before: evidence.Counts{Bad: 450, Total: 90_000}, Since: evidence.Counts{Bad: 60, Total: 12_000}}
	if diff := cmp.Diff(want, f.Sample); diff != "" {
		t.Error(diff)
	}
	fixed := toleranceGate()
	fixed.Bad, fixed.Total = "increase(b[5m])", "increase(t[5m])"
	m = &metrics{values: map[string][]float64{fixed.Bad: {15}, fixed.Total: {3000}}}
	if f := lookSince(t, m, fixed, since); f.Sample == nil || f.Sample.Since.Total != 0 {
		t.Errorf("a fixed range counts the time since: %+v", f)
	}
	if f := look(t, compared([2]float64{450, 90_000}, [2]float64{15, 3000}), toleranceGate()); f.Sample == nil || f.Sample.Since.Total != 0 {
		t.Errorf("without a moment to count from: %+v", f)
	}
}
