package backtest

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cinegit/guardian/internal/policy"
)

func TestASweepIsRead(t *testing.T) {
	s, err := ParseSweep(" tolerance = 10%, 25% ,50%")
	if diff := cmp.Diff(Sweep{"tolerance", []string{"10%", "25%", "50%"}}, s); err != nil || diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
	for text, want := range map[string]string{
		"":                      "write FIELD=a,b,c with one of alpha, failureLimit, max, min, minSampleCount, tolerance, window",
		"tolerance":             "write FIELD=a,b,c",
		"bad=1":                 "write FIELD=a,b,c",
		"tolerance=10":          `"10" has no percent sign`,
		"tolerance=10%,10%":     "10% stands there twice",
		"tolerance=":            "has no percent sign",
		"alpha=0%":              "0% is no bound",
		"alpha=30%":             "write up to 20%",
		"max=101%":              "write up to 100%",
		"failureLimit=-2":       "not a whole number from -1",
		"failureLimit=1.5":      "not a whole number from -1",
		"minSampleCount=0":      "not a whole number from 1",
		"window=0s":             "longer than nothing",
		"window=5":              "has no unit",
		"min=x%":                "is not a percentage",
		"window=99999999999999": "has no unit",
	} {
		if _, err := ParseSweep(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}

func gates(t *testing.T) *policy.Policy {
	t.Helper()
	most := policy.Percent(0.05)
	return &policy.Policy{Gates: map[string]policy.Gate{
		"counts": {Bad: "b", Total: "t", Max: &most}, "value": {Query: "q", FailureCondition: "result > 1"},
	}}
}

func swept(t *testing.T, p *policy.Policy, texts ...string) ([]Setting, error) {
	t.Helper()
	var sweeps []Sweep
	for _, text := range texts {
		s, err := ParseSweep(text)
		if err != nil {
			t.Fatal(err)
		}
		sweeps = append(sweeps, s)
	}
	return settings(p, sweeps)
}

func TestSweepsMultiplyAndLeaveThePolicyAsItIs(t *testing.T) {
	p := gates(t)
	all, err := swept(t, p, "max=1%,5%", "failureLimit=0,1,2")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, s := range all {
		names = append(names, s.Name)
	}
	want := []string{AsInPolicy, "max 1%, failureLimit 0", "max 1%, failureLimit 1", "max 1%, failureLimit 2",
		"max 5%, failureLimit 0", "max 5%, failureLimit 1", "max 5%, failureLimit 2"}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Error(diff)
	}
	if p.Gates["counts"].FailureLimit != nil || *p.Gates["counts"].Max != 0.05 {
		t.Errorf("the policy is now %+v", p.Gates)
	}
	if g := all[1].gate("counts"); *g.Max != 0.01 || *g.FailureLimit != 0 {
		t.Errorf("the gate is %+v", g)
	}
	if g := all[1].gate("value"); g.Max != nil || *g.FailureLimit != 0 {
		t.Errorf("a value has no maximum: %+v", g)
	}
}

func TestASettingThatIsThePolicysOwnIsNotJudgedTwice(t *testing.T) {
	all, err := swept(t, gates(t), "max=1%,5%")
	if err != nil || len(all) != 2 || all[1].Name != "max 1%" {
		t.Errorf("%v: %+v", err, all)
	}
	if !all[1].changes(all[0], []string{"counts"}) || all[1].changes(all[0], []string{"value"}) {
		t.Error("the setting changes the gate of counts and no other")
	}
}

func TestSweepsThatCannotBe(t *testing.T) {
	if _, err := swept(t, gates(t), "alpha=1%,2%"); err == nil || !strings.Contains(err.Error(), "means nothing in any gate") {
		t.Errorf("nothing to sweep: %v", err)
	}
	if _, err := swept(t, gates(t), "max=1%", "max=2%"); err == nil || !strings.Contains(err.Error(), "twice") {
		t.Errorf("twice: %v", err)
	}
	if _, err := swept(t, gates(t), "max=1%,2%,3%,4%,5%,6%,7%,8%,9%", "failureLimit=0,1,2,3,4,5,6,7"); err == nil || !strings.Contains(err.Error(), "more than 64") {
		t.Errorf("too many: %v", err)
	}
}
