package policy_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cinegit/guardian/internal/policy"
)

const (
	sample = "../../testdata/policies/cinegit.yaml"
	broken = "../../testdata/policies/mistakes.yaml"
)

func TestTheSamplePolicyLoads(t *testing.T) {
	p, err := policy.Load(sample)
	if err != nil {
		t.Fatal(err)
	}
	service, stage, ok := p.Stage("transcode", "prod")
	if !ok || stage.Application != "media/transcode-prod" || service.Mode != policy.Suggest || stage.Bake.D() != time.Hour {
		t.Errorf("transcode prod = %+v, %+v, %v", service, stage, ok)
	}
	rule, at, ok := p.RuleFor(map[string]string{"alertname": "ErrorBudgetBurn", "severity": "critical"})
	if !ok || at != 0 || rule.Name != "errors" {
		t.Errorf("rule = %+v, %d, %v", rule, at, ok)
	}
	if got := p.Gates["errors"]; *got.Max != 0.05 || *got.Tolerance != 0.25 || !got.Counts() {
		t.Errorf("gate errors = %+v", got)
	}
	want := policy.Limits{
		Cooldown: minutes(30), Fleet: policy.Rate{Count: 3, In: minutes(15)}, Share: 0.5,
		AlertMaxAge: minutes(20), BlameWindow: minutes(60), Approval: minutes(30),
	}
	if diff := cmp.Diff(want, p.Limits); diff != "" {
		t.Error(diff)
	}
}

func minutes(n int) policy.Duration { return policy.Duration(time.Duration(n) * time.Minute) }

func TestAllMistakesOfAFileAreToldAtOnce(t *testing.T) {
	_, err := policy.Parse("mistakes.yaml", read(t, broken))
	var found policy.Mistakes
	if !errors.As(err, &found) {
		t.Fatalf("want Mistakes, got %v", err)
	}
	golden(t, "../../testdata/policies/mistakes.golden", []byte(err.Error()+"\n"))
	for i := 1; i < len(found); i++ {
		a, b := found[i-1], found[i]
		if a.Line > b.Line || a.Line == b.Line && a.Column > b.Column {
			t.Errorf("not in the order of the file:\n%v\n%v", a, b)
		}
	}
}

func TestWhatAFileLeavesOutHasTheDefault(t *testing.T) {
	p, err := policy.Parse("base.yaml", []byte(strings.Replace(base, "mode: suggest\nserver", "server", 1)))
	if err != nil {
		t.Fatal(err)
	}
	if p.Mode != policy.Suggest {
		t.Errorf("mode = %q: a file without one must not act", p.Mode)
	}
	stage := p.Services["player"].Stages[0]
	if stage.Deploy != policy.DeployWait || stage.Bake != minutes(10) || stage.Settle != minutes(5) {
		t.Errorf("stage = %+v", stage)
	}
	gate := p.Gates["errors"]
	limits := []int{*gate.FailureLimit, *gate.InconclusiveLimit, *gate.ConsecutiveErrorLimit, *gate.ConsecutiveSuccessLimit, *gate.MinSampleCount}
	if diff := cmp.Diff([]int{2, 0, 4, 2, 30}, limits); diff != "" {
		t.Errorf("gate limits: %s", diff)
	}
	if gate.Window != minutes(1) || gate.Interval.D() != 15*time.Second || gate.NoData != policy.NoDataHold || gate.Tolerance != nil {
		t.Errorf("gate = %+v", gate)
	}
	c := p.Connections
	if c.Prometheus.ExternalURL != c.Prometheus.URL || c.ArgoCD.Timeout.D() != 10*time.Second || c.Flags.Timeout.D() != 5*time.Second {
		t.Errorf("connections = %+v", c)
	}
	if p.Rules[0].Name != "rule 1" || p.Rules[1].Verify.Within != minutes(4) || p.Notify[0].Only != policy.All || p.Services["player"].Unproven != policy.UnprovenSuggest {
		t.Errorf("rules = %+v, notify = %+v", p.Rules, p.Notify)
	}
}

