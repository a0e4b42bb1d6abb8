package gatetest

import (
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"gonum.org/v1/gonum/stat/distuv"

	"github.com/cinegit/guardian/internal/health"
	"github.com/cinegit/guardian/internal/health/evidence"
)

// clear is how many bad events make a release's own baseline good enough to multiply; the ratio of
// fewer is more chance than anything else, and that of all the traffic stands for it.
const clear = 30

// counts puts a regression into the readings of a gate of counts.
type counts struct {
	usual evidence.Counts // of all readings
	unit  float64         // what is multiplied where the usual ratio is below it
	rate  float64         // events a second
}

// countsOf reads the usual of a gate off its quiet readings. A ratio up to min is well whatever was
// before, so that it, and not less, is what a factor multiplies; where nothing at all is bad and
// there is no min, it is what max bears, else one event.
func countsOf(g health.Gate, readings []health.Reading) counts {
	var c counts
	var events, seconds float64
	for _, r := range readings {
		c.usual = c.usual.Plus(baseline(r))
		_, step, slots := slotsOf(r)
		seconds += step.Seconds() * float64(len(slots))
		for _, s := range slots {
			events += s.Total
		}
	}
	c.rate = events / max(seconds, 1)
	switch {
	case g.Min != nil:
		c.unit = float64(*g.Min)
	case c.usual.Bad == 0 && g.Max != nil:
		c.unit = float64(*g.Max)
	case c.usual.Bad == 0:
		c.unit = 1 / max(c.usual.Total, 1)
	}
	return c
}

// ratio is the usual ratio at a reading, and that which a factor makes of it.
func (c counts) ratio(r health.Reading, factor float64) (usual, worse float64) {
	own := baseline(r)
	if own.Bad < clear {
		own = c.usual
	}
	usual = own.Bad / max(own.Total, 1)
	return usual, min(factor*max(usual, c.unit), 1)
}

// level is the ratio that a factor makes of the usual one.
func (c counts) level(factor float64) float64 {
	return min(factor*max(c.usual.Bad/max(c.usual.Total, 1), c.unit), 1)
}

// inject gives the reading as it would be if so many times the usual share of events were bad
// since the release: of the good ones, each turned bad by chance. r itself stays as it is.
func (c counts) inject(r health.Reading, factor float64, random *rand.Rand) health.Reading {
	usual, worse := c.ratio(r, factor)
	more := drawn(r, max(worse-usual, 0)/max(1-usual, 1e-9), random)
	r.Since.Counts = slices.Clone(r.Since.Counts)
	for i, w := range r.Since.Counts {
		w.Bad = min(w.Bad+more.within(r.Since.End(i), r.Since.End(i+1)), w.Total)
		r.Since.Counts[i] = w
	}
	r.Looks = slices.Clone(r.Looks)
	for i, l := range r.Looks {
		now, ok := countsAt(l)
		if !ok {
			continue
		}
		bad := min(now.Bad+more.within(l.At.Add(-l.Window), l.At), now.Total)
		if bad > 0 {
			r.Looks[i].Bad = []float64{bad}
		}
	}
	return r
}

// extra are bad events by slots of time.
type extra struct {
	from time.Time
	step time.Duration
	bad  []float64
}

// within is how many of them there were between two moments; a slot counts by its part.
func (e extra) within(from, to time.Time) (sum float64) {
	if e.step <= 0 {
		return 0
	}
	for i := max(int(from.Sub(e.from)/e.step), 0); i < len(e.bad); i++ {
		begin := e.from.Add(time.Duration(i) * e.step)
		end := begin.Add(e.step)
		if !begin.Before(to) {
			break
		}
		covered := min(end.Sub(from), to.Sub(begin), e.step)
		sum += e.bad[i] * float64(max(covered, 0)) / float64(e.step)
	}
	return sum
}

// drawn turns good events of the reading bad, each with probability p.
func drawn(r health.Reading, p float64, random *rand.Rand) extra {
	from, step, slots := slotsOf(r)
	e := extra{from: from, step: step, bad: make([]float64, len(slots))}
	for i, s := range slots {
		if good := math.Round(s.Total - s.Bad); good > 0 && p > 0 {
			e.bad[i] = distuv.Binomial{N: good, P: min(p, 1), Src: random}.Rand()
		}
	}
	return e
}

// slotsOf are the events since the release one after the other: as they were counted where the gate
// compares, else by the part of each look's window that is new.
func slotsOf(r health.Reading) (from time.Time, step time.Duration, slots []evidence.Counts) {
	if len(r.Since.Counts) > 0 {
		return r.Since.From, r.Since.Step, r.Since.Counts
	}
	if len(r.Looks) == 0 {
		return from, 0, nil
	}
	from = r.Subject.ChangedAt
	step = r.Looks[0].At.Sub(from)
	slots = make([]evidence.Counts, len(r.Looks))
	for i, l := range r.Looks {
		now, ok := countsAt(l)
		if !ok {
			continue
		}
		part := float64(min(step, l.Window)) / float64(l.Window)
		slots[i] = evidence.Counts{Bad: now.Bad * part, Total: now.Total * part}
	}
	return from, step, slots
}

// countsAt reads one look as counts, where it is a clean one.
func countsAt(l health.Look) (evidence.Counts, bool) {
	usable := func(v []float64) bool { return len(v) == 1 && v[0] >= 0 && !math.IsInf(v[0], 0) }
	if !usable(l.Total) || len(l.Bad) > 0 && !usable(l.Bad) || l.Window <= 0 {
		return evidence.Counts{}, false
	}
	c := evidence.Counts{Total: l.Total[0]}
	if len(l.Bad) == 1 {
		c.Bad = min(l.Bad[0], c.Total)
	}
	return c, true
}

// baseline is what the gate compares with, or where it compares with nothing, the bake itself.
func baseline(r health.Reading) (all evidence.Counts) {
	_, _, windows := slotsOf(r)
	switch {
	case len(r.Beside.Counts) > 0:
		windows = r.Beside.Counts
	case len(r.Before.Counts) > 0:
		windows = r.Before.Counts
	}
	for _, w := range windows {
		all = all.Plus(w)
	}
	return all
}
