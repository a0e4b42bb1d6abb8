package health

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"
)

// Reading is all that the metrics say for the looks of one gate at one subject. To read is to ask;
// what is made of it is Gate.Look, which is pure.
type Reading struct {
	Subject Subject
	From    time.Time // what happened before counts for nothing; zero is no such moment
	Looks   []Look    // in their order
	Err     error     // why the metrics gave no answer; nil if they did

	// Of a gate with tolerance.
	Since  Windows // from From; without it, the last window
	Before Windows // the baseline before the change; none if its moment is not known
	Beside Windows // the baseline beside, windows as Since

	// Of a value that is compared: its points since From, and the baseline's before or beside.
	Points, Baseline Points
}

// Look is what one look at a gate found, a value a series.
type Look struct {
	At         time.Time
	Window     time.Duration // what $window stood for; 0 is too early to ask
	Query      string        // with it, as the policy has it
	Link       string        // to Query, for people
	Value      []float64     // of a gate with a query
	Bad, Total []float64     // of one with counts
}

// Points are a value's, one every Step.
type Points struct {
	From   time.Time
	Step   time.Duration
	Values [][]float64
}

// Until is what was known at a moment, of one series each.
func (p Points) Until(at time.Time) []float64 {
	var values []float64
	for i, v := range p.Values {
		if p.From.Add(time.Duration(i)*p.Step).After(at) || len(v) != 1 {
			continue
		}
		values = append(values, v[0])
	}
	return values
}

const (
	defaultBefore = 30 * time.Minute // of a baseline before the change; gates.md measured it
	mostWindows   = 10_000           // of one reading; a longer one has longer windows
)