func TestAZeroThatTheFileSetsStays(t *testing.T) {
	src := strings.NewReplacer(
		"limits: {", "limits: {cooldown: 0s, ",
		"    max: 5%\n", "    max: 0%\n    failureLimit: 0\n",
	).Replace(base)
	p, err := policy.Parse("base.yaml", []byte(src))
	if err != nil {
		t.Fatal(err)
	}
	if p.Limits.Cooldown != 0 || *p.Gates["errors"].Max != 0 || *p.Gates["errors"].FailureLimit != 0 {
		t.Errorf("cooldown %v, max %v, failureLimit %v", p.Limits.Cooldown, *p.Gates["errors"].Max, *p.Gates["errors"].FailureLimit)
	}
}

func TestAnAliasIsReadAsWhatItStandsFor(t *testing.T) {
	src := strings.NewReplacer(
		"    remedies: [flag, revert]", "    remedies: &both [flag, revert]",
		"    remedies: [revert]", "    remedies: *both",
	).Replace(base)
	p, err := policy.Parse("base.yaml", []byte(src))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(p.Rules[0].Remedies, p.Rules[1].Remedies); diff != "" {
		t.Error(diff)
	}
}

func TestByteOrderMarksAndOtherLineEndsDoNotMatter(t *testing.T) {
	src := "\ufeff" + strings.ReplaceAll(base, "\n", "\r\n")
	if _, err := policy.Parse("base.yaml", []byte(src)); err != nil {
		t.Error(err)
	}
}

func TestAFileThatCannotBeReadIsSaidSo(t *testing.T) {
	dir := t.TempDir()
	missing := filepath.Join(dir, "guardian.yaml")
	if _, err := policy.Load(missing); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), missing) {
		t.Errorf("missing: %v", err)
	}
	if _, err := policy.Load(dir); err == nil || !strings.Contains(err.Error(), dir) {
		t.Errorf("directory: %v", err)
	}
	huge := filepath.Join(dir, "huge.yaml")
	if err := os.WriteFile(huge, []byte("# "+strings.Repeat("x", policy.MaxSize)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := policy.Load(huge); err == nil || !strings.Contains(err.Error(), "larger than 1024 KiB") {
		t.Errorf("huge: %v", err)
	}
}

func TestWhatIsNoPolicyAtAllGetsOneClearMistake(t *testing.T) {
	bomb := "a: &a [x, x, x, x, x, x, x, x, x]\n"
	for c := 'b'; c < 'k'; c++ {
		bomb += fmt.Sprintf("%c: &%c [%s*%c]\n", c, c, strings.Repeat(fmt.Sprintf("*%c, ", c-1), 8), c-1)
	}
	cases := map[string]struct{ src, at, problem, fix string }{
		"empty":                {"", "1:1", "the file is empty", "apiVersion"},
		"blank":                {" \n\n", "1:1", "the file is empty", "apiVersion"},
		"only a comment":       {"# later\n", "1:1", "the file is empty", "apiVersion"},
		"only a document mark": {"---\n", "1:1", "the file is empty", "apiVersion"},
		"a text":               {"hello\n", "1:1", "the policy is a text where fields are needed", "name: value"},
		"a list":               {"- a\n- b\n", "1:1", "the policy is a list where fields are needed", "name: value"},
		"two documents":        {base + "---\n" + base, "43:1", "a second document", "one policy"},
		"a tab":                {"mode: act\nlimits:\n\tcooldown: 1m\n", "3:1", "indented with a tab", "spaces"},
		"an open quote":        {"mode: \"act\n", "1:7", "not valid YAML", "correct"},
		"an open bracket":      {"rules: [a, b\n", "1:8", "not valid YAML", "correct"},
		"a colon too many":     {"mode: act: suggest\n", "1:7", "not valid YAML", "correct"},
		"a program":            {"\x7fELF\x02\x01\x01\x00", "1:1", "zero byte", "right file"},
		"not UTF-8":            {"mode: \xff\xfe\n", "1:1", "UTF-8", "right file"},
		"brackets":             {strings.Repeat("[", 10_000), "1:65", "nested more than 64 deep", "flatter"},
		"braces":               {strings.Repeat("{a: ", 4_000), "1:257", "nested more than 64 deep", "flatter"},
		"dashes":               {strings.Repeat("- ", 8_000), "1:129", "nested more than 64 deep", "flatter"},
		"lines":                {strings.Repeat("a\n", 20_000), "10000:1", "more than 10000 lines", "right file"},
		"a line":               {"a: b\nc: " + strings.Repeat("d", 20_000), "2:1", "longer than 16 KiB", "break it"},
		"aliases":              {"services:\n  x: {gates: &g [" + strings.Repeat("a, ", 1000) + "]}\n" + manyAliases(1000), "", "too large here through its aliases", "write the values out"},
		"a bomb":               {bomb, "", "unknown field", ""},
	}
	for name, c := range cases {
		_, err := policy.Parse("guardian.yaml", []byte(c.src))
		var found policy.Mistakes
		if !errors.As(err, &found) {
			t.Errorf("%s: want Mistakes, got %v", name, err)
			continue
		}
		hit := func(m policy.Mistake) bool {
			at := c.at == "" || c.at == fmt.Sprintf("%d:%d", m.Line, m.Column)
			return at && strings.Contains(m.Problem, c.problem) && strings.Contains(m.Fix, c.fix)
		}
		if !anyOf(found, hit) || c.at != "" && len(found) > 1 {
			t.Errorf("%s: want one at %s that says %q and %q, got:\n%.2000v", name, c.at, c.problem, c.fix, err)
		}
	}
}

func anyOf(all policy.Mistakes, hit func(policy.Mistake) bool) bool {
	for _, m := range all {
		if hit(m) {
			return true
		}
	}
	return false
}

func manyAliases(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "  x%d: {gates: *g}\n", i)
	}
	return b.String()
}

