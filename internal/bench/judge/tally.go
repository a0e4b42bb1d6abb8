package main

import (
	"fmt"
	"math"

	"github.com/cinegit/guardian/internal/health/evidence"
)

// tally counts at which look bakes were called bad.
type tally struct {
	Runs   int        `json:"runs"`
	At     [looks]int `json:"calledBadAtLook"` // the first element is the first look
	Passed int        `json:"calledWell"`      // and so never bad
}

func (t *tally) add(bad, well int) {
	t.Runs++
	if bad > 0 {
		t.At[bad-1]++
	}
	if well > 0 {
		t.Passed++
	}
}

func (t tally) called() int {
	n := 0
	for _, c := range t.At {
		n += c
	}
	return n
}

// share is how many of the bakes were called bad.
func (t tally) share() float64 { return float64(t.called()) / float64(t.Runs) }

// bounds hold the true share with 95% (Clopper and Pearson).
func (t tally) bounds() (low, high float64) {
	called, runs := float64(t.called()), float64(t.Runs)
	return evidence.Lower(called, runs, .025), evidence.Upper(called, runs, .025)
}

// within is the time in seconds by which that share of all bakes had been called bad; infinite if
// it takes longer than a bake.
func (t tally) within(share float64) float64 {
	n, want := 0, share*float64(t.Runs)
	for i, c := range t.At {
		if n += c; float64(n) >= want {
			return float64(i+1) * look
		}
	}
	return math.Inf(1)
}

func (t tally) median() float64 { return t.within(.5) }

// words is a cell of the table: how many healthy bakes were called bad, or how soon bad ones were.
func (t tally) words(healthy bool) string {
	if healthy {
		return percent(t.share())
	}
	cell := fmt.Sprintf("%s / %s", inSeconds(t.median()), inSeconds(t.within(.95)))
	if never := 1 - t.share(); never > 0 {
		cell += fmt.Sprintf(" (%s never)", percent(never))
	}
	return cell
}

func inSeconds(s float64) string {
	if math.IsInf(s, 1) {
		return fmt.Sprintf(">%.0f", half)
	}
	return fmt.Sprintf("%.0f", s)
}

func percent(share float64) string {
	switch {
	case share > 0 && share < .0995, share > .9005 && share < 1:
		return fmt.Sprintf("%.1f%%", 100*share)
	}
	return fmt.Sprintf("%.0f%%", 100*share)
}
