package backtest

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/cinegit/guardian/internal/health"
)

// State is what would have become of a release.
type State string

// The states.
const (
	Reverted State = "reverted" // it would have been reverted
	Passed   State = "passed"   // it would have been left alone, by what was measured
	NoData   State = "no data"  // nothing was measured that it could be judged by
	Error    State = "error"    // Prometheus gave no answer
)

// Outcome is what would have become of a release by one row, in one setting.
type Outcome struct {
	Row     Row             `json:"row"`
	Setting string          `json:"setting"`
	State   State           `json:"state"`
	At      time.Time       `json:"at,omitzero"`    // of the decision; zero where the bake came to its end
	Alert   time.Time       `json:"alert,omitzero"` // when the rule's alert began to fire
	Reason  string          `json:"reason"`
	Finding *health.Finding `json:"finding,omitempty"` // the one that decided, else the last
}

// watch is a gate with what it says at each look of a reading.
type watch struct {
	gate     health.Gate
	reading  health.Reading
	alpha    float64
	findings []health.Finding
}

func newWatch(g health.Gate, r health.Reading, alpha float64) *watch {
	return &watch{gate: g, reading: r, alpha: alpha, findings: g.Findings(r, alpha)}
}

// looks walks through the looks of several gates by their time.
func looks(all []*watch) func(yield func(at time.Time, findings []health.Finding) bool) {
	return func(yield func(time.Time, []health.Finding) bool) {
		next := make([]int, len(all))
		for {
			var at time.Time
			for i, w := range all {
				if next[i] < len(w.findings) && (at.IsZero() || w.findings[next[i]].At.Before(at)) {
					at = w.findings[next[i]].At
				}
			}
			if at.IsZero() {
				return
			}
			var findings []health.Finding
			for i, w := range all {
				if next[i] < len(w.findings) && w.findings[next[i]].At.Equal(at) {
					findings = append(findings, w.findings[next[i]])
					next[i]++
				}
			}
			if !yield(at, findings) {
				return
			}
		}
	}
}

// bakeOut is what a bake by the gates comes to: reverted at the first look at which they fail
// together, else passed at its end. Nothing ends it early: two good looks in a row are luck, and what
// the evidence calls well within a minute may go bad in the next.
func bakeOut(all []*watch) Outcome {
	gates := gatesOf(all)
	var jm health.Judgement
	seen := newSeen()
	for at, findings := range looks(all) {
		seen.note(findings)
		next, verdict := jm.Add(gates, findings)
		jm = next
		if verdict == health.Fail {
			f := deciding(jm, gates, findings)
			return Outcome{State: Reverted, At: at, Finding: f, Reason: f.Gate + ": " + f.Reason}
		}
	}
	return seen.out(all)
}

// alertOut is what a rule comes to whose alert began to fire at a moment, or never did (zero): the
// gates have to confirm it then or later.
func alertOut(all []*watch, fires time.Time) Outcome {
	if fires.IsZero() {
		return Outcome{State: Passed, Reason: "no alert of the rule began to fire"}
	}
	seen := newSeen()
	for at, findings := range looks(all) {
		if at.Before(fires) {
			continue
		}
		seen.note(findings)
		if health.Overall(findings) == health.Fail {
			i := slices.IndexFunc(findings, func(f health.Finding) bool { return f.Verdict == health.Fail && !f.DryRun })
			return Outcome{State: Reverted, At: at, Alert: fires, Finding: &findings[i], Reason: findings[i].Gate + ": " + findings[i].Reason}
		}
	}
	out := seen.out(all)
	out.Alert = fires
	if out.State == Passed {
		out.Reason = "the alert fired and the gates did not confirm it: " + out.Reason
	}
	return out
}

func gatesOf(all []*watch) []health.Gate {
	gates := make([]health.Gate, len(all))
	for i, w := range all {
		gates[i] = w.gate
	}
	return gates
}

// deciding is the finding that failed the judgement: one that fails now, of a gate that has failed
// too often or by its evidence.
func deciding(jm health.Judgement, gates []health.Gate, findings []health.Finding) *health.Finding {
	for _, g := range gates {
		alone := health.Judgement{Gates: jm.Gates}
		if _, verdict := alone.Add([]health.Gate{g}, nil); verdict != health.Fail {
			continue
		}
		for i := range findings {
			if findings[i].Gate == g.Name {
				return &findings[i]
			}
		}
	}
	return &findings[0]
}

// seen is what came of looks that decided nothing.
type seen struct {
	measured map[string]bool           // by gate: something was
	last     map[string]health.Finding // by gate
}

func newSeen() seen {
	return seen{measured: map[string]bool{}, last: map[string]health.Finding{}}
}

func (s seen) note(findings []health.Finding) {
	for _, f := range findings {
		s.last[f.Gate] = f
		s.measured[f.Gate] = s.measured[f.Gate] || measured(f)
	}
}

// measured tells whether a finding rests on a measurement, be it of too few events to tell by.
func measured(f health.Finding) bool {
	switch f.Verdict {
	case health.Pass, health.Fail, health.Inconclusive:
		return !f.Assumed
	}
	return f.Evidence != nil && f.Evidence.Windows > 0
}

// out is a pass by every gate that decides, or why there is none.
func (s seen) out(all []*watch) Outcome {
	var passed *health.Finding
	var reasons []string
	for _, w := range all {
		if w.gate.DryRun {
			continue
		}
		f, looked := s.last[w.gate.Name]
		switch {
		case w.reading.Err != nil:
			return Outcome{State: Error, Reason: w.gate.Name + ": " + w.reading.Err.Error()}
		case !looked:
			return Outcome{State: NoData, Reason: w.gate.Name + ": its bake was over before the first look"}
		case !s.measured[w.gate.Name]:
			return Outcome{State: NoData, Finding: &f, Reason: w.gate.Name + ": " + f.Reason}
		}
		passed = cmp.Or(passed, &f)
		reasons = append(reasons, w.gate.Name+": "+leftBecause(f))
	}
	if passed == nil {
		return Outcome{State: NoData, Reason: "every gate is dry-run"}
	}
	return Outcome{State: Passed, Finding: passed, Reason: strings.Join(reasons, "; ")}
}

// leftBecause is why a gate had nothing against a release up to the end of its bake.
func leftBecause(f health.Finding) string {
	if f.Evidence != nil && f.Evidence.Well() {
		return fmt.Sprintf("the evidence said at %s that it is well", f.Evidence.WellAt.UTC().Format(time.TimeOnly))
	}
	return f.Reason
}