func TestDeeplyIndentedFilesAreReadToTheirEnd(t *testing.T) {
	var b strings.Builder
	for depth := range 1000 {
		fmt.Fprintf(&b, "%sa:\n", strings.Repeat(" ", depth))
	}
	if _, err := policy.Parse("deep.yaml", []byte(b.String())); err == nil {
		t.Error("Parse takes it")
	}
}

func TestAtMostAHundredMistakesAreTold(t *testing.T) {
	var b strings.Builder
	for i := range 5000 {
		fmt.Fprintf(&b, "field%d: 1\n", i)
	}
	_, err := policy.Parse("many.yaml", []byte(b.String()))
	var found policy.Mistakes
	if !errors.As(err, &found) || len(found) != 100 || !strings.Contains(found[99].Problem, "more mistakes after this one") {
		t.Errorf("%d mistakes", len(found))
	}
}

func TestNoSecretIsEverToldOrShown(t *testing.T) {
	const secret = "hunter2xyz"
	cases := []string{
		strings.Replace(base, "env:OLD", secret, 1),
		strings.Replace(base, "env:OLD", secret+", "+secret, 1),
		strings.Replace(base, "webhookTokens: [env:NEW, env:OLD]", "webhookTokens: "+secret, 1),
		strings.Replace(base, "webhookTokens: [env:NEW, env:OLD]", "webhookTokens: {a: "+secret+"}", 1),
		strings.Replace(base, "webhookTokens: [env:NEW, env:OLD]", "webhookTokens:\n    - "+secret+" extra\n     more "+secret, 1),
		strings.Replace(base, "webhookTokens: [env:NEW, env:OLD]", "webhookTokens:\n    - |\n      "+secret+"\n      "+secret, 1),
		strings.Replace(base, "webhookTokens: [env:NEW, env:OLD]", "webhookToken: "+secret, 1),
		strings.Replace(base, "webhookTokens: [env:NEW, env:OLD]", "webhookTokens: [env:NEW]\n  webhookTokens: "+secret, 1),
		strings.Replace(base, "webhookTokens: [env:NEW, env:OLD]", "webhookTokens: !!str "+secret, 1),
		strings.Replace(base, "server:\n", "alice: "+secret+"\nserver:\n", 1),
		strings.Replace(base, "server:\n", "server:\n  operators: "+secret+"\n", 1),
		strings.Replace(base, "server:\n", "server:\n  operators: {a: "+secret+", b: [x, "+secret+"]}\n", 1),
		strings.Replace(base, "server:\n", "server:\n  operators:\n  - "+secret+"\n", 1),
		strings.Replace(base, "server:\n", "server:\n  operators: {a: env:"+secret+" "+secret+"}\n", 1),
		strings.Replace(base, "server:\n", "password: "+secret+"\nserver:\n", 1),
		strings.Replace(base, "{server: argocd.example}", "{server: argocd.example, token: "+secret+", grpcweb: true}", 1),
		strings.Replace(base, "{server: argocd.example}", "{server: argocd.example, token: &t "+secret+"}", 1),
		strings.Replace(base, "{server: argocd.example}", secret, 1),
		strings.Replace(base, "argocd.example", "admin:"+secret+"@argocd.example", 1),
		strings.Replace(base, "http://prometheus:9090", "http://u:"+secret+"@prometheus:9090", 1),
		strings.Replace(base, "http://prometheus:9090", "http://u:"+secret+"@prometheus:9090/%zz", 1),
		strings.Replace(base, "- slack: env:SLACK", "- {slack: \"https://hooks.slack.com/"+secret+"\", only: pager}", 1),
		strings.Replace(base, "- slack: env:SLACK", "- https://hooks.slack.com/"+secret, 1),
		strings.Replace(base, "- slack: env:SLACK", "- slak: https://hooks.slack.com/"+secret, 1),
		strings.Replace(base, "- slack: env:SLACK", "- <<: {slack: "+secret+"}", 1),
		// what follows cannot be read as YAML at all
		strings.Replace(base, "{server: argocd.example}", "{server: argocd.example, token: "+secret+"]", 1),
		strings.Replace(base, "{server: argocd.example}", "\n    token: \""+secret, 1),
		strings.Replace(base, "{server: argocd.example}", "\n    token: a: "+secret, 1),
		strings.Replace(base, "[env:NEW, env:OLD]", "\n    - \""+secret, 1),
		strings.Replace(base, "[env:NEW, env:OLD]", "\n  - '"+secret, 1),
		strings.Replace(base, "server:\n", "server:\n  operators:\n    alice: @"+secret+"\n", 1),
	}
	for i, src := range cases {
		_, err := policy.Parse("guardian.yaml", []byte(src))
		if err == nil {
			t.Errorf("case %d is taken:\n%s", i, src)
			continue
		}
		if strings.Contains(err.Error(), secret) {
			t.Errorf("case %d:\n%v", i, err)
		}
	}
}

