package health

import "time"

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
}
