package health

import (
	"fmt"

	"github.com/cinegit/guardian/internal/health/evidence"
)

const (
	// defaultAlpha is the share of healthy releases that the comparisons of one judgement may call
	// bad between them, however often one looks.
	defaultAlpha = 0.05
	// safeFactor times the tolerance is what an early pass rules out. The tolerance itself would
	// take hours of ordinary traffic.
	safeFactor = 2
	// mostOfBar is how much of the evidence that decides may come from one window, so that it
	// takes two at least: errors come in bursts, and the events of one window are not independent.
	mostOfBar = 0.6
)

// alphaOf shares defaultAlpha evenly over the gates that compare and decide (Bonferroni).
func alphaOf(gates []Gate) float64 {
	comparing := 0
	for _, g := range gates {
		if g.Counts() && g.Tolerance != nil && !g.DryRun {
			comparing++
		}
	}
	return defaultAlpha / float64(max(comparing, 1))
}

// test is the gate's comparison with what was before.
func (g Gate) test(before evidence.Counts, alpha float64) evidence.BeforeAfter {
	tolerance := float64(*g.Tolerance)
	return evidence.BeforeAfter{
		Before: before, Tolerance: tolerance, SafeWorse: safeFactor * tolerance,
		Alpha: alpha, Most: mostOfBar * evidence.Bar(alpha/2),
	}
}

// Evidence is what all windows of a comparison say together. It may be looked at after every
// window and is wrong no more often for that.
type Evidence struct {
	Before  evidence.Counts  `json:"before"`  // the baseline, as it was at the first look
	Seen    evidence.Counts  `json:"seen"`    // since the change
	Windows int              `json:"windows"` // that it came in
	Harm    evidence.Mixture `json:"harm"`    // that it is worse than tolerated
	Safe    evidence.Mixture `json:"safe"`    // that it is surely well
}

// add takes what came in since the last look: since counts everything from the beginning. Counts
// that fell behind (a series that went away) add nothing until they are back.
func (e Evidence) add(test evidence.BeforeAfter, since evidence.Counts) Evidence {
	total := since.Total - e.Seen.Total
	if total <= 0 {
		return e
	}
	bad := min(max(since.Bad-e.Seen.Bad, 0), total)
	e.Harm = test.Harm().Add(e.Harm, bad, total-bad)
	e.Safe = test.Safe().Add(e.Safe, bad, total-bad)
	e.Seen = evidence.Counts{Bad: e.Seen.Bad + bad, Total: since.Total}
	e.Windows++
	return e
}

// verdict is what the evidence comes to; "" while it is not enough.
func (e Evidence) verdict(test evidence.BeforeAfter) Verdict {
	switch {
	case e.Harm.Reaches(test.Bar()):
		return Fail
	case e.Safe.Reaches(test.Bar()):
		return Pass
	}
	return ""
}

// explain says how far the evidence is, in words; the numbers are logarithms of odds.
func (e Evidence) explain(test evidence.BeforeAfter) string {
	return fmt.Sprintf("%s since the change, in %d windows, against %s before: evidence %.1f that it is above %s, %.1f that it is below %s; %.1f decides",
		inWords(e.Seen), e.Windows, inWords(e.Before),
		e.Harm.LogE(), percent(test.Limit()), e.Safe.LogE(), percent(test.SafeLimit()), test.Bar())
}
