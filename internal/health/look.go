package health

import (
	"fmt"
	"strings"
	"time"
)

// baselineWindow is how far back before the change a baseline reaches (gates.md measured 30m).
const baselineWindow = 30 * time.Minute

// look is one look at a subject: the time that it covers is window before at.
type look struct {
	subject Subject
	from    time.Time // what happened before it counts for nothing; zero is no such moment
	at      time.Time
	window  time.Duration // in whole seconds, so that PromQL can say it; 0 is too early to look
	elapsed time.Duration // from from to at, so written; 0 without from
	alpha   float64       // of a comparison
}

// lookAt shortens the gate's window where it would reach back before since and initialDelay.
func lookAt(g Gate, s Subject, since, at time.Time, alpha float64) look {
	l := look{subject: s, at: at, window: g.fullWindow(), alpha: alpha}
	if since.IsZero() {
		return l
	}
	l.from = since.Add(g.InitialDelay.D())
	l.elapsed = max(at.Sub(l.from), 0).Truncate(time.Second)
	l.window = min(l.window, l.elapsed)
	return l
}

// whole tells whether the window is as long as the gate wants it.
func (l look) whole(g Gate) bool { return l.window == g.fullWindow() }

// tooEarly says why the gate cannot be asked yet; "" when it can.
func (l look) tooEarly(g Gate) string {
	switch {
	case l.from.IsZero() || l.elapsed > 0:
		return ""
	case g.InitialDelay > 0:
		return fmt.Sprintf("what happens within initialDelay %s after the change counts for nothing", g.InitialDelay)
	}
	return "less than a second has passed since the change"
}

// question is one PromQL query as of a moment.
type question struct {
	promql string
	at     time.Time
}

// questions are what the gate has to know for this look, in the order that judge takes the
// answers: the value; or bad and total and, for a comparison, both before the change, and both
// in all the time since.
func (g Gate) questions(l look) []question {
	ask := func(query string, window time.Duration, at time.Time) question {
		return question{l.subject.fill(query, window), at}
	}
	if !g.Counts() {
		return []question{ask(g.Query, l.window, l.at)}
	}
	asked := []question{ask(g.Bad, l.window, l.at), ask(g.Total, l.window, l.at)}
	if g.Tolerance == nil || l.subject.ChangedAt.IsZero() {
		return asked
	}
	before := l.subject.ChangedAt
	asked = append(asked, ask(g.Bad, baselineWindow, before), ask(g.Total, baselineWindow, before))
	if l.elapsed > 0 && strings.Contains(g.Bad, "$window") && strings.Contains(g.Total, "$window") {
		asked = append(asked, ask(g.Bad, l.elapsed, l.at), ask(g.Total, l.elapsed, l.at))
	}
	return asked
}
