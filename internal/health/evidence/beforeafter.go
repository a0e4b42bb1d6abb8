package evidence

import "math"

// BeforeAfter compares a service with itself before a change. The ratio before is only known from
// a sample, which the evidence of Try takes into account. What else changed meanwhile, as the time
// of day, does not drop out: a tolerance of 20% or more covers ordinary drift.
type BeforeAfter struct {
	Before    Counts
	Tolerance float64 // how much worse is still well: 0.25 is a quarter
	SafeWorse float64 // an early pass means: not this much worse. Tolerance itself takes very much traffic
	Alpha     float64 // the share of well changes that may be called bad; of bad ones that may be passed early
	Floor     float64 // a ratio up to this is well whatever was before
	Most      float64 // log evidence that one window may add; zero is no bound

	// Dispersion is how much more than chance the events vary, as of Dispersion; below 1 is 1. So many
	// times fewer events, and so much weaker the evidence: a power below 1 of an e-process expects
	// no more than 1 either (Jensen), so that the bound on errors holds whatever it is.
	Dispersion float64
}

// Counts is how many events there were and how many of them were bad: 0 <= Bad <= Total.
type Counts struct {
	Bad   float64 `json:"bad"`
	Total float64 `json:"total"`
}

// Ratio is the share of the events that were bad; NaN of none.
func (c Counts) Ratio() float64 { return c.Bad / c.Total }

// Plus is both together.
func (c Counts) Plus(other Counts) Counts {
	return Counts{Bad: c.Bad + other.Bad, Total: c.Total + other.Total}
}

// over is the counts as if so many events were one.
func (c Counts) over(together float64) Counts {
	return Counts{Bad: c.Bad / together, Total: c.Total / together}
}

// Limit is a ratio up to which the change is well for sure: 1+Tolerance times the Clopper-Pearson
// upper bound of the ratio before at half of Alpha, and never below Floor.
func (t BeforeAfter) Limit() float64 {
	if t.Before.Total <= 0 {
		return t.Floor
	}
	d := t.dispersion()
	return max(t.Floor, (1+t.Tolerance)*Upper(t.Before.Bad/d, t.Before.Total/d, t.Alpha/2))
}

func (t BeforeAfter) dispersion() float64 { return max(t.Dispersion, 1) }

// SafeLimit is the ratio below which the change is surely well: 1+SafeWorse times the lower bound of
// the ratio before. It is not Limit, by which too many a bad change would pass.
func (t BeforeAfter) SafeLimit() float64 {
	if t.Before.Total <= 0 {
		return t.Floor
	}
	d := t.dispersion()
	return max(t.Floor, (1+t.SafeWorse)*Lower(t.Before.Bad/d, t.Before.Total/d, t.Alpha/2))
}

// Bar is what the log evidence of Try must reach.
func (t BeforeAfter) Bar() float64 { return Bar(t.Alpha * (1 - outermost)) }

// leastFactor keeps the alternatives off the limit itself, where they would tell nothing.
const leastFactor = 1.1

// Harm is the process against "the ratio is at most Limit". A yes is a bad event, a no a good one.
// Where Limit comes of a baseline, its bound has used half of Alpha: the other half is left.
func (t BeforeAfter) Harm() Process { return t.process(t.Limit(), 1) }

// Safe is the process against "the ratio is at least SafeLimit", over the same events.
func (t BeforeAfter) Safe() Process { return t.process(t.SafeLimit(), -1) }

// process holds against limit alternatives whose odds are 1.1 to 50 times the limit's (direction
// 1) or as many times smaller (direction -1).
func (t BeforeAfter) process(limit, direction float64) Process {
	if !(limit > 0 && limit < 1) {
		return Process{} // every ratio is well, or none surely is
	}
	return newProcess(limit, span(direction*math.Log(leastFactor), direction*math.Log(farthest)), t.dispersion(), t.Most)
}
