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
	alpha := alphaOf(gates)
	var group errgroup.Group
	group.SetLimit(atOnce)
	for i, g := range gates {
		group.Go(func() error {
			findings[i] = j.measure(ctx, g, lookAt(g, s, since, at, alpha))
			return nil
		})
	}
	_ = group.Wait() // none returns an error
	return findings
}

func (j Judge) measure(ctx context.Context, g Gate, l look) Finding {
	f := Finding{Gate: g.Name, Window: promDuration(l.window), At: l.at, DryRun: g.DryRun}
	if err := g.check(); err != nil {
		return f.say(Error, err.Error())
	}
	if why := l.tooEarly(g); why != "" {
		return f.say(NoData, why)
	}
	asked := g.questions(l)
	f.Query = asked[0].promql
	if g.Counts() {
		f.Query = fmt.Sprintf("(%s) / (%s)", asked[0].promql, asked[1].promql)
	}
	answers, err := j.ask(ctx, asked)
	if errors.Is(err, ErrQuery) {
		return f.say(Error, fmt.Sprintf("Prometheus refuses the query: %v", err))
	}
	if err != nil {
		return f.say(Error, fmt.Sprintf("no answer from Prometheus: %v", err))
	}
	f.Link = answers[0].Link
	f = g.judge(f, answers, l)
	if f.Verdict == Fail && l.reachesBack(g) {
		return f.say(NoData, fmt.Sprintf("%s, but the query still looks back to before the change", f.Reason))
	}
	return f
}

// ask puts all questions at once and gives the answers in their order.
func (j Judge) ask(ctx context.Context, asked []question) ([]Answer, error) {
	answers := make([]Answer, len(asked))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for i, q := range asked {
		group.Go(func() (err error) {
			answers[i], err = j.Metrics.Query(ctx, q.promql, q.at)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return answers, nil
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
	case g.SuccessCondition == "" && g.FailureCondition == "":
		return errors.New("the gate has neither successCondition nor failureCondition: give one, or it judges nothing")
	}
	return nil
}

// judge decides from the answers to the gate's questions. It is pure.
func (g Gate) judge(f Finding, answers []Answer, l look) Finding {
	if g.Counts() {
		return g.judgeCounts(f, answers, l)
	}
	return g.judgeValue(f, answers[0].Values, l)
}

// absent is a look that found no data. What that counts as is for the policy to say, unless the
// window was cut short: then data may only not be there yet.
func (g Gate) absent(f Finding, reason string, l look) Finding {
	f = f.say(NoData, reason)
	if !l.whole(g) {
		return f
	}
	return f.assume(g.NoData)
}

// reachesBack tells whether a fixed range in the gate's queries still covers time that counts for
// nothing. A range that cannot be told is taken to.
func (l look) reachesBack(g Gate) bool {
	if l.from.IsZero() {
		return false
	}
	lookback, err := g.Lookback()
	return err != nil || l.at.Add(-lookback).Before(l.from)
}
