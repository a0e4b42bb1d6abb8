package gatetest

import (
	"slices"
	"time"
)

// most is how many releases are imagined for a gate: enough to tell 5% from none.
const most = 100

// Span is a stretch of time.
type Span struct{ From, To time.Time }

// overlaps tells whether the two have a moment in common.
func (s Span) overlaps(other Span) bool { return s.From.Before(other.To) && other.From.Before(s.To) }

// ships are imaginary releases: one every so often, each with a baseline before it and a bake
// after it.
type ships struct {
	first    time.Time
	every    time.Duration
	count    int // with those that are excluded
	at       []time.Time
	excluded int
}

// spread imagines releases between two moments: the last bake ends at until, no two overlap, and
// there are no more than most of them. They ship a whole number of steps apart, so that what is
// asked for one serves the next. Those of which baseline or bake meets an incident are excluded.
func spread(from, until time.Time, before, bake, step time.Duration, incidents []Span) ships {
	room := until.Sub(from) - before - bake
	if room < 0 {
		return ships{}
	}
	every := max(bake, room/(most-1))
	every = max((every+step-1)/step*step, step)
	s := ships{every: every, count: int(room/every) + 1}
	last := until.Add(-bake)
	s.first = last.Add(-time.Duration(s.count-1) * every)
	for i := range s.count {
		at := s.first.Add(time.Duration(i) * every)
		around := Span{at.Add(-before), at.Add(bake)}
		if slices.ContainsFunc(incidents, around.overlaps) {
			s.excluded++
			continue
		}
		s.at = append(s.at, at)
	}
	return s
}

// some gives at most n of the releases whose bake of the length ends by until, evenly spread.
func (s ships) some(n int, bake time.Duration, until time.Time) []time.Time {
	var fit []time.Time
	for _, at := range s.at {
		if !at.Add(bake).After(until) {
			fit = append(fit, at)
		}
	}
	if len(fit) <= n {
		return fit
	}
	picked := make([]time.Time, n)
	for i := range picked {
		picked[i] = fit[i*len(fit)/n]
	}
	return picked
}
