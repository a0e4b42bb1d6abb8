package cli_test

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cinegit/guardian/internal/api"
	"github.com/cinegit/guardian/internal/cli"
	"github.com/cinegit/guardian/internal/policy"
)

func TestAPolicyIsToldInOneScreen(t *testing.T) {
	p, err := policy.Parse("guardian.yaml", []byte(sample))
	if err != nil {
		t.Fatal(err)
	}
	page := view().Policy("guardian.yaml", p)
	golden(t, "policy", page)
	fits(t, page, 80)
	v := view()
	v.Width = 0
	for line := range strings.Lines(v.Policy("guardian.yaml", p)) {
		if strings.Contains(line, "review-staging") && !strings.Contains(line, "review ") {
			t.Errorf("piped, a line does not stand for itself: %q", line)
		}
	}
}

const sample = `
apiVersion: guardian/v1
mode: act
connections:
  argocd: {server: argocd.cinegit.io, token: env:ARGOCD_TOKEN}
  prometheus: {url: https://prometheus.cinegit.io}
  flags: {flagd: flags.json}
notify:
  - {slack: env:SLACK_URL}
  - {webhook: https://hooks.cinegit.io/guardian, only: page}
services:
  review:
    gates: [errors, latency]
    flags: {timeline-merge: {safe: "off"}, fast-seek: {safe: slow}}
    stages:
      - {name: staging, application: review-staging, bake: 10m, mode: observe}
      - {name: prod, application: media/review-prod, bake: 30m}
gates:
  errors:
    bad: sum(increase(http_requests_total{service="$service",env="$stage",code=~"5.."}[$window]))
    total: sum(increase(http_requests_total{service="$service",env="$stage"}[$window]))
    max: 5%
    tolerance: 25%
  latency:
    query: histogram_quantile(0.99, sum by (le) (rate(http_request_duration_seconds_bucket{service="$service"}[$window])))
    failureCondition: result > 0.5
rules:
  - name: errors
    match: '{alertname=~"High5xxRate|ErrorBudgetBurn", severity="critical"}'
    target: {service: label service, stage: label env}
    remedies: [flag, revert]
    verify: {gates: [errors], within: 4m}
  - match: '{alertname="HighLatency"}'
    target: {service: review, stage: prod}
    remedies: [revert]
    mode: suggest
`

// mistaken are the mistakes of the policy that has one of each kind.
func mistaken(t *testing.T) policy.Mistakes {
	t.Helper()
	_, err := policy.Load(filepath.Join("..", "..", "testdata", "policies", "mistakes.yaml"))
	var all policy.Mistakes
	if !errors.As(err, &all) || len(all) == 0 {
		t.Fatalf("got %v", err)
	}
	return all
}

func TestMistakesArePipedAsTheirErrorSaysThem(t *testing.T) {
	all := mistaken(t)
	want := strings.Split(all.Error()+"\n", "\n")
	for i := range want {
		want[i] = strings.TrimRight(want[i], " ")
	}
	if diff := cmp.Diff(strings.Join(want, "\n"), cli.View{}.Mistakes(all)); diff != "" {
		t.Errorf("(-error +page):\n%s", diff)
	}
}

func TestTheCaretStandsBelowTheMistake(t *testing.T) {
	long := strings.Repeat("a", 60) + "映 " + strings.Repeat("b", 100)
	cases := map[string]policy.Mistake{
		"near the start":        {Source: "mode: actt", Column: 7},
		"after wide letters":    {Source: "  映画: {gates: X}", Column: 15},
		"far right":             {Source: long, Column: 63},
		"beyond the line":       {Source: "apiVersion:", Column: 13},
		"in the first column":   {Source: "modus: act", Column: 1},
		"behind a tab":          {Source: "\tmode: act", Column: 2},
		"at the cut line's end": {Source: strings.Repeat("c", 200) + "!", Column: 201},
	}
	for name, m := range cases {
		t.Run(name, func(t *testing.T) {
			for _, width := range []int{0, 60} {
				v := cli.View{Width: width}
				lines := strings.Split(v.Mistakes(policy.Mistakes{m}), "\n")
				caret := strings.Index(lines[2], "^")
				if caret < 0 {
					t.Fatalf("no caret in %q", lines)
				}
				got, _ := letterAt(lines[1], caret)
				want := " "
				if runes := []rune(strings.ReplaceAll(m.Source, "\t", " ")); m.Column <= len(runes) {
					want = string(runes[m.Column-1])
				}
				if got != want {
					t.Errorf("width %d: the caret stands below %q, want %q:\n%s\n%s", width, got, want, lines[1], lines[2])
				}
			}
		})
	}
}

// letterAt gives the letter in a column of a terminal, on which 映 and 画 take two.
func letterAt(line string, column int) (string, bool) {
	n := 0
	for _, r := range line {
		if n == column {
			return string(r), true
		}
		n++
		if r == '映' || r == '画' {
			n++
		}
	}
	return " ", false
}

func TestProbesSayWhatDoesNotAnswer(t *testing.T) {
	page := view().Probes([]api.Connection{{Name: "argocd", OK: true}, {Name: "prometheus", Why: "connection refused"}})
	for _, want := range []string{"argocd      ok", "prometheus  failing  connection refused"} {
		if !strings.Contains(page, want) {
			t.Errorf("%q is not in:\n%s", want, page)
		}
	}
}
