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
	Successful        int `json:"successful,omitempty"`
	Failed            int `json:"failed,omitempty"`
	Inconclusive      int `json:"inconclusive,omitempty"`
	NoData            int `json:"noData,omitempty"`
	Errors            int `json:"errors,omitempty"`
	ConsecutiveErrors int `json:"consecutiveErrors,omitempty"`
	ConsecutiveGood   int `json:"consecutiveGood,omitempty"`
	AssumedGood       int `json:"assumedGood,omitempty"` // of Successful: no data, which noData lets pass
}

// Add adds one look and gives the judgement with it, leaving jm as it was, and the verdict: ""
// while nothing is decided. The limits are Argo Rollouts', borne until they are exceeded:
// failureLimit 2 fails at the third failed measurement. The worst gate decides; a pass takes
// every gate that is not dry-run to have its consecutiveSuccessLimit, and at least one of them
// to have measured something.
func (jm Judgement) Add(gates []Gate, findings []Finding) (Judgement, Verdict) {
	next := Judgement{Since: jm.Since, Gates: maps.Clone(jm.Gates), Looks: jm.Looks + 1}
	if next.Gates == nil {
		next.Gates = map[string]GateRecord{}
	}
	for _, f := range findings {
		next.Gates[f.Gate] = next.Gates[f.Gate].add(f)
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
	case over(r.Failed, orDefault(g.FailureLimit, defaultFailureLimit)):
		return Fail
	case over(r.ConsecutiveErrors, orDefault(g.ConsecutiveErrorLimit, defaultConsecutiveErrorLimit)):
		return Error
	case over(r.Inconclusive, orDefault(g.InconclusiveLimit, defaultInconclusiveLimit)):
		return Inconclusive
	case r.ConsecutiveGood >= max(orDefault(g.ConsecutiveSuccessLimit, defaultConsecutiveSuccessLimit), 1):
		return Pass
	}
	return ""
}

// add counts one finding. No data counts neither way: it ends a row of errors, for the metrics
// answered, and leaves a row of good measurements alone.
func (r GateRecord) add(f Finding) GateRecord {
	switch f.Verdict {
	case Pass:
		if f.Assumed {
			r.AssumedGood++
		}
		r.Successful++
		r.ConsecutiveGood++
		r.ConsecutiveErrors = 0
	case Fail:
		r.Failed++
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
