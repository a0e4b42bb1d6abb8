package backtest_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cinegit/guardian/internal/backtest"
	"github.com/cinegit/guardian/internal/health"
	"github.com/cinegit/guardian/internal/sandbox/metrics"
)

const rule = `
rules:
  - name: 5xx
    match: '{alertname=~"High5xx|Burn", severity="critical"}'
    target: {service: label service, stage: label env}
    remedies: [revert]
`

// alert records an alert that fires for a while.
func alert(t *testing.T, server *metrics.Server, service string, from, to time.Duration, pairs ...string) {
	t.Helper()
	for d := from; d <= to; d += scrape {
		store(t, server, at(d), 1, "ALERTS", append([]string{
			"alertname", "High5xx", "severity", "critical", "alertstate", "firing", "service", service, "env", "prod"}, pairs...)...)
	}
}

func TestARuleIsReplayedWithItsAlertsWhereTheyWereRecorded(t *testing.T) {
	o := day(t)
	o.Policy = parsed(t, onePolicy+rule)
	server := o.Metrics.(*metrics.Server)
	alert(t, server, "review", 4*hour+5*time.Minute, 4*hour+30*time.Minute)
	alert(t, server, "review", 6*hour+5*time.Minute, 6*hour+10*time.Minute) // a false alarm
	alert(t, server, "other", 2*hour+5*time.Minute, 3*hour)                 // of somebody else
	r := run(t, o)
	if len(r.Unrecorded) != 0 {
		t.Errorf("unrecorded: %v", r.Unrecorded)
	}
	s := by(t, r, backtest.ByRule, "5xx", backtest.AsInPolicy)
	if s.Judged != 3 || s.Reverted != 1 || *s.False != 0 || *s.Missed != 0 || s.Detect.Median != 300 {
		t.Errorf("the score is %+v, %+v", s, s.Detect)
	}
	for _, one := range of(t, r, "v3").Outcomes {
		if one.Row.Kind == backtest.ByRule && (one.State != backtest.Passed || !strings.Contains(one.Reason, "did not confirm")) {
			t.Errorf("a false alarm: %+v", one)
		}
	}
}

func TestAnAlertFromBeforeTheReleaseIsNoneOfIts(t *testing.T) {
	o := day(t)
	o.Policy = parsed(t, onePolicy+rule)
	alert(t, o.Metrics.(*metrics.Server), "review", 3*hour+50*time.Minute, 5*hour)
	if s := by(t, run(t, o), backtest.ByRule, "5xx", backtest.AsInPolicy); s.Reverted != 0 || *s.Missed != 1 {
		t.Errorf("the score is %+v", s)
	}
}

func TestARuleWhoseAlertsWereNeverRecordedIsJudgedByItsGates(t *testing.T) {
	o := day(t)
	o.Policy = parsed(t, onePolicy+rule)
	r := run(t, o)
	if len(r.Unrecorded) != 1 || r.Unrecorded[0] != "5xx" {
		t.Errorf("unrecorded: %v", r.Unrecorded)
	}
	if s := by(t, r, backtest.ByRule, "5xx", backtest.AsInPolicy); s.Reverted != 1 || s.Detect == nil || s.Detect.Median > 90 {
		t.Errorf("the score is %+v", s)
	}
}

func TestARuleForOthersJudgesNothing(t *testing.T) {
	o := day(t)
	text := strings.Replace(onePolicy, "services:\n", "services:\n  other:\n    gates: [errors]\n    stages: [{name: prod, application: other-prod}]\n", 1)
	o.Policy = parsed(t, text+strings.Replace(rule, "label service", "other", 1))
	for _, s := range run(t, o).Scores {
		if s.Row.Kind == backtest.ByRule {
			t.Errorf("a score: %+v", s)
		}
	}
}

func TestAlertsThatCannotBeAskedForAreNotOnRecord(t *testing.T) {
	o := day(t)
	o.Policy = parsed(t, onePolicy+rule)
	o.Metrics = &counted{Querier: o.Metrics, before: func(n int) error {
		if n == 1 { // which is about the alerts
			return fmt.Errorf("%w: bad matcher", health.ErrQuery)
		}
		return nil
	}}
	if r := run(t, o); len(r.Unrecorded) != 1 || r.Errors != 0 || by(t, r, backtest.ByRule, "5xx", backtest.AsInPolicy).Reverted != 1 {
		t.Errorf("unrecorded %v, %d errors", r.Unrecorded, r.Errors)
	}
}
