package health_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/cinegit/guardian/internal/health"
	"github.com/cinegit/guardian/internal/policy"
)

// judged adds looks at one gate, one verdict each, and gives the verdict after every one.
func judged(g policy.Gate, looks ...health.Verdict) []health.Verdict {
	gates := []health.Gate{{Name: "gate", Gate: g}}
	var jm health.Judgement
	var verdicts []health.Verdict
	for _, v := range looks {
		var verdict health.Verdict
		jm, verdict = jm.Add(gates, []health.Finding{{Gate: "gate", Verdict: v}})
		verdicts = append(verdicts, verdict)
	}
	return verdicts
}

func TestLimitsAreBorneUntilTheyAreExceeded(t *testing.T) {
	const (
		p, f, e, n, i = health.Pass, health.Fail, health.Error, health.NoData, health.Inconclusive
		open          = health.Verdict("")
	)
	for name, tt := range map[string]struct {
		gate  policy.Gate
		looks []health.Verdict
		want  []health.Verdict
	}{
		"the default failureLimit 2 fails at the third":           {policy.Gate{}, []health.Verdict{f, f, f}, []health.Verdict{open, open, f}},
		"failures need not be in a row":                           {policy.Gate{ConsecutiveSuccessLimit: ptr(9)}, []health.Verdict{f, p, f, p, f}, []health.Verdict{open, open, open, open, f}},
		"failureLimit 0 fails at once":                            {policy.Gate{FailureLimit: ptr(0)}, []health.Verdict{f}, []health.Verdict{f}},
		"failureLimit -1 never fails":                             {policy.Gate{FailureLimit: ptr(-1)}, []health.Verdict{f, f, f, f}, []health.Verdict{open, open, open, open}},
		"two good in a row pass":                                  {policy.Gate{}, []health.Verdict{p, p}, []health.Verdict{open, p}},
		"a failure breaks the row":                                {policy.Gate{}, []health.Verdict{p, f, p, p}, []health.Verdict{open, open, open, p}},
		"an error breaks the row":                                 {policy.Gate{}, []health.Verdict{p, e, p, p}, []health.Verdict{open, open, open, p}},
		"no data counts neither way":                              {policy.Gate{}, []health.Verdict{p, n, n, p}, []health.Verdict{open, open, open, p}},
		"no data alone decides nothing":                           {policy.Gate{}, []health.Verdict{n, n, n, n}, []health.Verdict{open, open, open, open}},
		"consecutiveSuccessLimit 0 still wants one":               {policy.Gate{ConsecutiveSuccessLimit: ptr(0)}, []health.Verdict{n, p}, []health.Verdict{open, p}},
		"the fifth error in a row is an Error":                    {policy.Gate{}, []health.Verdict{e, e, e, e, e}, []health.Verdict{open, open, open, open, e}},
		"an answer ends the row of errors":                        {policy.Gate{}, []health.Verdict{e, e, e, e, n, e}, []health.Verdict{open, open, open, open, open, open}},
		"inconclusiveLimit 0 holds for a person at once":          {policy.Gate{}, []health.Verdict{i}, []health.Verdict{i}},
		"inconclusiveLimit 1 bears one":                           {policy.Gate{InconclusiveLimit: ptr(1)}, []health.Verdict{i, i}, []health.Verdict{open, i}},
		"a gate that only shows what it would do decides nothing": {policy.Gate{DryRun: true}, []health.Verdict{f, f, f, f}, []health.Verdict{open, open, open, open}},
		"a verdict that nobody knows is an error":                 {policy.Gate{ConsecutiveErrorLimit: ptr(0)}, []health.Verdict{"Splendid"}, []health.Verdict{e}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, judged(tt.gate, tt.looks...)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestAJudgementIsKeptBetweenLooksAsJSON(t *testing.T) {
	gates := []health.Gate{{Name: "gate"}}
	jm, _ := health.Judgement{Since: now}.Add(gates, []health.Finding{{Gate: "gate", Verdict: health.Fail}})
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

func TestAddLeavesTheJudgementItStartsFromAlone(t *testing.T) {
	gates := []health.Gate{{Name: "gate"}}
	first, _ := health.Judgement{}.Add(gates, []health.Finding{{Gate: "gate", Verdict: health.Fail}})
	_, _ = first.Add(gates, []health.Finding{{Gate: "gate", Verdict: health.Fail}})
	if first.Looks != 1 || first.Gates["gate"].Failed != 1 {
		t.Errorf("it became %+v", first)
	}
}

func TestTheWorstFindingOfALookCounts(t *testing.T) {
	find := func(verdicts ...health.Verdict) []health.Finding {
		var findings []health.Finding
		for _, v := range verdicts {
			findings = append(findings, health.Finding{Verdict: v})
		}
		return findings
	}
	order := []health.Verdict{health.Pass, health.NoData, health.Inconclusive, health.Error, health.Fail}
	for i, better := range order {
		for _, worse := range order[i:] {
			if got := health.Overall(find(better, worse)); got != worse {
				t.Errorf("%s and %s give %s", better, worse, got)
			}
			if got := health.Overall(find(worse, better)); got != worse {
				t.Errorf("%s and %s give %s", worse, better, got)
			}
		}
	}
	if got := health.Overall([]health.Finding{{Verdict: health.Pass}, {Verdict: health.Fail, DryRun: true}}); got != health.Pass {
		t.Errorf("a failing dry-run gate gives %s", got)
	}
	for _, nothing := range [][]health.Finding{nil, {{Verdict: health.Pass, DryRun: true}}, {{Verdict: health.Pass, Assumed: true}}} {
		if got := health.Overall(nothing); got != health.NoData {
			t.Errorf("%+v gives %s", nothing, got)
		}
	}
}

// world draws a few gates and looks at them.
type world struct {
	gates []health.Gate
	looks [][]health.Finding
}

func drawWorld(t *rapid.T, verdicts []health.Verdict) world {
	var w world
	limit := func(name string) *int { return ptr(rapid.IntRange(-1, 3).Draw(t, name)) }
	for _, name := range []string{"a", "b", "c"}[:rapid.IntRange(0, 3).Draw(t, "gates")] {
		w.gates = append(w.gates, health.Gate{Name: name, Gate: policy.Gate{
			FailureLimit: limit("failures"), InconclusiveLimit: limit("inconclusive"),
			ConsecutiveErrorLimit: limit("errors"), ConsecutiveSuccessLimit: limit("successes"),
			DryRun: rapid.IntRange(0, 4).Draw(t, "dry run") == 0,
		}})
	}
	for range rapid.IntRange(0, 8).Draw(t, "looks") {
		var findings []health.Finding
		for _, g := range w.gates {
			findings = append(findings, health.Finding{Gate: g.Name, Verdict: rapid.SampledFrom(verdicts).Draw(t, "verdict"), DryRun: g.DryRun})
		}
		w.looks = append(w.looks, findings)
	}
	return w
}

// end is the first verdict that is not undecided.
func (w world) end() health.Verdict {
	var jm health.Judgement
	for _, findings := range w.looks {
		var verdict health.Verdict
		if jm, verdict = jm.Add(w.gates, findings); verdict != "" {
			return verdict
		}
	}
	return ""
}

func everyVerdict() []health.Verdict {
	return []health.Verdict{health.Pass, health.NoData, health.Inconclusive, health.Error, health.Fail}
}

func TestNoMeasurementIsNeverAPass(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t, []health.Verdict{health.NoData, health.Error, health.Pass})
		for _, findings := range w.looks {
			for i := range findings {
				findings[i].Assumed = findings[i].Verdict == health.Pass // noData: pass
			}
		}
		if got := w.end(); got == health.Pass {
			t.Fatal("it passes")
		}
	})
}

func TestAddingAFailingGateNeverImprovesTheVerdict(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t, everyVerdict())
		without := w.end()
		w.gates = append(w.gates, health.Gate{Name: "bad", Gate: policy.Gate{FailureLimit: ptr(rapid.IntRange(-1, 3).Draw(t, "limit"))}})
		for i := range w.looks {
			w.looks[i] = append(w.looks[i], health.Finding{Gate: "bad", Verdict: health.Fail})
			if v := health.Overall(w.looks[i]); v != health.Fail {
				t.Fatalf("the look is %s", v)
			}
		}
		with := w.end()
		if with == health.Pass || with != "" && without.Worse(with) && without != "" {
			t.Fatalf("%q becomes %q", without, with)
		}
	})
}

func TestADryRunGateNeverChangesTheVerdict(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t, everyVerdict())
		without := w.end()
		w.gates = append(w.gates, health.Gate{Name: "dry", Gate: policy.Gate{DryRun: true}})
		for i := range w.looks {
			v := rapid.SampledFrom(everyVerdict()).Draw(t, "dry verdict")
			w.looks[i] = append(w.looks[i], health.Finding{Gate: "dry", Verdict: v, DryRun: true})
		}
		if with := w.end(); with != without {
			t.Fatalf("%q becomes %q", without, with)
		}
	})
}

func TestAPassHasSeenEveryGateGood(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t, everyVerdict())
		if w.end() != health.Pass {
			return
		}
		for _, g := range w.gates {
			good := g.DryRun
			for _, findings := range w.looks {
				for _, f := range findings {
					good = good || f.Gate == g.Name && f.Verdict == health.Pass
				}
			}
			if !good {
				t.Fatalf("gate %s never passed", g.Name)
			}
		}
	})
}
