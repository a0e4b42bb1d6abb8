package policy_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/cinegit/guardian/internal/policy"
)

func TestTheStrictestModeCounts(t *testing.T) {
	modes := rapid.SampledFrom([]policy.Mode{"", policy.Act, policy.Suggest, policy.Observe})
	order := []policy.Mode{"", policy.Act, policy.Suggest, policy.Observe}
	rapid.Check(t, func(t *rapid.T) {
		all := []policy.Mode{modes.Draw(t, "policy"), modes.Draw(t, "service"), modes.Draw(t, "stage"), modes.Draw(t, "rule")}
		p := policy.Policy{Mode: all[0], Services: map[string]policy.Service{
			"review": {Mode: all[1], Stages: []policy.Stage{{Name: "prod", Mode: all[2]}}},
		}}
		got := p.ModeFor(policy.Rule{Mode: all[3]}, "review", "prod")
		for _, mode := range all {
			if slices.Index(order, mode) > slices.Index(order, got) {
				t.Fatalf("of %q it is %q", all, got)
			}
		}
		if !slices.Contains(all, got) {
			t.Fatalf("of %q it is %q", all, got)
		}
	})
}

func TestTheFirstRuleThatMatchesCounts(t *testing.T) {
	p, err := policy.Load(sample)
	if err != nil {
		t.Fatal(err)
	}
	cases := []struct {
		labels map[string]string
		want   int
	}{
		{map[string]string{"alertname": "High5xxRate", "severity": "critical"}, 0},
		{map[string]string{"alertname": "High5xxRate", "severity": "warning"}, -1},
		{map[string]string{"alertname": "NotHigh5xxRate", "severity": "critical"}, -1},
		{map[string]string{"alertname": "HighLatency", "env": "prod"}, 1},
		{map[string]string{"alertname": "HighLatency"}, -1},
		{nil, -1},
	}
	for _, c := range cases {
		if _, at, ok := p.RuleFor(c.labels); at != c.want || ok != (c.want >= 0) {
			t.Errorf("RuleFor(%v) = %d, %v; want %d", c.labels, at, ok, c.want)
		}
	}
}

func TestRulesFallBackToTheGatesOfTheService(t *testing.T) {
	s := policy.Service{Gates: []string{"service"}}
	cases := []struct {
		rule            policy.Rule
		confirm, verify string
	}{
		{policy.Rule{}, "service", "service"},
		{policy.Rule{Gates: []string{"rule"}}, "rule", "service"},
		{policy.Rule{Verify: policy.Verify{Gates: []string{"verify"}}}, "verify", "verify"},
		{policy.Rule{Gates: []string{"rule"}, Verify: policy.Verify{Gates: []string{"verify"}}}, "rule", "verify"},
	}
	for _, c := range cases {
		got := [][]string{c.rule.ConfirmGates(s), c.rule.VerifyGates(s)}
		if diff := cmp.Diff([][]string{{c.confirm}, {c.verify}}, got); diff != "" {
			t.Errorf("%+v: %s", c.rule, diff)
		}
	}
}

func TestNamesComeFromThePolicyOrFromALabel(t *testing.T) {
	labels := map[string]string{"service": "review", "label": "x"}
	for name, want := range map[policy.NameOf]string{
		"review": "review", "label service": "review", "label  service": "review", "label env": "", "label": "label",
	} {
		if got := name.From(labels); got != want {
			t.Errorf("%q gives %q, want %q", name, got, want)
		}
	}
}

func TestWhatAScalarWritesItReads(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := policy.Duration(time.Duration(rapid.Int64Range(0, 1e12).Draw(t, "milliseconds")) * time.Millisecond)
		rate := policy.Rate{Count: rapid.IntRange(0, 1e6).Draw(t, "count"), In: d + policy.Duration(time.Second)}
		share := policy.Percent(float64(rapid.IntRange(0, 100_000).Draw(t, "thousandths")) / 100_000)
		var d2 policy.Duration
		var rate2 policy.Rate
		var share2 policy.Percent
		for text, into := range map[string]interface{ UnmarshalText([]byte) error }{
			d.String(): &d2, rate.String(): &rate2, share.String(): &share2,
		} {
			if err := into.UnmarshalText([]byte(text)); err != nil {
				t.Fatalf("%q: %v", text, err)
			}
		}
		if d2 != d || rate2 != rate || max(share2-share, share-share2) > 1e-9 {
			t.Fatalf("%v, %v, %v became %v, %v, %v", d, rate, share, d2, rate2, share2)
		}
	})
}

func TestARuleIsFoundAgainWhereverAReloadHasPutIt(t *testing.T) {
	rules := func(lines ...string) *policy.Policy {
		t.Helper()
		before, _, _ := strings.Cut(base, "rules:\n")
		text := before + "rules:\n"
		for _, line := range lines {
			text += "  - {" + line + ", target: {service: label service, stage: label env}, gates: [errors, latency], remedies: [revert]}\n"
		}
		p, err := policy.Parse("guardian.yaml", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	const a, b = `{alertname="A"}`, `{alertname="B"}`
	unnamed := rules(`match: '`+b+`'`, `match: '`+a+`'`)
	named := rules(`match: '`+b+`'`, `name: mine, match: '`+b+`'`)
	for name, tt := range map[string]struct {
		p           *policy.Policy
		name, match string
		want        string
	}{
		"moved by one above it":       {unnamed, "rule 1", a, "rule 2"},
		"where it was":                {unnamed, "rule 1", b, "rule 1"},
		"gone, and another in place":  {unnamed, "rule 1", `{alertname="C"}`, ""},
		"named, and its match edited": {named, "mine", a, "mine"},
		"of before matches were kept": {unnamed, "rule 1", "", "rule 1"},
	} {
		rule, ok := tt.p.RuleLike(tt.name, tt.match)
		if rule.Name != tt.want || ok != (tt.want != "") {
			t.Errorf("%s: found %q, %t", name, rule.Name, ok)
		}
	}
}
