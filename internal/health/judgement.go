package health

import (
	"maps"
	"time"
)

// Judgement is a judgement in progress, as it is kept between two looks: what Argo Rollouts
// calls an AnalysisRun. The zero value has looked at nothing.
type Judgement struct {
	Since time.Time             `json:"since,omitzero"` // what happened before this counts for nothing; zero looks back one window
	Gates map[string]GateRecord `json:"gates,omitempty"`
	Looks int                   `json:"looks,omitempty"`
}

// GateRecord is what one gate has seen so far in a judgement.
type GateRecord struct {
	Successful        int       `json:"successful,omitempty"`
	Failed            int       `json:"failed,omitempty"`
	Inconclusive      int       `json:"inconclusive,omitempty"`
	NoData            int       `json:"noData,omitempty"`
	Errors            int       `json:"errors,omitempty"`
	ConsecutiveErrors int       `json:"consecutiveErrors,omitempty"`
	ConsecutiveGood   int       `json:"consecutiveGood,omitempty"`
	AssumedGood       int       `json:"assumedGood,omitempty"` // of Successful: no data, which noData lets pass
	Evidence          *Evidence `json:"evidence,omitempty"`    // of a comparison
}

// Add adds one look and gives the judgement with it, leaving jm as it was, and the verdict: ""
// while nothing is decided.
//
// The limits are Argo Rollouts', borne until they are exceeded: failureLimit 2 fails at the third
// failed measurement. A comparison with what was before a change does not fail by them but by the
// evidence of all looks together, which also may pass it early. The worst gate decides; a pass
// takes one of every gate that is not dry-run, and at least one of them to have measured
// something.
func (jm Judgement) Add(gates []Gate, findings []Finding) (Judgement, Verdict) {
	next := Judgement{Since: jm.Since, Gates: maps.Clone(jm.Gates), Looks: jm.Looks + 1}
	if next.Gates == nil {
		next.Gates = map[string]GateRecord{}
	}
	for _, g := range gates {
		for _, f := range findings {
			if f.Gate == g.Name {
				next.Gates[g.Name] = next.Gates[g.Name].add(f)
			}
		}
	}
	return next, next.verdict(gates)
}

func (jm Judgement) verdict(gates []Gate) Verdict {
	worst, undecided, measured := Pass, false, false
	for _, g := range gates {
		if g.DryRun {
			continue
		}
		record := jm.Gates[g.Name]
		measured = measured || record.Successful > record.AssumedGood
		switch v := record.verdict(g); {
		case v == "":
			undecided = true
		case v.Worse(worst):
			worst = v
		}
	}
	if worst == Pass && (undecided || !measured) {
		return ""
	}
	return worst
}

// verdict is what the gate's record comes to; "" while it is undecided.
func (r GateRecord) verdict(g Gate) Verdict {
	over := func(count, limit int) bool { return limit >= 0 && count > limit }
	switch {
	case r.bad(), over(r.Failed, orDefault(g.FailureLimit, defaultFailureLimit)):
		return Fail
	case over(r.ConsecutiveErrors, orDefault(g.ConsecutiveErrorLimit, defaultConsecutiveErrorLimit)):
		return Error
	case over(r.Inconclusive, orDefault(g.InconclusiveLimit, defaultInconclusiveLimit)):
		return Inconclusive
	case r.well(), r.ConsecutiveGood >= max(orDefault(g.ConsecutiveSuccessLimit, defaultConsecutiveSuccessLimit), 1):
		return Pass
	}
	return ""
}

func (r GateRecord) bad() bool  { return r.Evidence != nil && r.Evidence.Bad() }
func (r GateRecord) well() bool { return r.Evidence != nil && r.Evidence.Well() }

// add counts one finding. No data counts neither way: it ends a row of errors, for the metrics
// answered, and leaves a row of good measurements alone.
func (r GateRecord) add(f Finding) GateRecord {
	if f.Evidence != nil && !r.bad() {
		r.Evidence = f.Evidence
	}
	switch f.Verdict {
	case Pass:
		if f.Assumed {
			r.AssumedGood++
		}
		r.Successful++
		r.ConsecutiveGood++
		r.ConsecutiveErrors = 0
	case Fail:
		if f.Evidence == nil { // what evidence weighs is not counted by looks as well: their windows overlap
			r.Failed++
		}
		r.ConsecutiveGood, r.ConsecutiveErrors = 0, 0
	case Inconclusive:
		r.Inconclusive++
		r.ConsecutiveGood, r.ConsecutiveErrors = 0, 0
	case NoData:
		r.NoData++
		r.ConsecutiveErrors = 0
	default: // Error, or a verdict that nobody knows
		r.Errors++
		r.ConsecutiveErrors++
		r.ConsecutiveGood = 0
	}
	return r
}
