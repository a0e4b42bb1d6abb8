package argocd

import (
	"slices"
	"time"
)

// agenda holds what is going to happen, soonest first. Nothing happens by itself: a call that comes
// later finds it done, at the moment at which it was due.
type agenda struct{ events []event }

type event struct {
	at time.Time
	do func(now time.Time)
}

func (g *agenda) add(at time.Time, do func(now time.Time)) {
	i := slices.IndexFunc(g.events, func(e event) bool { return e.at.After(at) })
	if i < 0 {
		i = len(g.events)
	}
	g.events = slices.Insert(g.events, i, event{at: at, do: do})
}

// advance does what is due by now; what that brings about may be due as well.
func (g *agenda) advance(now time.Time) {
	for len(g.events) > 0 && !g.events[0].at.After(now) {
		next := g.events[0]
		g.events = g.events[1:]
		next.do(next.at)
	}
}

func (g *agenda) next() (at time.Time, ok bool) {
	if len(g.events) == 0 {
		return time.Time{}, false
	}
	return g.events[0].at, true
}
