// Package deploy is what Guardian knows of Argo CD, without Argo CD's client: an application at
// one moment, its operations and history, and the pure questions that flows ask of them — which
// release runs, did an operation land, is a change really live.
package deploy

import (
	"encoding/json"
	"strings"
	"time"
)

// Ref names an Argo CD application. Guardian sends all three with each call: without the
// project an unknown application answers PermissionDenied, not NotFound.
type Ref struct {
	Name      string `json:"name"`
	Namespace string `json:"namespace,omitempty"` // of the Application resource; empty is Argo CD's own
	Project   string `json:"project,omitempty"`   // empty is filled in from the application once it is read
}

// String gives namespace/name, or the bare name.
func (r Ref) String() string {
	if r.Namespace == "" {
		return r.Name
	}
	return r.Namespace + "/" + r.Name
}

// Phases of an operation, in Argo CD's words. PhasePending is ours: the operation is asked for
// (.operation is set) and the controller has not taken it up (status.operationState is nil).
const (
	PhasePending     = "Pending"
	PhaseRunning     = "Running"
	PhaseTerminating = "Terminating"
	PhaseFailed      = "Failed"
	PhaseError       = "Error"
	PhaseSucceeded   = "Succeeded"
)

// Application is what Argo CD said of one application at one moment.
type Application struct {
	Ref          Ref             `json:"ref"`
	AutoSync     json.RawMessage `json:"autoSync,omitempty"` // spec.syncPolicy.automated as it stands; nil is off
	Owner        string          `json:"owner,omitempty"`    // "ApplicationSet NAME" or "Application NAME": who would undo an edit of the spec
	Sources      json.RawMessage `json:"sources,omitempty"`  // spec.source (an object) or spec.sources (an array)
	SyncStatus   string          `json:"syncStatus"`         // Synced OutOfSync Unknown
	Health       string          `json:"health"`             // Healthy Progressing Degraded Suspended Missing Unknown
	Head         []string        `json:"head,omitempty"`     // status.sync.revision(s): what it was compared to, not what runs
	ReconciledAt time.Time       `json:"reconciledAt"`
	Images       []string        `json:"images,omitempty"` // status.summary.images, sorted
	Operation    *Operation      `json:"operation,omitempty"`
	History      []Entry         `json:"history,omitempty"` // oldest first; at most revisionHistoryLimit (10)
}

// Operation is the operation asked for or, if none is pending, the last one that ran.
type Operation struct {
	Phase       string          `json:"phase"`
	Message     string          `json:"message,omitempty"`
	StartedAt   time.Time       `json:"startedAt"` // zero while pending; to the second
	FinishedAt  time.Time       `json:"finishedAt,omitzero"`
	InitiatedBy string          `json:"initiatedBy,omitempty"`
	Automated   bool            `json:"automated,omitempty"` // by auto-sync
	Revisions   []string        `json:"revisions,omitempty"` // asked for or, once known, the sync result's
	Sources     json.RawMessage `json:"sources,omitempty"`   // the sync result's source(s); for a rollback the operation's
	Rollback    bool            `json:"rollback,omitempty"`  // operation.sync.source is set: only a rollback does that (sources are set by a sync of several, too)
	DryRun      bool            `json:"dryRun,omitempty"`
}

// Entry is one entry of status.history: a sync that succeeded as a whole.
type Entry struct {
	ID          int64           `json:"id"` // from 0; 0 is a real id
	Revisions   []string        `json:"revisions"`
	Sources     json.RawMessage `json:"sources"` // the entry's source (object) or sources (array)
	StartedAt   time.Time       `json:"startedAt"`
	DeployedAt  time.Time       `json:"deployedAt"`
	InitiatedBy string          `json:"initiatedBy,omitempty"`
	Automated   bool            `json:"automated,omitempty"`
}

// InProgress tells whether Argo CD is still busy with the operation.
func (o *Operation) InProgress() bool {
	if o == nil {
		return false
	}
	return o.Phase == PhasePending || o.Phase == PhaseRunning || o.Phase == PhaseTerminating
}

// Live is the newest history entry: what Argo CD last deployed as a whole. ok is false for an
// application that was never synced.
func (a Application) Live() (entry Entry, ok bool) {
	if len(a.History) == 0 {
		return Entry{}, false
	}
	return a.History[len(a.History)-1], true
}

// ParseRef reads the [namespace/]name of an application.
func ParseRef(application, project string) Ref {
	namespace, name, ok := strings.Cut(application, "/")
	if !ok {
		namespace, name = "", application
	}
	return Ref{Name: name, Namespace: namespace, Project: project}
}
