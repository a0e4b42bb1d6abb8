package health_test

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"strings"
	"sync/atomic"
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
// count_over_time(bad[d]) and of total, and the same of old, which is the baseline beside it.
type service struct {
	begin time.Time
	steps []evidence.Counts
	old   []evidence.Counts
	asked atomic.Int64
}

func (s *service) Query(_ context.Context, promql string, at time.Time) ([]float64, error) {
	s.asked.Add(1)
	return s.answer(promql, at)
}

func (s *service) answer(promql string, at time.Time) ([]float64, error) {
	name, rest, _ := strings.Cut(strings.TrimPrefix(promql, "count_over_time("), "[")
	window, err := model.ParseDuration(strings.TrimSuffix(rest, "])"))
	if err != nil {
		return nil, err
	}
	steps := s.steps
	if strings.HasPrefix(name, "old") {
		steps = s.old
	}
	var sum evidence.Counts
	to := int(at.Sub(s.begin) / interval)
	for _, c := range steps[max(to-int(time.Duration(window)/interval), 0):to] {
		sum = sum.Plus(c)
	}
	if strings.HasSuffix(name, "bad") {
		return []float64{sum.Bad}, nil
	}
	return []float64{sum.Total}, nil
}

func (s *service) Range(_ context.Context, promql string, from, to time.Time, step time.Duration) (answers [][]float64, err error) {
	s.asked.Add(1)
	for at := from; !at.After(to); at = at.Add(step) {
		values, err := s.answer(promql, at)
		if err != nil {
			return nil, err
		}
		answers = append(answers, values)
	}
	return answers, nil
}

func (s *service) Link(string, time.Time) string { return "" }

func evidenceGate() policy.Gate {
	return policy.Gate{
		Bad: "count_over_time(bad[$window])", Total: "count_over_time(total[$window])",
		Tolerance: ptr(policy.Percent(0.25)), ConsecutiveSuccessLimit: ptr(1000),
	}
}

// serve gives steps at an error ratio.
func serve(random *rand.Rand, steps int, rps, ratio float64) []evidence.Counts {
	n := rps * interval.Seconds()
	var all []evidence.Counts
	for range steps {
		all = append(all, evidence.Counts{Bad: distuv.Binomial{N: n, P: ratio, Src: random}.Rand(), Total: n})
	}
	return all
}

// bake reads a service that was changed after half an hour at half a percent of errors.
func bake(t *testing.T, g policy.Gate, before, since []evidence.Counts) (health.Verdict, health.Finding, time.Duration) {
	t.Helper()
	s := &service{begin: now, steps: append(append([]evidence.Counts{}, before...), since...)}
	change := now.Add(time.Duration(len(before)) * interval)
	return judge(t, s, g, change, len(since))
}

// judge looks until the judgement is decided or the looks are over.
func judge(t *testing.T, s *service, g policy.Gate, change time.Time, looks int) (health.Verdict, health.Finding, time.Duration) {
	t.Helper()
	gate := health.Gate{Name: "errors", Gate: g}
	gates := []health.Gate{gate}
	last := change.Add(time.Duration(looks) * interval)
	reading := health.Judge{Metrics: s}.Read(t.Context(), gate, health.Subject{ChangedAt: change}, change, change.Add(interval), last)
	if reading.Err != nil {
		t.Fatal(reading.Err)
	}
	jm := health.Judgement{Since: change}
	findings := gate.Findings(reading, gate.AlphaAmong(gates))
	for _, f := range findings {
		var verdict health.Verdict
		if jm, verdict = jm.Add(gates, []health.Finding{f}); verdict != "" {
			return verdict, f, f.At.Sub(change)
		}
	}
	return "", findings[len(findings)-1], last.Sub(change)
}

