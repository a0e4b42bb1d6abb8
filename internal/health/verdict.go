package health

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/cinegit/guardian/internal/policy"
)

// Verdict is what a gate says of a service.
type Verdict string

// The verdicts, from best to worst; see Worse.
const (
	Pass         Verdict = "Pass"         // measured, and good
	NoData       Verdict = "NoData"       // measured nothing, or too little to judge: never a pass
	Inconclusive Verdict = "Inconclusive" // measured, and neither good nor bad
	Error        Verdict = "Error"        // could not measure: the metrics are out of reach
	Fail         Verdict = "Fail"         // measured, and bad
)

func (v Verdict) rank() int {
	switch v {
	case Pass:
		return 0
	case NoData:
		return 1
	case Inconclusive:
		return 2
	case Error:
		return 3
	case Fail:
		return 4
	}
	return 3 // an unknown verdict is an error, never a pass
}

// Worse tells whether v outweighs other when several gates are taken together
// (Argo Rollouts' order with NoData put in: Successful < NoData < Inconclusive < Error < Failed).
func (v Verdict) Worse(other Verdict) bool { return v.rank() > other.rank() }

// Finding is a verdict with what it rests on, in words that a person can check.
type Finding struct {
	Gate      string    `json:"gate"`
	Verdict   Verdict   `json:"verdict"`
	Reason    string    `json:"reason"`              // a sentence without the gate's name: "0.12 is above 0.05"
	Value     *float64  `json:"value,omitempty"`     // what was measured; nil if nothing was
	Threshold string    `json:"threshold,omitempty"` // what it was held against: "result > 0.5", "5%"
	Query     string    `json:"query,omitempty"`     // as it was asked, variables filled in
	Window    string    `json:"window,omitempty"`    // the time it looks back over: "1m0s"
	At        time.Time `json:"at"`
	Link      string    `json:"link,omitempty"` // to the query in Prometheus' own page
	DryRun    bool      `json:"dryRun,omitempty"`
	Assumed   bool      `json:"assumed,omitempty"`  // no data was found, and the policy's noData says what that counts as
	Evidence  *Evidence `json:"evidence,omitempty"` // of a comparison of counts; nil where nothing was compared
}

// say gives the finding its verdict and reason.
func (f Finding) say(v Verdict, reason string) Finding {
	f.Verdict, f.Reason = v, reason
	return f
}

// measured notes a value; one that JSON cannot carry (NaN, an infinity) stands in the reason only.
func (f Finding) measured(v float64) Finding {
	if !math.IsNaN(v) && !math.IsInf(v, 0) {
		f.Value = &v
	}
	return f
}

// assume turns no data into what the policy says it counts as, visibly.
func (f Finding) assume(how policy.NoDataHow) Finding {
	verdict := map[policy.NoDataHow]Verdict{policy.NoDataPass: Pass, policy.NoDataFail: Fail}[how]
	if verdict == "" {
		return f
	}
	f.Assumed = true
	return f.say(verdict, fmt.Sprintf("%s, which counts as a %s (noData: %s)", f.Reason, strings.ToLower(string(verdict)), how))
}

// Overall is the worst verdict of one look. Dry-run gates have no say; no finding is NoData, and
// so is a look at which every pass is only assumed.
func Overall(findings []Finding) Verdict {
	worst, measured := Pass, false
	for _, f := range findings {
		if f.DryRun {
			continue
		}
		measured = measured || !f.Assumed
		if f.Verdict.Worse(worst) {
			worst = f.Verdict
		}
	}
	if worst == Pass && !measured {
		return NoData
	}
	return worst
}
