package evidence

import "math"

// A bad change does not always show at once: a cache runs full, a job starts on the hour. Evidence
// counted from the change would first have to make up for all the good windows before.
const (
	fromTheStart = 0.75     // prior that what is wrong is wrong from the first window
	onsetHazard  = 1.0 / 60 // and else begins with any later one: a quarter of an hour of 15s windows on average
)

// onset is the prior of when a departure begins, window by window (Shiryaev, On optimum methods in
// quickest detection problems, 1963). What has not begun counts as 1, so that a mean over onsets of
// e-processes is an e-process itself.
type onset struct {
	first, hazard float64
	rest          float64 // what has not begun yet
	started       bool
}

// sooner or later: costs ln(1/fromTheStart) of the evidence where all is bad from the start.
func soonerOrLater() onset { return onset{first: fromTheStart, hazard: onsetHazard, rest: 1} }

// atOnce is an onset in the first window.
func atOnce() onset { return onset{first: 1, rest: 1} }

// next is the prior of an onset in the window that comes.
func (o *onset) next() float64 {
	begin := o.hazard * o.rest
	if !o.started {
		begin, o.started = o.first, true
	}
	o.rest -= begin
	return begin
}

// Bounds that keep likelihood ratios finite. Cut from above they still expect no more than 1.
const (
	grownMost  = 1e200
	growthMost = 1e100 // by one window
)

// grow takes one window's growth into a likelihood ratio that may begin in it, with prior begin.
func grow(ratio, begin, growth float64) float64 { return min((ratio+begin)*growth, grownMost) }

func expMost(log float64) float64 { return min(math.Exp(log), growthMost) }

// late is the mean of the likelihood ratios of alternatives, over when a departure begins and how far it goes.
type late struct {
	onset onset
	grown []float64 // likelihood ratio of each alternative, by prior of its onset; nil before the first window
	logE  float64
}

// add takes one window of so many yeses and noes.
func (l *late) add(p Process, yes, no float64) {
	if p.empty() {
		return
	}
	if l.grown == nil {
		l.grown = make([]float64, len(p.yes))
	}
	begin := l.onset.next()
	sum := l.onset.rest
	for i, step := range p.steps(yes, no) {
		l.grown[i] = grow(l.grown[i], begin, expMost(step))
		sum += p.prior[i] * l.grown[i]
	}
	l.logE = math.Log(max(sum, 1/grownMost))
}
