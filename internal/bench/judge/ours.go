package main

import (
	"time"

	"github.com/cinegit/guardian/internal/health"
	"github.com/cinegit/guardian/internal/health/evidence"
	"github.com/cinegit/guardian/internal/policy"
)

const (
	tolerance  = 0.25
	alpha      = 0.05
	leastRatio = 0.001 // the default of a policy
)

// gate is Guardian's own judgement of counts: what a reading of the metrics would hold is put
// into its hands, and nothing of it is done over here.
type gate struct {
	beside           bool // candidate against old, else after against before
	tolerance, alpha float64
}

// asDeployed is the gate that the benchmark is about.
func asDeployed() gate { return gate{tolerance: tolerance, alpha: alpha} }

// againstOld is the same beside a baseline.
func againstOld() gate { return gate{beside: true, tolerance: tolerance, alpha: alpha} }

func (r gate) judge(b bake) int {
	bad, _ := r.decide(b)
	return bad
}

// decide gives the look at which the bake is called bad, or the one at which it is called well and
// stays so; 0 is never.
func (r gate) decide(b bake) (bad, well int) {
	g, reading := r.reading(b)
	last := sum(reading.Since.Counts[looks-int(minute/look):])
	reading.Looks = []health.Look{{
		At: reading.From.Add(seconds(half)), Window: time.Minute, Bad: []float64{last.Bad}, Total: []float64{last.Total},
	}}
	e := g.Findings(reading, r.alpha)[0].Evidence
	at := func(moment time.Time) int { return int(moment.Sub(reading.From) / seconds(look)) }
	switch {
	case e == nil:
		return 0, 0
	case e.Bad():
		return at(e.BadAt), 0
	case e.Well():
		return 0, at(e.WellAt)
	}
	return 0, 0
}

// reading is what the metrics hold, for a gate with the defaults of a policy; no look is taken yet.
func (r gate) reading(b bake) (health.Gate, health.Reading) {
	g := health.Gate{Name: "errors", Gate: policy.Gate{
		Bad: "bad", Total: "total", Tolerance: new(policy.Percent(r.tolerance)), Alpha: new(policy.Percent(r.alpha)),
		Min: new(policy.Percent(leastRatio)),
	}}
	changed := time.Unix(0, 0)
	since := func(counts []evidence.Counts) health.Windows {
		return health.Windows{From: changed, Step: seconds(look), Counts: counts}
	}
	reading := health.Reading{
		Subject: health.Subject{ChangedAt: changed}, From: changed, Since: since(b.after),
		Before: health.Windows{From: changed.Add(-seconds(half)), Step: seconds(look), Counts: b.before},
	}
	if r.beside {
		g.Baseline = &policy.Baseline{Bad: "bad", Total: "total"}
		reading.Since, reading.Beside = since(b.candidate), since(b.old)
	}
	return g, reading
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// known is Guardian's process where the ratio before is no estimate but known: what is left to lose
// against Wald's bound is the price of not knowing how bad it is.
type known struct{}

func (known) judge(b bake) int {
	trials := evidence.BeforeAfter{Floor: (1 + tolerance) * base, Alpha: alpha}.Try(b.after)
	return trials[len(trials)-1].HarmAt
}
