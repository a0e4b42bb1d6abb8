package evidence

import "math"

// Trial is how far the evidence of a comparison has come over the windows since a change.
type Trial struct {
	Windows int     // that events came in
	Harm    float64 // log evidence that it is worse than tolerated, now
	Safe    float64 // log evidence that it is surely well, now
	Bar     float64 // what either must reach
	HarmAt  int     // how many of the given windows it took until Harm first reached Bar; 0 is not yet
	SafeAt  int     // the same of Safe
}

// Bad tells whether the change was called bad, were it after it had been called well: what goes bad
// later is no better for that, and alpha bounds it all the same.
func (t Trial) Bad() bool { return t.HarmAt > 0 }

// Well tells whether the change was called well, and not bad.
func (t Trial) Well() bool { return t.SafeAt > 0 && !t.Bad() }

// note remembers what the evidence came to with the n-th window.
func (t *Trial) note(n int, harm, safe float64) {
	t.Windows, t.Harm, t.Safe = t.Windows+1, harm, safe
	if t.HarmAt == 0 && harm >= t.Bar {
		t.HarmAt = n
	}
	if t.SafeAt == 0 && safe >= t.Bar {
		t.SafeAt = n
	}
}

// Try takes the windows since the change in their order, and gives how far the evidence is after
// each. Windows without events say nothing.
func (t BeforeAfter) Try(windows []Counts) []Trial {
	trial, trials := Trial{Bar: t.Bar()}, make([]Trial, len(windows))
	harm, safe := t.sides()
	for i, w := range windows {
		if w.Total > 0 {
			w = w.over(t.dispersion())
			harm.add(w)
			safe.add(w)
			trial.note(i+1, harm.both(), safe.either())
		}
		trials[i] = trial
	}
	return trials
}

// sides are the two processes of a comparison with the baseline, worse and better.
func (t BeforeAfter) sides() (harm, safe side) {
	floor := BeforeAfter{Floor: t.Floor, Most: t.Most}
	harm.floor, harm.process = late{onset: soonerOrLater()}, floor.Harm()
	safe.floor, safe.process = late{onset: atOnce()}, floor.Safe()
	if t.Before.Total <= 0 {
		return harm, safe
	}
	before := t.Before.over(t.dispersion())
	harm.change = newChange(before, 1+t.Tolerance, 1, t.Alpha, soonerOrLater(), t.Most)
	safe.change = newChange(before, 1+t.SafeWorse, -1, t.Alpha, atOnce(), t.Most)
	return harm, safe
}

// side is the evidence against a limit that a baseline or a fixed floor sets, whichever is higher.
type side struct {
	change  *change // nil without a baseline
	floor   late
	process Process // of the floor; empty without one
}

func (s *side) add(w Counts) {
	if s.change != nil {
		s.change.add(w)
	}
	s.floor.add(s.process, w.Bad, w.Total-w.Bad)
}

// both is the evidence that the ratio is above the one limit and above the other.
func (s *side) both() float64 {
	switch {
	case s.change == nil:
		return s.floor.logE
	case s.process.empty():
		return s.change.logE
	}
	return min(s.change.logE, s.floor.logE)
}

// either is the evidence that the ratio is below the one limit or below the other: the mean of both.
func (s *side) either() float64 {
	switch {
	case s.change == nil:
		return s.floor.logE
	case s.process.empty():
		return s.change.logE
	}
	return logAdd(s.change.logE, s.floor.logE) - math.Ln2
}

// logAdd is log(exp(a)+exp(b)).
func logAdd(a, b float64) float64 {
	return max(a, b) + math.Log1p(math.Exp(-math.Abs(a-b)))
}

// Try takes the windows of a candidate and of its baseline, as they ran side by side, and gives
// how far the evidence is after each. A window in which one of them had no request says nothing.
func (t SideBySide) Try(candidate, baseline []Counts) []Trial {
	trial, trials := Trial{Bar: Bar(t.Alpha)}, make([]Trial, min(len(candidate), len(baseline)))
	harm, above, safe := late{onset: soonerOrLater()}, late{onset: soonerOrLater()}, late{onset: atOnce()}
	floor := BeforeAfter{Floor: t.Floor, Most: t.Most}.Harm()
	for i := range trials {
		c, b := candidate[i], baseline[i]
		if c.Total <= 0 || b.Total <= 0 {
			trials[i] = trial
			continue
		}
		share := c.Total / (c.Total + b.Total)
		harm.add(t.Harm(share), c.Bad, b.Bad)
		worse := harm.logE
		if !floor.empty() { // the smaller of two is evidence against both hypotheses
			above.add(floor, c.Bad, c.Total-c.Bad)
			worse = min(worse, above.logE)
		}
		safe.add(t.Safe(share), c.Bad, b.Bad)
		trial.note(i+1, worse, safe.logE)
		trials[i] = trial
	}
	return trials
}
