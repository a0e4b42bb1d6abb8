package health

import (
	"fmt"
	"math"
	"time"

	"github.com/cinegit/guardian/internal/health/evidence"
)

// Windows are the events of a service, counted in windows one after the other.
type Windows struct {
	From   time.Time // where the first window begins
	Step   time.Duration
	Counts []evidence.Counts // a window without data has no events
	Flaw   string            // why the answer cannot be judged; "" if it can
}

// Until is what had been counted at a moment: windows that were over.
func (w Windows) Until(at time.Time) []evidence.Counts {
	if w.Step <= 0 || at.Before(w.From) {
		return nil
	}
	return w.Counts[:min(int(at.Sub(w.From)/w.Step), len(w.Counts))]
}

// End is when a window was over, counted from 1.
func (w Windows) End(n int) time.Time { return w.From.Add(time.Duration(n) * w.Step) }

func sum(windows []evidence.Counts) (all evidence.Counts) {
	for _, c := range windows {
		all = all.Plus(c)
	}
	return all
}

// windowsOf puts the counts of moments together: each but the first ends a window. The first only
// tells whether the events were counted before at all: a counter that turns up after nothing was
// known may have counted for long, and is worth nothing until the next window.
func windowsOf(from time.Time, step time.Duration, bad, total [][]float64) Windows {
	w := Windows{From: from, Step: step, Counts: make([]evidence.Counts, max(len(total)-1, 0))}
	for i := range w.Counts {
		if len(total[i]) == 0 || len(total[i+1]) == 0 {
			continue
		}
		c, why := countOf(bad[i+1], total[i+1])
		if why != "" {
			w.Flaw = fmt.Sprintf("%s at %s", why, w.End(i+1).UTC().Format(time.DateTime))
			return w
		}
		w.Counts[i] = c
	}
	return w
}

// countOf is what one window comes to; why says what makes it none. A window whose bad or total is
// NaN has no events: that is what dividing by nothing gives.
func countOf(bad, total []float64) (c evidence.Counts, why string) {
	t, verdict, reason := single(total, "total")
	if verdict == NoData {
		return c, ""
	}
	if verdict != Pass {
		return c, reason
	}
	var b float64
	if len(bad) > 0 {
		if b, verdict, reason = single(bad, "bad"); verdict == NoData {
			return c, ""
		}
		if verdict != Pass {
			return c, reason
		}
	}
	// A scrape may come between the two queries: what is above here is missing in the next window.
	return evidence.Counts{Bad: min(b, t), Total: t}, ""
}

// single reads an answer as one count.
func single(values []float64, name string) (float64, Verdict, string) {
	switch {
	case len(values) == 0:
		return 0, NoData, fmt.Sprintf("%s finds no series", name)
	case len(values) > 1:
		return 0, Error, fmt.Sprintf("%s gives %d series where one is wanted: aggregate it with sum(…)", name, len(values))
	}
	v := values[0]
	switch {
	case math.IsNaN(v):
		return 0, NoData, fmt.Sprintf("%s is not a number", name)
	case math.IsInf(v, 0):
		return 0, Error, fmt.Sprintf("%s is infinite", name)
	case v < 0:
		return 0, Error, fmt.Sprintf("%s is %s, and a count is never negative", name, number(v))
	}
	return v, Pass, ""
}
