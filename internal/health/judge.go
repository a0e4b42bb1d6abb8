package health

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"
)

// atOnce bounds the gates that are asked at the same time, so that one look is no burden on a
// Prometheus that is in trouble itself.
const atOnce = 4

// Judge asks the metrics.
type Judge struct {
	Metrics Querier
}

// Measure takes one look at every gate and returns one Finding each, in the gates' order. What
// happened before since, and within a gate's initialDelay after it, counts for nothing: $window is
// cut short there; zero is no such moment.
// A gate that cannot be asked gives the verdict Error with the reason, never an error.
func (j Judge) Measure(ctx context.Context, gates []Gate, s Subject, since, at time.Time) []Finding {
	findings := make([]Finding, len(gates))
	var group errgroup.Group
	group.SetLimit(atOnce)
	for i, g := range gates {
		group.Go(func() error {
			findings[i] = g.Findings(j.Read(ctx, g, s, since, at, at), g.AlphaAmong(gates))[0]
			return nil
		})
	}
	_ = group.Wait() // none returns an error
	return findings
}

// Findings judges every look of a reading, at the level alpha of AlphaAmong. It is pure, and takes
// nothing into account that happened after a look.
func (g Gate) Findings(r Reading, alpha float64) []Finding {
	findings := make([]Finding, len(r.Looks))
	shared := g.prepare(r, alpha)
	for i, l := range r.Looks {
		findings[i] = g.look(r, l, shared)
	}
	return findings
}

// work is what all looks of a reading share.
type work struct {
	against    comparison
	conditions conditions
	flaw       error     // of the conditions
	clear      time.Time // since when no query looks back to what counts for nothing; never if zero
}

func (g Gate) prepare(r Reading, alpha float64) (w work) {
	if g.Counts() && g.Tolerance != nil {
		w.against = g.comparison(r, alpha)
	}
	w.conditions, w.flaw = g.conditions()
	if lookback, err := g.Lookback(); err == nil {
		w.clear = r.From.Add(lookback)
	}
	return w
}

func (g Gate) look(r Reading, l Look, w work) Finding {
	f := Finding{Gate: g.Name, Window: promDuration(l.Window), At: l.At, DryRun: g.DryRun}
	if err := g.check(); err != nil {
		return f.say(Error, err.Error())
	}
	if l.Window == 0 {
		return f.say(NoData, g.tooEarly())
	}
	f.Query = l.Query
	if errors.Is(r.Err, ErrQuery) {
		return f.say(Error, fmt.Sprintf("Prometheus refuses the query: %v", r.Err))
	}
	if r.Err != nil {
		return f.say(Error, fmt.Sprintf("no answer from Prometheus: %v", r.Err))
	}
	f.Link = l.Link
	if g.Counts() {
		f = g.judgeCounts(f, l, w.against)
	} else {
		f = g.judgeValue(f, r, l, w)
	}
	if f.Verdict == Fail && w.reachesBack(r.From, l.At) {
		return f.say(NoData, fmt.Sprintf("%s, but the query still looks back to before the change", f.Reason))
	}
	return f
}

// tooEarly says why the gate cannot be asked yet.
func (g Gate) tooEarly() string {
	if g.InitialDelay > 0 {
		return fmt.Sprintf("what happens within initialDelay %s after the change counts for nothing", g.InitialDelay)
	}
	return "less than a second has passed since the change"
}

// check finds a gate that cannot judge whatever is measured. The policy refuses it too; here it
// must not become a pass by another way.
func (g Gate) check() error {
	switch {
	case g.Counts() && (g.Bad == "" || g.Total == ""):
		return errors.New("the gate has only one of bad and total: give both")
	case g.Counts() && g.Max == nil && g.Tolerance == nil:
		return errors.New("the gate has neither max nor tolerance: give one, or it judges nothing")
	case g.Counts():
		return nil
	case g.Query == "":
		return errors.New("the gate has no query: the policy does not define it")
	case g.SuccessCondition == "" && g.FailureCondition == "" && !g.Compares():
		return errors.New("the gate has neither successCondition nor failureCondition: give one, or it judges nothing")
	}
	return nil
}

// absent is a look that found no data. What that counts as is for the policy to say, unless the
// window was cut short: then data may only not be there yet.
func (g Gate) absent(f Finding, reason string, l Look) Finding {
	f = f.say(NoData, reason)
	if l.Window < g.fullWindow() {
		return f
	}
	return f.assume(g.NoData)
}

// reachesBack tells whether a fixed range in the gate's queries still covers time that counts for
// nothing. A range that cannot be told is taken to.
func (w work) reachesBack(from, at time.Time) bool {
	return !from.IsZero() && (w.clear.IsZero() || at.Before(w.clear))
}
