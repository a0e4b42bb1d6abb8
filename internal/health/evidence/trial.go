package evidence

// Trial is how far the evidence of a comparison has come over the windows since a change.
type Trial struct {
	Windows int     // that events came in
	Harm    float64 // log evidence that it is worse than tolerated, now
	Safe    float64 // log evidence that it is surely well, now
	Bar     float64 // what either must reach
	HarmAt  int     // how many of the given windows it took until Harm first reached Bar; 0 is not yet
	SafeAt  int     // the same of Safe
}

// Bad tells whether the change was called bad, before or without being called well.
func (t Trial) Bad() bool { return t.HarmAt > 0 && (t.SafeAt == 0 || t.HarmAt <= t.SafeAt) }

// Well tells whether the change was called well, before or without being called bad.
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
	harm, safe := newOnset(), Mixture{}
	harmful, well := t.Harm(), t.Safe()
	for i, w := range windows {
		if w.Total > 0 {
			if !harmful.empty() {
				harm.add(harmful.steps(w.Bad, w.Total-w.Bad))
			}
			safe = well.Add(safe, w.Bad, w.Total-w.Bad)
			trial.note(i+1, harm.logE(), safe.LogE())
		}
		trials[i] = trial
	}
	return trials
}

// Try takes the windows of a candidate and of its baseline, as they ran side by side, and gives
// how far the evidence is after each. A window in which one of them had no request says nothing.
func (t SideBySide) Try(candidate, baseline []Counts) []Trial {
	trial, trials := Trial{Bar: Bar(t.Alpha)}, make([]Trial, min(len(candidate), len(baseline)))
	harm, above, safe := newOnset(), newOnset(), Mixture{}
	floor := BeforeAfter{Floor: t.Floor, Most: t.Most}.Harm()
	for i := range trials {
		c, b := candidate[i], baseline[i]
		if c.Total <= 0 || b.Total <= 0 {
			trials[i] = trial
			continue
		}
		share := c.Total / (c.Total + b.Total)
		harm.add(t.Harm(share).steps(c.Bad, b.Bad))
		worse := harm.logE()
		if !floor.empty() { // the smaller of two is evidence against both hypotheses
			above.add(floor.steps(c.Bad, c.Total-c.Bad))
			worse = min(worse, above.logE())
		}
		safe = t.Safe(share).Add(safe, c.Bad, b.Bad)
		trial.note(i+1, worse, safe.LogE())
		trials[i] = trial
	}
	return trials
}
