// Package api is what the guardian program and a running `guardian serve` say to each other: JSON
// over HTTP under /v1, with a bearer token that names the operator.
//
//	GET  /v1/status                       Status
//	GET  /v1/incidents?limit=20           []ledger.Incident, newest first, without the images of their effects
//	GET  /v1/incidents/{id}               Explained; {id} may be a unique prefix, or "last"
//	GET  /v1/incidents/{id}/events?after=3  []ledger.Event whose Seq is above after
//	GET  /v1/releases?service=S&stage=T&since=TIME  []ledger.Release of the target that began at TIME (RFC 3339) or later, the oldest first
//	POST /v1/incidents/{id}/undo          Reason -> ledger.Incident
//	POST /v1/incidents/{id}/approve       Reason -> ledger.Incident
//	POST /v1/incidents/{id}/reject        Reason -> ledger.Incident
//	POST /v1/freeze                       Freeze -> ledger.Freeze
//	POST /v1/unfreeze                     Scope -> Scope
//	POST /v1/release                      Release -> remedy.Released
//	POST /v1/admit                        Admit -> remedy.Admission, also when not admitted
//
// A refusal or failure is a Problem with a status of 400 (bad input), 401, 403, 404, 409 (it cannot be
// done as things stand: a decision, not a fault), 502 (an outside system failed) or 500.
package api

import (
	"time"

	"github.com/cinegit/guardian/internal/ledger"
	"github.com/cinegit/guardian/internal/policy"
)

// Problem says why something was not done.
type Problem struct {
	Error string `json:"error"`
}

// Status is how Guardian and everything it watches is.
type Status struct {
	Version     string              `json:"version"`
	Now         time.Time           `json:"now"`
	Started     time.Time           `json:"started"`
	Mode        policy.Mode         `json:"mode"`
	Policy      PolicyStatus        `json:"policy"`
	Connections []Connection        `json:"connections"`
	Queue       Queue               `json:"queue"`
	Targets     []Target            `json:"targets"`
	Open        []ledger.Incident   `json:"open"`        // incidents that have not ended
	Freezes     []ledger.Freeze     `json:"freezes"`     //
	Quarantines []ledger.Quarantine `json:"quarantines"` //
	Holds       []ledger.Hold       `json:"holds"`       // targets whose auto-sync Guardian switched off
	Ignored     []ledger.Event      `json:"ignored"`     // the latest decisions that led to no incident
}

// PolicyStatus is which policy is in force.
type PolicyStatus struct {
	File     string    `json:"file"`
	LoadedAt time.Time `json:"loadedAt"`
	Problem  string    `json:"problem,omitempty"` // why a newer file was not taken: the loaded one stays in force
}

// Connection is an outside system and whether it can be reached.
type Connection struct {
	Name string `json:"name"` // argocd prometheus flags ledger policy
	OK   bool   `json:"ok"`
	Why  string `json:"why,omitempty"`
}

// Queue is what waits to be dispatched.
type Queue struct {
	Depth int `json:"depth"`
	Dead  int `json:"dead"` // given up, with the reason in the ledger
}

// Target is one service in one stage as it stands.
type Target struct {
	ledger.Target
	Mode        policy.Mode `json:"mode"`
	Application string      `json:"application"`
	Release     string      `json:"release"` // label of what runs; empty if never seen
	Since       time.Time   `json:"since,omitzero"`
	Proven      bool        `json:"proven"`
	Health      string      `json:"health,omitempty"` // Argo CD's word
	Sync        string      `json:"sync,omitempty"`
	Held        bool        `json:"held"`               // auto-sync is off by Guardian
	Incident    string      `json:"incident,omitempty"` // open
	Trouble     string      `json:"trouble,omitempty"`  // why it could not be read
	SeenAt      time.Time   `json:"seenAt,omitzero"`    // of what is written down: up to five minutes ago where every look since saw the same
}

// Explained is an incident with its timeline.
type Explained struct {
	Incident ledger.Incident `json:"incident"`
	Events   []ledger.Event  `json:"events"`
}

// Reason goes with a person's decision.
type Reason struct {
	Why string `json:"why,omitempty"`
}

// Scope is all services, a service, or a target.
type Scope struct {
	Service string `json:"service,omitempty"`
	Stage   string `json:"stage,omitempty"`
}

// Freeze stops promotions in a scope, never a revert.
type Freeze struct {
	Scope
	For policy.Duration `json:"for"`
	Why string          `json:"why"`
}

// Release gives a target's auto-sync back.
type Release struct {
	ledger.Target
	Lift bool `json:"lift,omitempty"` // lift the target's quarantines too
}

// Admit asks whether a release may be shipped to a target now.
type Admit struct {
	ledger.Target
	Release string `json:"release"` // revision, label or image tag
}