func TestOfHealthyReleasesNoMoreThanAlphaFail(t *testing.T) {
	for name, worse := range map[string]float64{"as before": 1, "15% worse by the time of day": 1.15, "worse by just what is borne": 1.25} {
		random := rand.New(rand.NewPCG(11, 1))
		const runs = 200
		failed := 0
		for range runs {
			if verdict, _, _ := bake(t, evidenceGate(), serve(random, 120, 50, .005), serve(random, 120, 50, .005*worse)); verdict == health.Fail {
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
		verdict, f, took := bake(t, evidenceGate(), serve(random, 120, 50, .005), serve(random, 120, 50, .025))
		if verdict != health.Fail {
			t.Fatalf("it is %q: %s", verdict, f.Reason)
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

func TestAReleaseThatGoesBadLateFailsAsSoon(t *testing.T) {
	random := rand.New(rand.NewPCG(14, 1))
	for range 20 {
		since := append(serve(random, 120, 500, .005), serve(random, 120, 500, .025)...)
		verdict, f, took := bake(t, evidenceGate(), serve(random, 120, 500, .005), since)
		took -= 120 * interval
		if f.Evidence.WellAt.IsZero() && (verdict != health.Fail || took > time.Minute) {
			t.Errorf("half an hour after the change it goes bad, and is %q %s later", verdict, took)
		}
	}
	gate := evidenceGate()
	gate.Tolerance = ptr(policy.Percent(0)) // which nothing surely is below: only a Fail decides
	since := append(serve(random, 120, 50, .005), serve(random, 120, 50, .025)...)
	if verdict, f, took := bake(t, gate, serve(random, 120, 50, .005), since); verdict != health.Fail || took > 32*time.Minute {
		t.Errorf("it is %q after %s: %s", verdict, took, f.Evidence)
	}
}

func TestAHealthyReleasePassesEarlyOnEvidence(t *testing.T) {
	random := rand.New(rand.NewPCG(13, 1))
	verdict, f, took := bake(t, evidenceGate(), serve(random, 120, 200, .005), serve(random, 240, 200, .005))
	if verdict != health.Pass || took > 30*time.Minute {
		t.Errorf("it is %q after %s: %s", verdict, took, f.Evidence)
	}
}

func TestErrorsThatComeInBurstsAreWeaker(t *testing.T) {
	random := rand.New(rand.NewPCG(15, 1))
	bursts := func() []evidence.Counts { // one minute in ten is ten times as bad
		var all []evidence.Counts
		for range 3 {
			all = append(all, serve(random, 36, 50, .005)...)
			all = append(all, serve(random, 4, 50, .05)...)
		}
		return all
	}
	failed := 0
	const runs = 50
	for range runs {
		if verdict, _, _ := bake(t, evidenceGate(), bursts(), bursts()); verdict == health.Fail {
			failed++
		}
	}
	if failed > 0 {
		t.Errorf("%d of %d bursts as before fail", failed, runs)
	}
}

func TestACanaryIsComparedWithWhatRunsBesideIt(t *testing.T) {
	random := rand.New(rand.NewPCG(16, 1))
	gate := evidenceGate()
	gate.Baseline = &policy.Baseline{Bad: "count_over_time(oldbad[$window])", Total: "count_over_time(oldtotal[$window])"}
	run := func(old, candidate float64) (health.Verdict, health.Finding, time.Duration) {
		s := &service{begin: now, steps: serve(random, 121, 25, candidate), old: serve(random, 121, 25, old)}
		return judge(t, s, gate, now.Add(interval), 120)
	}
	if verdict, f, took := run(.005, .025); verdict != health.Fail || took > 5*time.Minute {
		t.Errorf("five times as bad is %q after %s: %s", verdict, took, f.Evidence)
	}
	// Both are ten times worse than an hour ago, by something that is not the release.
	if verdict, f, _ := run(.05, .05); verdict == health.Fail {
		t.Errorf("as bad as its baseline: %s", f.Reason)
	}
}

func TestNothingBelowMinIsAFailure(t *testing.T) {
	gate := evidenceGate()
	gate.Min = ptr(policy.Percent(.002))
	random := rand.New(rand.NewPCG(17, 1))
	clean := serve(random, 120, 50, 0)
	if verdict, f, _ := bake(t, gate, clean, serve(random, 120, 50, .001)); verdict == health.Fail {
		t.Errorf("a tenth of a percent after none: %s", f.Reason)
	}
	if verdict, _, took := bake(t, gate, clean, serve(random, 120, 50, .02)); verdict != health.Fail || took > 2*time.Minute {
		t.Errorf("ten times min is %q after %s", verdict, took)
	}
	gate.Min = nil
	if verdict, _, _ := bake(t, gate, clean, serve(random, 120, 50, .001)); verdict != health.Fail {
		t.Errorf("without min it is %q", verdict)
	}
}

func TestOneWindowNeverDecidesHoweverBad(t *testing.T) {
	random := rand.New(rand.NewPCG(18, 1))
	before := serve(random, 120, 50, .005)
	one := append(serve(random, 1, 50_000, 1), serve(random, 20, 50, 0)...)
	if verdict, f, _ := bake(t, evidenceGate(), before, one); verdict == health.Fail {
		t.Errorf("one window alone: %s", f.Reason)
	}
	if verdict, _, took := bake(t, evidenceGate(), before, serve(random, 20, 50, 1)); verdict != health.Fail || took != 2*interval {
		t.Errorf("two such windows are %q after %s", verdict, took)
	}
}

func TestWindowsWithoutTrafficSayNothing(t *testing.T) {
	random := rand.New(rand.NewPCG(19, 1))
	since := append(serve(random, 1, 50, .5), make([]evidence.Counts, 10)...)
	_, f, _ := bake(t, evidenceGate(), serve(random, 120, 50, .005), since)
	if f.Verdict != health.NoData || f.Evidence == nil || f.Evidence.Windows != 1 {
		t.Errorf("%s: %s; %v", f.Verdict, f.Reason, f.Evidence)
	}
}

func TestThinTrafficFailsByAllOfItsWindowsTogether(t *testing.T) {
	random := rand.New(rand.NewPCG(20, 1))
	// 12 requests a minute are no data by themselves; in ten minutes there are enough of them.
	verdict, f, took := bake(t, evidenceGate(), serve(random, 120, .2, .02), serve(random, 80, .2, .8))
	if verdict != health.Fail || f.Evidence.Seen.Total < 30 {
		t.Errorf("it is %q after %s: %s", verdict, took, f.Reason)
	}
}

func TestAFailedLookDoesNotCountBesideTheEvidence(t *testing.T) {
	gates := []health.Gate{{Name: "errors", Gate: evidenceGate()}}
	var jm health.Judgement
	for i := range 10 {
		var verdict health.Verdict
		jm, verdict = jm.Add(gates, []health.Finding{{Gate: "errors", Verdict: health.Fail, Evidence: &health.Evidence{Windows: i}}})
		if failed := jm.Gates["errors"].Failed; verdict != "" || failed != 0 {
			t.Errorf("it is %q with %d failures", verdict, failed)
		}
	}
}

func TestAMaximumFailsByItsLimitBesideAComparison(t *testing.T) {
	const f = health.Fail
	gate := evidenceGate()
	gate.Max = ptr(policy.Percent(.05))
	if verdicts := judged(gate, f, f, f); verdicts[2] != health.Fail {
		t.Errorf("verdicts are %q", verdicts)
	}
}

func TestGatesThatCompareShareAlpha(t *testing.T) {
	gate := health.Gate{Name: "errors", Gate: evidenceGate()}
	other, dry, value := gate, gate, health.Gate{Name: "latency", Gate: policy.Gate{Query: "q"}}
	dry.DryRun = true
	own := gate
	own.Alpha = ptr(policy.Percent(.01))
	for want, among := range map[float64][]health.Gate{.05: {gate, dry, value}, .025: {gate, other}, .01: {own}} {
		if got := among[0].AlphaAmong(among); got != want {
			t.Errorf("among %d it is %g, want %g", len(among), got, want)
		}
	}
}

func TestEvidenceIsToldAndKeptAsJSON(t *testing.T) {
	since := []evidence.Counts{{Bad: 4, Total: 750}, {Bad: 30, Total: 750}}
	steps := make([]evidence.Counts, 120)
	for i := range steps {
		steps[i] = evidence.Counts{Bad: 3.75, Total: 750}
	}
	_, f, _ := bake(t, evidenceGate(), steps, since)
	const want = "2.267% (34 of 1500) since the change, in 2 windows, against 0.5% (450 of 90000): " +
		"evidence 0.7 that it is worse than tolerated, -5.5 that it is well; 3.0 decides"
	if got := f.Evidence.String(); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	raw, err := json.Marshal(f)
	if err != nil {
		t.Fatal(err)
	}
	var back health.Finding
	if err := json.Unmarshal(raw, &back); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(f, back); diff != "" {
		t.Error(diff)
	}
}

func TestAReadingAsksOnceForAllLooks(t *testing.T) {
	s := &service{begin: now, steps: serve(rand.New(rand.NewPCG(21, 1)), 240, 50, .005)}
	change := now.Add(120 * interval)
	judge(t, s, evidenceGate(), change, 120)
	// Three looks within the first window and the range of the others, the time since and the
	// baseline; each for bad and total.
	if n := s.asked.Load(); n != 2*(3+1+1+1) {
		t.Errorf("it asks %d times", n)
	}
}

func TestALookKnowsNothingOfWhatCameAfter(t *testing.T) {
	random := rand.New(rand.NewPCG(22, 1))
	before, good := serve(random, 120, 50, .005), serve(random, 40, 50, .005)
	whole := &service{begin: now, steps: append(append(append([]evidence.Counts{}, before...), good...), serve(random, 40, 50, .05)...)}
	cut := &service{begin: now, steps: append(append([]evidence.Counts{}, before...), good...)}
	change := now.Add(120 * interval)
	gate := health.Gate{Name: "errors", Gate: evidenceGate()}
	read := func(s *service, looks int) []health.Finding {
		r := health.Judge{Metrics: s}.Read(t.Context(), gate, health.Subject{ChangedAt: change}, change,
			change.Add(interval), change.Add(time.Duration(looks)*interval))
		return gate.Findings(r, .05)
	}
	if diff := cmp.Diff(read(cut, 40), read(whole, 80)[:40]); diff != "" {
		t.Error(diff)
	}
	for i, f := range read(cut, 40) {
		at := change.Add(time.Duration(i+1) * interval)
		live := health.Judge{Metrics: cut}.Measure(t.Context(), []health.Gate{gate}, health.Subject{ChangedAt: change}, change, at)[0]
		if diff := cmp.Diff(live, f); diff != "" {
			t.Fatalf("look %d by itself: %s", i, diff)
		}
	}
}
