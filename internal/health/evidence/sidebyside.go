package evidence

import "math"

// SideBySide compares a candidate with a baseline that runs at the same time. Of the bad events
// of a window, the candidate's share is binomial: with ρ its share of the requests and δ the
// logarithm of the rate ratio, a bad event is the candidate's with probability
// ρe^δ / (1-ρ+ρe^δ). What moves both alike, as the time of day, drops out.
//
// Exact for Poisson counts. For binomial counts it is valid at tolerance 0, and an approximation
// above error ratios of about 5% with a tolerance: keep a fixed maximum beside it there.
type SideBySide struct {
	Tolerance float64 // how much worse is still well: 0.25 is a quarter
	Alpha     float64 // the share of well candidates that may be called bad; of bad ones that may be passed early
	Floor     float64 // a candidate's ratio up to this is well whatever the baseline's is
	Most      float64 // log evidence that one window may add; zero is no bound
}

// nearest keeps the alternatives off the boundary itself, where they would tell nothing.
const nearest = 0.05

// Harm is the process against "the candidate's rate of bad events is at most 1+Tolerance times
// the baseline's". A yes is a bad event of the candidate, a no one of the baseline, and share is
// the candidate's part of the window's requests, known before their outcome: at 0 and 1 there is
// nothing to compare.
func (t SideBySide) Harm(share float64) Process {
	return t.process(share, span(nearest, math.Log(farthest)-math.Log1p(t.Tolerance)))
}

// Safe is the process against "the candidate's rate of bad events is at least 1+Tolerance times
// the baseline's", over the same events.
func (t SideBySide) Safe(share float64) Process {
	return t.process(share, span(-nearest, -math.Log(farthest)-math.Log1p(t.Tolerance)))
}

func (t SideBySide) process(share float64, effects []float64) Process {
	if !(share > 0 && share < 1) {
		return Process{}
	}
	odds := share * (1 + t.Tolerance) // that a bad event is the candidate's, to 1-share
	return newProcess(odds/(1-share+odds), effects, 1, t.Most)
}
