package health

import (
	"fmt"
	"time"
)

// baselineWindow is how far back before the change a baseline reaches (gates.md measured 30m).
const baselineWindow = 30 * time.Minute

// look is one look at a subject: the time that it covers is window before at.
type look struct {
	subject Subject
	since   time.Time // what happened before it counts for nothing; zero is no such moment
	at      time.Time
	window  time.Duration // whole seconds, so that PromQL can say it; 0 is too early to look
	whole   bool          // the window is as long as the gate wants it
}

// lookAt shortens the gate's window where it would reach back before since.
func lookAt(g Gate, s Subject, since, at time.Time) look {
	l := look{subject: s, since: since, at: at, window: g.fullWindow(), whole: true}
	if since.IsZero() || at.Sub(since) >= l.window {
		return l
	}
	l.whole = false
	l.window = max(at.Sub(since), 0).Truncate(time.Second)
	return l
}

// tooEarly says why the gate cannot be asked yet; "" when it can.
func (l look) tooEarly(g Gate) string {
	age := l.at.Sub(l.since)
	switch {
	case l.since.IsZero():
		return ""
	case age < time.Second:
		return "less than a second has passed since the change"
	case age < g.InitialDelay.D():
		return fmt.Sprintf("%s after the change, still within initialDelay %s", age.Round(time.Second), g.InitialDelay)
	}
	return ""
}

// question is one PromQL query as of a moment.
type question struct {
	promql string
	at     time.Time
}

// questions are what the gate has to know for this look, in the order that judge takes the
// answers: the value; or bad, total and, for a comparison, bad and total before the change.
func (g Gate) questions(l look) []question {
	if !g.Counts() {
		return []question{{l.subject.fill(g.Query, l.window), l.at}}
	}
	asked := []question{
		{l.subject.fill(g.Bad, l.window), l.at},
		{l.subject.fill(g.Total, l.window), l.at},
	}
	if g.Tolerance == nil || l.subject.ChangedAt.IsZero() {
		return asked
	}
	before := l.subject.ChangedAt
	return append(asked,
		question{l.subject.fill(g.Bad, baselineWindow), before},
		question{l.subject.fill(g.Total, baselineWindow), before})
}
