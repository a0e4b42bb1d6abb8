package backtest

import (
	"slices"
	"strings"
	"time"
)

// Truth is what is known to have become of a release.
type Truth string

// The truths.
const (
	Unknown Truth = ""     // nobody listed incidents
	Good    Truth = "good" // no incident began in its bake
	Bad     Truth = "bad"
)

// truth is what the incidents, in the order in which they began, say of a release; nil is that
// nobody listed any. An incident of its target that began after it and before its bake was over
// makes it bad: since the next release ends a bake, an incident is the fault of one release at
// most. Earlier are those that had begun before it and went on: they are shown, and count for
// nothing.
func truth(r Release, end time.Time, incidents []Incident) (t Truth, fault *Incident, earlier []Incident) {
	if incidents == nil {
		return Unknown, nil, nil
	}
	for _, i := range incidents {
		switch {
		case i.Target != r.Target || !i.To.After(r.At) || !i.From.Before(end):
		case i.From.Before(r.At):
			earlier = append(earlier, i)
		case fault == nil:
			fault = &i
		}
	}
	if fault == nil {
		return Good, nil, earlier
	}
	return Bad, fault, earlier
}

// Verdict is what an outcome was worth.
type Verdict string

// The verdicts, the worst first.
const (
	False     Verdict = "false revert" // it would have been reverted, and was not bad
	Missed    Verdict = "missed"       // it was bad, and would have been left alone
	Caught    Verdict = "caught"       // it was bad, and would have been reverted
	Revert    Verdict = "reverted"     // it would have been reverted; whether it was bad is not known
	NotJudged Verdict = "not judged"   // no data
	Failed    Verdict = "no answer"    // of Prometheus
	Rightly   Verdict = "rightly left" // it was not bad, and would have been left alone
	Left      Verdict = "left alone"   // whether it was bad is not known
)

// Verdicts are all of them, the worst first.
func Verdicts() []Verdict {
	return []Verdict{False, Missed, Caught, Revert, Failed, NotJudged, Left, Rightly}
}

func verdict(s State, t Truth) Verdict {
	switch {
	case s == Error:
		return Failed
	case s == Reverted && t == Bad:
		return Caught
	case s == Reverted && t == Good:
		return False
	case s == Reverted:
		return Revert
	case t == Bad:
		return Missed // also where there was no data: it was bad, and nobody would have been told
	case s == NoData:
		return NotJudged
	case t == Good:
		return Rightly
	}
	return Left
}

// detected is how long after the trouble began the decision came: after the incident's beginning, or
// after the release. It is below zero where it came before people say that the incident began.
func detected(o Outcome, r Result) time.Duration {
	from := r.At
	if r.Fault != nil && r.Fault.From.After(from) {
		from = r.Fault.From
	}
	return o.At.Sub(from)
}

// Result is one release with all that came of it.
type Result struct {
	Release
	End      time.Time  `json:"end"` // of its bake
	Verdict  Verdict    `json:"verdict"`
	Truth    Truth      `json:"truth,omitempty"`
	Fault    *Incident  `json:"incident,omitempty"` // that makes it bad
	Earlier  []Incident `json:"earlier,omitempty"`  // that had begun before it
	Headline Outcome    `json:"headline"`           // by the policy as it is: the outcome that Verdict is of
	Outcomes []Outcome  `json:"outcomes"`
	Plots    []Plot     `json:"-"`
}

// resultOf holds what came of a bake against what is known.
func resultOf(b bake, j judged, incidents []Incident) Result {
	r := Result{Release: b.Release, End: b.end, Outcomes: j.Outcomes, Plots: j.Plots}
	r.Headline = Outcome{Row: b.headline(), Setting: AsInPolicy, State: NoData, Reason: "the policy has no gate for it"}
	r.Truth, r.Fault, r.Earlier = truth(b.Release, b.end, incidents)
	for _, o := range j.Outcomes {
		if o.Row == b.headline() && o.Setting == AsInPolicy {
			r.Headline = o
		}
	}
	r.Verdict = verdict(r.Headline.State, r.Truth)
	return r
}

// sorted puts the worst first, and within that the newest.
func sorted(results []Result) []Result {
	order := Verdicts()
	slices.SortStableFunc(results, func(a, b Result) int {
		if by := slices.Index(order, a.Verdict) - slices.Index(order, b.Verdict); by != 0 {
			return by
		}
		if by := b.At.Compare(a.At); by != 0 {
			return by
		}
		return strings.Compare(a.Target.String(), b.Target.String())
	})
	return results
}