func TestNothingInAFileReachesTheTerminalAsControl(t *testing.T) {
	_, err := policy.Parse("guardian.yaml", []byte(strings.Replace(base, "mode: observe", "mode: \"\\e[31m\u202e\x1b[2J\"", 1)))
	if err == nil {
		t.Fatal("Parse takes it")
	}
	if bad := regexp.MustCompile(`[^\P{C}\n\t]`).FindString(err.Error()); bad != "" {
		t.Errorf("the error holds %q:\n%q", bad, err)
	}
}

func TestTheCaretStandsBelowTheColumn(t *testing.T) {
	m := policy.Mistake{File: "f", Line: 2, Column: 6, Source: "\tä: [x", Problem: "p", Fix: "q"}
	want := "f:2:6: p\n    \tä: [x\n    \t    ^\nfix: q"
	if diff := cmp.Diff(want, m.Error()); diff != "" {
		t.Error(diff)
	}
}

func FuzzParse(f *testing.F) {
	for _, path := range []string{sample, broken} {
		f.Add(read(f, path))
	}
	f.Add([]byte(base))
	f.Add([]byte("a: &a {b: *a}\n"))
	f.Add([]byte("? {a: b}\n: |2+\n   x\n"))
	f.Fuzz(func(t *testing.T, src []byte) {
		p, err := policy.Parse("fuzz.yaml", src)
		var found policy.Mistakes
		switch {
		case err == nil && p == nil, err != nil && !errors.As(err, &found), err != nil && len(found) == 0:
			t.Fatalf("policy %v, error %v", p, err)
		case err != nil && strings.Contains(err.Error(), "\x1b"):
			t.Fatalf("a control character: %q", err)
		case err == nil && p.Mode == "":
			t.Fatal("no mode")
		}
	})
}
