package gatetest

import (
	"time"

	"github.com/cinegit/guardian/internal/health/evidence"
	"github.com/cinegit/guardian/internal/policy"
)

// Report is what a test of the gates of a service at a stage came to.
type Report struct {
	Service string          `json:"service"`
	Stage   string          `json:"stage"`
	Bake    policy.Duration `json:"bake"`
	From    time.Time       `json:"from"` // of the traffic that was asked for
	Until   time.Time       `json:"until"`
	Seed    uint64          `json:"seed"`
	Gates   []Result        `json:"gates"`
}

// State is what a gate is worth.
type State string

// The states, from best to worst.
const (
	Tells      State = "tells"           // it sees 5 times the usual, and lets quiet bakes be
	Alarms     State = "false alarms"    // it would surely revert more quiet releases than it may
	Weak       State = "sees too little" // within the bake it sees 5 times the usual in fewer than 90% of the cases
	CannotFail State = "cannot fail"     // 10 times the usual passes unseen
	NoData     State = "no data"         // most bakes cannot be judged at all
)

// Result is what a test of one gate came to.
type Result struct {
	Gate     string          `json:"gate"`
	State    State           `json:"state"`
	Summary  string          `json:"summary"`          // one sentence
	DryRun   bool            `json:"dryRun,omitempty"` // it never decides, and is tested as if it did
	Warnings []string        `json:"warnings,omitempty"`
	From     time.Time       `json:"from,omitzero"`  // of the first bake
	Until    time.Time       `json:"until,omitzero"` // of the last one's end
	Every    policy.Duration `json:"every,omitzero"` // from one imaginary release to the next
	Bakes    int             `json:"bakes"`          // that could be judged
	NoData   int             `json:"noData"`         // bakes that could not
	Excluded int             `json:"excluded"`       // releases left out for a known incident
	Usual    Usual           `json:"usual"`
	Quiet    Quiet           `json:"quiet"`
	Seen     []Detection     `json:"seen,omitempty"`  // by factor, ascending
	Needs    []Need          `json:"needs,omitempty"` // of factors that too few bakes are long enough for
}

// Usual is what the gate measures on ordinary days.
type Usual struct {
	Counts *evidence.Counts `json:"counts,omitempty"` // of a gate of counts, all that was looked at
	Rate   float64          `json:"rate,omitempty"`   // their total a second
	Unit   float64          `json:"unit,omitempty"`   // what a factor multiplies where the usual is below it
	Value  *float64         `json:"value,omitempty"`  // of a gate with a query, the median
	Fails  *float64         `json:"fails,omitempty"`  // the value from which its conditions fail; nil is not known
	Words  string           `json:"words"`            // the same for people
}

// Quiet is what the gate says of bakes in which nothing was put in.
type Quiet struct {
	Alarms   int     `json:"alarms"`             // bakes that would have been reverted
	Held     int     `json:"held"`               // ended by Error or Inconclusive, which wait for a person
	Rate     float64 `json:"rate"`               // the share of alarms, 0..1
	AtMost   float64 `json:"atMost"`             // the share is below this with 95% confidence (Clopper-Pearson)
	Allowed  float64 `json:"allowed"`            // the gate's alpha as it is shared with the service's other gates
	Examples []Alarm `json:"examples,omitempty"` // the latest, at most three
}

// Alarm is one quiet bake that would have been reverted.
type Alarm struct {
	At     time.Time       `json:"at"`    // of the imaginary release
	After  policy.Duration `json:"after"` // until the decision
	Reason string          `json:"reason"`
}

// Detection is how one size of regression is seen. Median and P95 are over all bakes that could be
// judged; one in which nothing was seen counts as endless, and zero is an endless one.
type Detection struct {
	Factor float64         `json:"factor"` // times the usual
	Level  float64         `json:"level"`  // what it makes of the usual: bad/total, or a value
	Bakes  int             `json:"bakes"`
	Seen   int             `json:"seen"`   // would have been reverted within the bake
	Passed int             `json:"passed"` // the evidence called well before
	Held   int             `json:"held"`   // ended by Error or Inconclusive, which wait for a person
	Median policy.Duration `json:"median,omitzero"`
	P95    policy.Duration `json:"p95,omitzero"`
}

// Rate is the share of the bakes in which the regression is seen.
func (d Detection) Rate() float64 { return float64(d.Seen) / float64(max(d.Bakes, 1)) }

// Need is how long a bake it takes to see a regression in 90% of the bakes.
type Need struct {
	Factor    float64         `json:"factor"`
	Bake      policy.Duration `json:"bake,omitzero"`       // zero is that none is known
	Estimated bool            `json:"estimated,omitempty"` // from how fast the evidence grows, not seen
	Words     string          `json:"words"`
}

// Decides tells whether the gate may fail a bake.
func (r Result) Decides() bool { return !r.DryRun }

// Blind gives the gates that decide and cannot tell bad from good. Where no gate decides at all,
// it gives all of them.
func (r Report) Blind() []Result {
	var blind []Result
	decide := false
	for _, g := range r.Gates {
		decide = decide || g.Decides()
		if g.Decides() && g.State != Tells {
			blind = append(blind, g)
		}
	}
	if !decide {
		return r.Gates
	}
	return blind
}
