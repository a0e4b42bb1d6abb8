package health

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/cinegit/guardian/internal/condition"
)

// judgeValue decides a query gate with Argo Rollouts' meaning: of both conditions failure weighs
// more, and neither holding is Inconclusive; of one alone, its answer decides. Before any
// condition is asked, what is no measurement is told from what is one.
func (g Gate) judgeValue(f Finding, r Reading, l Look, w work) Finding {
	if g.SuccessCondition == "" && g.FailureCondition == "" {
		return g.compareValue(f, r, l)
	}
	f = g.judgeConditions(f, l, w)
	if f.Verdict != Pass || !g.Compares() {
		return f
	}
	held := f.Reason
	f = g.compareValue(f, r, l)
	return f.say(f.Verdict, fmt.Sprintf("%s; %s", held, f.Reason))
}

func (g Gate) judgeConditions(f Finding, l Look, w work) Finding {
	values := l.Value
	f.Threshold = g.threshold()
	if w.flaw != nil {
		return f.say(Error, w.flaw.Error())
	}
	conds := w.conditions
	if len(values) == 0 {
		return g.absent(f, "the query finds no series", l)
	}
	f = f.measured(values[0])
	shown := show(values)
	if len(values) > 1 && !conds.vector() {
		return f.say(Error, fmt.Sprintf("the query gives %d series where the condition wants one: aggregate it, or write the condition over result[0] or all(result, …)", len(values)))
	}
	if slices.ContainsFunc(values, math.IsNaN) && !conds.mentionNaN() {
		return g.absent(f, fmt.Sprintf("%s is not a number, as of a ratio without traffic", shown), l)
	}
	verdict, reason, err := conds.decide(values)
	if err != nil {
		return f.say(Error, fmt.Sprintf("%s: %v", shown, err))
	}
	return f.say(conds.distrust(verdict, values), fmt.Sprintf("%s %s", shown, reason))
}

func (g Gate) threshold() string {
	switch {
	case g.SuccessCondition == "":
		return g.FailureCondition
	case g.FailureCondition == "":
		return g.SuccessCondition
	}
	return fmt.Sprintf("%s, not %s", g.SuccessCondition, g.FailureCondition)
}

// conditions are a gate's compiled conditions; nil is a condition that the gate lacks.
type conditions struct {
	success, failure *condition.Condition
}

func (g Gate) conditions() (c conditions, err error) {
	if g.SuccessCondition != "" {
		if c.success, err = condition.Compile(g.SuccessCondition); err != nil {
			return c, fmt.Errorf("successCondition: %w", err)
		}
	}
	if g.FailureCondition != "" {
		if c.failure, err = condition.Compile(g.FailureCondition); err != nil {
			return c, fmt.Errorf("failureCondition: %w", err)
		}
	}
	return c, nil
}

func (c conditions) any(ask func(*condition.Condition) bool) bool {
	return c.success != nil && ask(c.success) || c.failure != nil && ask(c.failure)
}

func (c conditions) mentionNaN() bool { return c.any((*condition.Condition).MentionsNaN) }
func (c conditions) mentionInf() bool { return c.any((*condition.Condition).MentionsInf) }

// vector tells whether every condition is one over many series.
func (c conditions) vector() bool {
	return !c.any(func(one *condition.Condition) bool { return !one.Vector() })
}

func (c conditions) decide(values []float64) (Verdict, string, error) {
	var succeeded, failed bool
	var err error
	if c.success != nil {
		if succeeded, err = c.success.Eval(values); err != nil {
			return Error, "", fmt.Errorf("successCondition: %w", err)
		}
	}
	if c.failure != nil {
		if failed, err = c.failure.Eval(values); err != nil {
			return Error, "", fmt.Errorf("failureCondition: %w", err)
		}
	}
	switch {
	case failed:
		return Fail, "meets the failureCondition", nil
	case succeeded:
		return Pass, "meets the successCondition", nil
	case c.success == nil:
		return Pass, "does not meet the failureCondition", nil
	case c.failure == nil:
		return Fail, "does not meet the successCondition", nil
	}
	return Inconclusive, "meets neither condition", nil
}

// distrust takes back a pass that rests on a value which is none: comparisons with NaN are false
// and an infinity satisfies any bound, so neither passes unless a condition provides for it.
func (c conditions) distrust(v Verdict, values []float64) Verdict {
	if v != Pass {
		return v
	}
	if slices.ContainsFunc(values, math.IsNaN) && (c.success == nil || !c.success.MentionsNaN()) {
		return NoData
	}
	infinite := slices.ContainsFunc(values, func(x float64) bool { return math.IsInf(x, 0) })
	if infinite && !c.mentionInf() {
		return Inconclusive
	}
	return v
}

// show writes values for people, and not more than five of them.
func show(values []float64) string {
	const most = 5
	var words []string
	for _, v := range values[:min(len(values), most)] {
		words = append(words, number(v))
	}
	if len(values) > most {
		words = append(words, fmt.Sprintf("and %d more", len(values)-most))
	}
	return strings.Join(words, ", ")
}

// number writes a value with four digits, or all of them before the point.
func number(v float64) string {
	if size := math.Abs(v); size >= 1000 && size < 1e15 {
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	return strconv.FormatFloat(v, 'g', 4, 64)
}
