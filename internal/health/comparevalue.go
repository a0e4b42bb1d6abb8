package health

import (
	"fmt"

	"github.com/cinegit/guardian/internal/health/evidence"
	"github.com/cinegit/guardian/internal/policy"
)

// enoughPoints is how many points each side of a compared value must have: with fewer, ranks alone
// cannot tell a change from chance.
const enoughPoints = 5

// compareValue holds a value's points since the change against the baseline's, as Kayenta does.
func (g Gate) compareValue(f Finding, r Reading, l Look) Finding {
	if len(l.Value) == 0 {
		return g.absent(f, "the query finds no series", l)
	}
	if len(l.Value) > 1 {
		return f.say(Error, fmt.Sprintf("the query gives %d series where a comparison wants one: aggregate it", len(l.Value)))
	}
	f = f.measured(l.Value[0])
	if f.Threshold == "" {
		f.Threshold = "the baseline"
	}
	judge := evidence.Kayenta{
		Direction: evidence.Direction(g.direction()), NaN: evidence.NaNStrategy(g.NaNStrategy),
		AllowedIncrease: 1 + float64(g.AllowedIncrease), AllowedDecrease: 1 - float64(g.AllowedDecrease),
		MinPoints: enoughPoints,
	}
	baseline := r.Baseline.Until(l.At)
	found := judge.Judge(baseline, r.Points.Until(l.At))
	switch found.Class {
	case evidence.ClassNodata:
		return g.absent(f, found.Reason, l)
	case evidence.ClassHigh, evidence.ClassLow:
		return f.say(Fail, fmt.Sprintf("%s is not as the baseline: %s", number(l.Value[0]), found.Reason))
	}
	return f.say(Pass, fmt.Sprintf("%s is as the baseline: %s", number(l.Value[0]), found.Reason))
}

func (g Gate) direction() policy.Direction {
	if g.Direction == "" {
		return policy.Increase
	}
	return g.Direction
}
