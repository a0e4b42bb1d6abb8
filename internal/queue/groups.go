package queue

import (
	"cmp"
	"slices"
	"time"
)

// entry is what is kept in memory of a message: all but its body.
type entry struct {
	id        string
	group     string
	receives  int
	reason    string
	recovered bool      // it stood in the store before this process did
	visibleAt time.Time // not handed out before; while in flight, when it is handed out again
}

// group is one message group. Nothing of it is handed out while a message is in flight.
type group struct {
	waiting  []*entry // in the order of id
	inFlight *entry
}

type groups map[string]*group

// add puts an entry into its group, at its place; one that is there already is left.
func (gs groups) add(e *entry) {
	g := gs[e.group]
	if g == nil {
		g = &group{}
		gs[e.group] = g
	}
	if g.inFlight != nil && g.inFlight.id == e.id {
		return
	}
	at, found := slices.BinarySearchFunc(g.waiting, e.id, func(e *entry, id string) int { return cmp.Compare(e.id, id) })
	if !found {
		g.waiting = slices.Insert(g.waiting, at, e)
	}
}

// take hands out the oldest message of all groups that may be handed out now, and keeps it in
// flight until the time given. With none, next is when there will be one; zero is never.
func (gs groups) take(now, until time.Time) (e entry, ok bool, next time.Time) {
	var taken *entry
	for _, g := range gs {
		g.expire(now)
		if g.inFlight != nil {
			next = earlier(next, g.inFlight.visibleAt)
			continue
		}
		head := g.waiting[0]
		if head.visibleAt.After(now) {
			next = earlier(next, head.visibleAt)
			continue
		}
		if taken == nil || head.id < taken.id {
			taken = head
		}
	}
	if taken == nil {
		return entry{}, false, next
	}
	g := gs[taken.group]
	g.waiting = g.waiting[1:]
	g.inFlight = taken
	taken.visibleAt = until
	taken.receives++
	return *taken, true, time.Time{}
}

// expire takes a message back whose visibility timeout is over.
func (g *group) expire(now time.Time) {
	if g.inFlight == nil || g.inFlight.visibleAt.After(now) {
		return
	}
	g.inFlight.reason = "it was not handled within the visibility timeout"
	g.waiting = slices.Insert(g.waiting, 0, g.inFlight)
	g.inFlight = nil
}

// flying tells whether an entry is still in flight as it was handed out.
func (gs groups) flying(e entry) bool {
	g := gs[e.group]
	return g != nil && g.inFlight != nil && g.inFlight.id == e.id && g.inFlight.receives == e.receives
}

// land puts an entry that is in flight back to the waiting ones, as next.
func (gs groups) land(e, next entry) {
	if !gs.flying(e) {
		return
	}
	gs[e.group].inFlight = nil
	gs.add(&next)
}

// drop forgets an entry that is in flight, and its group with the last one.
func (gs groups) drop(e entry) {
	if !gs.flying(e) {
		return
	}
	g := gs[e.group]
	g.inFlight = nil
	if len(g.waiting) == 0 {
		delete(gs, e.group)
	}
}

func (gs groups) depth() int {
	n := 0
	for _, g := range gs {
		n += len(g.waiting)
		if g.inFlight != nil {
			n++
		}
	}
	return n
}

func earlier(a, b time.Time) time.Time {
	if a.IsZero() || b.Before(a) {
		return b
	}
	return a
}
