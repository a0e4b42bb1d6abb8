package gatetest_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/cinegit/guardian/internal/gatetest"
	"github.com/cinegit/guardian/internal/health"
	"github.com/cinegit/guardian/internal/sandbox/metrics"
)

func TestWhatCannotBeTestedSaysWhy(t *testing.T) {
	young := served(t, 40*time.Minute, steady(50, 0.005))
	old := served(t, 2*time.Hour, steady(50, 0.005))
	for name, c := range map[string]struct {
		metrics *metrics.Server
		gate    string
		want    string
	}{
		"a young service": {young, counting + "tolerance: 25%",
			"there is 40m of history, and a baseline of 30m and a bake of 15m take 45m: try again after 2026-11-22 12:05 UTC"},
		"a metric that is not there": {old, "\n    bad: sum(increase(nosuch[$window]))\n    total: sum(increase(nosuch[$window]))\n    max: 5%",
			"total finds no series in 9h"},
		"a query that finds nothing": {old, "\n    query: nosuch\n    failureCondition: result > 1", "the query finds no series in 9h"},
		"many series where one is wanted": {old, "\n    query: rate(http_requests_total[$window])\n    failureCondition: result > 1",
			"bakes cannot be judged: the query gives 2 series"},
	} {
		t.Run(name, func(t *testing.T) {
			r := tested(t, c.metrics, withGates(t, "errors", "  errors:"+c.gate+"\n"), nil)
			if r.State != gatetest.NoData {
				t.Errorf("%s: %s", r.State, r.Summary)
			}
			wantWarning(t, r, c.want)
		})
	}
}

func TestAMetricsOutageIsAnErrorAndNoResult(t *testing.T) {
	s := served(t, time.Hour, steady(1, 0))
	s.Down(true)
	_, err := gatetest.Run(t.Context(), s, errorsGate(t, "max: 5%"), gatetest.Options{Service: "review", Stage: "prod", Until: until()})
	if err == nil || !strings.Contains(err.Error(), "test gate errors: ") || errors.Is(err, health.ErrQuery) {
		t.Errorf("error is %v", err)
	}
}

func TestUnknownNamesAreToldWithTheNearestOne(t *testing.T) {
	p := errorsGate(t, "max: 5%")
	for want, o := range map[string]gatetest.Options{
		`service "revew" is not in the policy: did you mean review?`:          {Service: "revew", Stage: "prod"},
		`service "billing" is not in the policy: it has review`:               {Service: "billing", Stage: "prod"},
		`stage of review "prd" is not in the policy: did you mean prod?`:      {Service: "review", Stage: "prd"},
		`stage of review "canary" is not in the policy: it has staging, prod`: {Service: "review", Stage: "canary"},
		`gate of review "error" is not in the policy: did you mean errors?`:   {Service: "review", Stage: "prod", Gate: "error"},
	} {
		_, err := gatetest.Run(t.Context(), metrics.NewServer(0), p, o)
		if !errors.Is(err, gatetest.ErrUnknown) || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}
