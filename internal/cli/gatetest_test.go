package cli_test

import (
	"testing"
	"time"

	"github.com/cinegit/guardian/internal/gatetest"
	"github.com/cinegit/guardian/internal/health/evidence"
	"github.com/cinegit/guardian/internal/policy"
)

func lasting(d time.Duration) policy.Duration { return policy.Duration(d) }

// testedGates is a test of one gate of each kind: good, bursty, blind, without data and in dry run.
func testedGates() gatetest.Report {
	good := gatetest.Result{
		Gate: "errors", State: gatetest.Tells, Bakes: 92, NoData: 3, Excluded: 4, Every: lasting(105 * time.Minute),
		Summary: "can fail; a 3x regression is seen in 45s (p95 1m30s); 0 of 92 quiet bakes would have been reverted",
		Usual:   gatetest.Usual{Counts: &evidence.Counts{Bad: 4200, Total: 840_000}, Rate: 50, Words: "0.5% of 50 events a second are bad"},
		Quiet:   gatetest.Quiet{AtMost: 0.032, Allowed: 0.025},
		Seen: []gatetest.Detection{
			{Factor: 2, Level: 0.01, Bakes: 92, Seen: 81, Median: lasting(7*time.Minute + 15*time.Second)},
			{Factor: 3, Level: 0.015, Bakes: 92, Seen: 92, Median: lasting(45 * time.Second), P95: lasting(90 * time.Second)},
			{Factor: 5, Level: 0.025, Bakes: 92, Seen: 92, Median: lasting(30 * time.Second), P95: lasting(30 * time.Second)},
			{Factor: 10, Level: 0.05, Bakes: 92, Seen: 92, Median: lasting(30 * time.Second), P95: lasting(30 * time.Second)},
		},
		Warnings: []string{
			"3 of 95 bakes cannot be judged, and count for nothing here: before the change there were 12 events, fewer than minSampleCount 30",
			"2x is seen in 88% of the bakes: a bake of 41m sees 90% of them",
		},
	}
	bursty := good
	bursty.Gate, bursty.State, bursty.Excluded, bursty.NoData, bursty.DryRun = "bursts", gatetest.Alarms, 0, 0, true
	bursty.Summary = "can fail; a 3x regression is seen in 45s (p95 1m30s); 11 of 92 quiet bakes would have been reverted"
	bursty.Quiet = gatetest.Quiet{Alarms: 11, Rate: 0.12, AtMost: 0.19, Allowed: 0.025, Examples: []gatetest.Alarm{
		{At: at("14:30:00"), After: lasting(6 * time.Minute), Reason: "3.1% (506 of 16532) since the change is worse than 25% tolerated: it was 0.49% (444 of 90253) before the change"},
	}}
	bursty.Warnings = []string{"11 of 92 quiet bakes would have been reverted, more than the 2.5% allowed; look at them: were they incidents? else errors come in bursts here, and a larger tolerance or min bears them"}
	usual, from := 0.083, 0.5
	blind := gatetest.Result{
		Gate: "latency", State: gatetest.CannotFail, Bakes: 96, Every: lasting(105 * time.Minute),
		Summary: "cannot fail; a 10x regression is seen in 0 of 96 bakes; 0 of 96 quiet bakes would have been reverted",
		Usual:   gatetest.Usual{Value: &usual, Fails: &from, Words: "0.083 in the median; the conditions fail from 5"},
		Quiet:   gatetest.Quiet{AtMost: 0.031, Allowed: 0.05},
		Seen: []gatetest.Detection{
			{Factor: 2, Level: 0.166, Bakes: 96}, {Factor: 3, Level: 0.249, Bakes: 96}, {Factor: 5, Level: 0.415, Bakes: 96}, {Factor: 10, Level: 0.83, Bakes: 96},
		},
		Warnings: []string{"10x comes to 0.83, and the conditions fail from 5 on"},
	}
	none := gatetest.Result{
		Gate: "saturation", State: gatetest.NoData, Summary: "cannot be tested: the query finds no series in 1w",
		Warnings: []string{"the query finds no series in 1w"},
	}
	return gatetest.Report{
		Service: "review", Stage: "prod", Bake: lasting(30 * time.Minute), From: at("17:30:00").AddDate(0, 0, -7), Until: at("17:30:00"), Seed: 1,
		Gates: []gatetest.Result{good, bursty, blind, none},
	}
}

func TestATestOfGatesEndsWithOneLineForEach(t *testing.T) {
	page := view().GateTest(testedGates())
	golden(t, "gate-test", page)
	fits(t, page, 80)
	short := testedGates()
	short.Gates = []gatetest.Result{short.Gates[0], short.Gates[2]}
	golden(t, "gate-test-guide", view().GateTest(short))
	narrow := view()
	narrow.Width = 60
	fits(t, narrow.GateTest(testedGates()), 60)
}
