package gatetest

import (
	"time"

	"github.com/cinegit/guardian/internal/health"
)

// ending is how a bake ends.
type ending int

const (
	open   ending = iota // its time is over and nothing was decided against the release
	failed               // it would have been reverted
	passed               // the evidence calls it well
	held                 // a person must look: Error or Inconclusive
)

// outcome is what came of one imaginary bake.
type outcome struct {
	ending  ending
	after   time.Duration  // from the release to the look that decided
	finding health.Finding // that decided, or the last
	halfway health.Finding // at half the bake's looks
	judged  bool           // at least one look measured something, or evidence came in
	absent  map[string]int // looks that found no data or no answer, by reason
	looks   int
}

// firstLooks are judged before the others are: what is clearly bad is seen in them.
const firstLooks = 24

// judge bakes an imaginary release on its reading. Good looks in a row do not end a bake, as
// they do not prove a release; only evidence does, or that its time is over.
func judge(g health.Gate, r health.Reading, alpha float64) outcome {
	for n := firstLooks; n < len(r.Looks); n *= 4 {
		if o := bake(g, upTo(r, n), alpha); o.ending != open {
			return o
		}
	}
	return bake(g, r, alpha)
}

// upTo is a reading as it was at its n-th look. Nothing that happened later is judged by, so that a
// part is judged as the whole is.
func upTo(r health.Reading, n int) health.Reading {
	r.Looks = r.Looks[:n]
	at := r.Looks[n-1].At
	r.Since.Counts, r.Beside.Counts = r.Since.Until(at), r.Beside.Until(at)
	return r
}

func bake(g health.Gate, r health.Reading, alpha float64) outcome {
	o := outcome{absent: map[string]int{}}
	jm := health.Judgement{Since: r.From}
	for i, f := range g.Findings(r, alpha) {
		if r.Looks[i].Window == 0 {
			continue
		}
		var v health.Verdict
		jm, v = jm.Add([]health.Gate{g}, []health.Finding{f})
		o.finding, o.after = f, f.At.Sub(r.Subject.ChangedAt)
		if i == len(r.Looks)/2 {
			o.halfway = f
		}
		o.note(f)
		switch e := jm.Gates[g.Name].Evidence; {
		case v == health.Fail:
			o.ending = failed
		case v == health.Error, v == health.Inconclusive:
			o.ending = held
		case e != nil && e.Well():
			o.ending = passed
		default:
			continue
		}
		return o
	}
	return o
}

// note keeps what a look says of the data.
func (o *outcome) note(f health.Finding) {
	o.looks++
	switch f.Verdict {
	case health.Pass, health.Fail, health.Inconclusive:
		o.judged = o.judged || !f.Assumed || f.Verdict == health.Fail
	default:
		o.absent[f.Reason]++
	}
	if f.Evidence != nil && f.Evidence.Windows > 0 {
		o.judged = true
	}
}