// Read asks everything that the gate needs for its looks: one at first, and every interval of the
// gate after it up to last. What happened before since, and within the gate's initialDelay after
// it, counts for nothing: $window is cut short there; zero is no such moment.
func (j Judge) Read(ctx context.Context, g Gate, s Subject, since, first, last time.Time) Reading {
	r := Reading{Subject: s}
	if !since.IsZero() {
		r.From = since.Add(g.InitialDelay.D())
	}
	for at := first; !at.After(last); at = at.Add(g.interval()) {
		r.Looks = append(r.Looks, g.lookAt(s, r.From, at))
	}
	if g.check() != nil || len(r.Looks) == 0 || r.Looks[len(r.Looks)-1].Window == 0 {
		return r
	}
	for i := range r.Looks {
		r.Looks[i].Link = j.Metrics.Link(r.Looks[i].Query, r.Looks[i].At)
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	group.Go(func() error { return j.readLooks(ctx, g, &r) })
	group.Go(func() error { return j.readSince(ctx, g, &r, last) })
	group.Go(func() error { return j.readBaseline(ctx, g, &r, last) })
	r.Err = group.Wait()
	return r
}

// lookAt shortens the gate's window where it would reach back before from.
func (g Gate) lookAt(s Subject, from, at time.Time) Look {
	l := Look{At: at, Window: g.fullWindow()}
	if !from.IsZero() {
		l.Window = min(l.Window, max(at.Sub(from), 0).Truncate(time.Second))
	}
	l.Query = s.fill(g.Query, l.Window)
	if g.Counts() {
		l.Query = fmt.Sprintf("(%s) / (%s)", s.fill(g.Bad, l.Window), s.fill(g.Total, l.Window))
	}
	return l
}

// readLooks asks what the gate says at each look.
func (j Judge) readLooks(ctx context.Context, g Gate, r *Reading) error {
	if !g.Counts() {
		values, err := j.atLooks(ctx, g, r, func(window time.Duration) string { return r.Subject.fill(g.Query, window) })
		for i, v := range values {
			r.Looks[i].Value = v
		}
		return err
	}
	bad, err := j.atLooks(ctx, g, r, func(window time.Duration) string { return r.Subject.count(g.Bad, window) })
	if err != nil {
		return err
	}
	total, err := j.atLooks(ctx, g, r, func(window time.Duration) string { return r.Subject.count(g.Total, window) })
	for i := range total {
		r.Looks[i].Bad, r.Looks[i].Total = bad[i], total[i]
	}
	return err
}

// atLooks asks one query at all looks: as of its moment where the window is cut short or one look
// is left, the others in one range.
func (j Judge) atLooks(ctx context.Context, g Gate, r *Reading, query func(window time.Duration) string) (answers [][]float64, err error) {
	answers = make([][]float64, len(r.Looks))
	for i, l := range r.Looks {
		if left := len(r.Looks) - i; l.Window == g.fullWindow() && left > 1 {
			rest, err := j.Metrics.Range(ctx, query(l.Window), l.At, r.Looks[len(r.Looks)-1].At, g.interval())
			copy(answers[i:], rest)
			return answers, err
		}
		if l.Window == 0 {
			continue
		}
		if answers[i], err = j.Metrics.Query(ctx, query(l.Window), l.At); err != nil {
			return nil, err
		}
	}
	return answers, nil
}

// readSince asks for what happened since the change, as evidence weighs it.
func (j Judge) readSince(ctx context.Context, g Gate, r *Reading, last time.Time) (err error) {
	switch {
	case g.Counts() && g.Tolerance != nil && !r.From.IsZero():
		r.Since, err = j.windows(ctx, g, r.Subject, g.Bad, g.Total, r.From, last)
	case g.Compares() && !r.compareFrom().IsZero():
		r.Points, err = j.points(ctx, g, r.Subject, g.Query, r.compareFrom().Add(g.fullWindow()), last)
	}
	return err
}

// compareFrom is since when a value's points are those of the changed service. It takes a pointer, for
// other parts of the reading are written at the same time.
func (r *Reading) compareFrom() time.Time {
	if r.From.IsZero() {
		return r.Subject.ChangedAt
	}
	return r.From
}

// readBaseline asks for the other side of a comparison.
func (j Judge) readBaseline(ctx context.Context, g Gate, r *Reading, last time.Time) (err error) {
	changed, before := r.Subject.ChangedAt, g.before()
	switch {
	case g.Counts() && g.Tolerance != nil && g.Baseline.Beside():
		from := r.From
		if from.IsZero() {
			from = last.Add(-g.fullWindow())
		}
		r.Beside, err = j.windows(ctx, g, r.Subject, g.Baseline.Bad, g.Baseline.Total, from, last)
	case g.Counts() && g.Tolerance != nil && !changed.IsZero():
		r.Before, err = j.windows(ctx, g, r.Subject, g.Bad, g.Total, changed.Add(-before), changed)
	case g.Compares() && g.Baseline.Beside():
		if from := r.compareFrom(); !from.IsZero() {
			r.Baseline, err = j.points(ctx, g, r.Subject, g.Baseline.Query, from.Add(g.fullWindow()), last)
		}
	case g.Compares() && !changed.IsZero():
		r.Baseline, err = j.points(ctx, g, r.Subject, g.Query, changed.Add(-before), changed)
	}
	return err
}

// windows asks how many events there were between two moments, window by window: each as long as
// the interval where such windows add up, else as $window.
func (j Judge) windows(ctx context.Context, g Gate, s Subject, bad, total string, from, to time.Time) (Windows, error) {
	step := g.interval()
	if _, adds := counting(s.fill(bad, step), step); !adds {
		step = g.fullWindow()
	}
	if _, adds := counting(s.fill(total, step), step); !adds {
		step = g.fullWindow()
	}
	for to.Sub(from)/step > mostWindows {
		step *= 2
	}
	if to.Sub(from) < step {
		return Windows{From: from, Step: step}, nil
	}
	bads, err := j.Metrics.Range(ctx, s.count(bad, step), from, to, step)
	if err != nil {
		return Windows{}, err
	}
	totals, err := j.Metrics.Range(ctx, s.count(total, step), from, to, step)
	if err != nil {
		return Windows{}, err
	}
	return windowsOf(from, step, bads, totals), nil
}

// points asks for a value's points. They are a window apart, for those of windows that overlap
// say the same twice.
func (j Judge) points(ctx context.Context, g Gate, s Subject, query string, from, to time.Time) (Points, error) {
	step := max(g.interval(), g.fullWindow())
	p := Points{From: from, Step: step}
	if to.Before(from) {
		return p, nil
	}
	var err error
	p.Values, err = j.Metrics.Range(ctx, s.fill(query, g.fullWindow()), from, to, step)
	return p, err
}
