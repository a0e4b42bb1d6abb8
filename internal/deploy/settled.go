package deploy

import (
	"slices"
	"strings"
	"time"
)

// BlockedByWindow is what the controller writes into operationState.message while a sync window
// holds an operation back. The operation stays Running and would fire when the window opens.
const BlockedByWindow = "blocked by sync window"

// Mark is the place in an application's life at which an effect was decided, kept with the
// before-image. It tells later whether that effect landed, without trusting any clock.
type Mark struct {
	LastHistoryID      int64     `json:"lastHistoryId"` // -1 for an empty history
	OperationStartedAt time.Time `json:"operationStartedAt,omitzero"`
}

// MarkOf the application now.
func MarkOf(a Application) Mark {
	m := Mark{LastHistoryID: -1}
	if live, ok := a.Live(); ok {
		m.LastHistoryID = live.ID
	}
	if a.Operation != nil {
		m.OperationStartedAt = a.Operation.StartedAt
	}
	return m
}

// Landed tells whether a rollback to the entry stands in the application since the mark: as the
// operation pending, running or finished, or as a newer history entry of the same content.
func Landed(a Application, since Mark, to Entry) bool {
	if op := a.Operation; op != nil && op.Rollback && !op.DryRun && since.newer(op) &&
		Identity(op.Sources, op.Revisions) == to.Identity() {
		return true
	}
	live, ok := a.Live()
	return ok && live.ID > since.LastHistoryID && live.Identity() == to.Identity()
}

func (m Mark) newer(op *Operation) bool {
	return op.Phase == PhasePending || op.StartedAt.After(m.OperationStartedAt)
}

// Settling is the answer of Settled: Done, or Blocked, or Failed, or none of them yet, with the reason.
type Settling struct {
	Done    bool
	Blocked bool // parked by a sync window: it would fire later if left
	Failed  bool // the operation ended and did not succeed
	Beside  bool // it is live, and images that it does not have still run beside it
	Reason  string
}

// Settled tells whether the change to the entry that was asked for at the mark is really live: its
// operation succeeded, Argo CD has reconciled after it, the application is Healthy, and none but the
// expected images run. Succeeded beside Healthy alone proves nothing: for up to half a second the
// health is that of before. images may be empty when nobody knows what the release runs, and hold more
// than what runs now: those of jobs come and go.
func Settled(a Application, since Mark, to Entry, images []string) Settling {
	op := a.Operation
	switch {
	case !Landed(a, since, to):
		return Settling{Reason: "the operation does not show yet"}
	case op.InProgress() && strings.Contains(op.Message, BlockedByWindow):
		return Settling{Blocked: true, Reason: "held back by a closed sync window"}
	case op.InProgress():
		return Settling{Reason: "operation " + strings.ToLower(op.Phase) + because(op.Message)}
	case op != nil && op.Phase != PhaseSucceeded:
		return Settling{Failed: true, Reason: "operation " + op.Phase + because(op.Message)}
	case op != nil && !a.ReconciledAt.After(op.FinishedAt) && !sameImages(a.Images, images):
		// Both times are to the second: within the same second only the images tell.
		return Settling{Reason: "Argo CD has not looked again since the operation"}
	case op != nil && a.ReconciledAt.Before(op.FinishedAt):
		return Settling{Reason: "Argo CD has not looked again since the operation"}
	case a.Health != "Healthy":
		return Settling{Reason: "application is " + a.Health}
	case len(images) > 0 && len(a.Images) == 0:
		return Settling{Reason: "nothing of it runs yet"}
	case len(images) > 0 && len(others(a.Images, images)) > 0:
		return Settling{Beside: true, Reason: "still running " + strings.Join(others(a.Images, images), ", ")}
	}
	return Settling{Done: true, Reason: "Healthy on " + to.Label()}
}

func because(message string) string {
	if message == "" {
		return ""
	}
	return ": " + message
}

func sameImages(have, want []string) bool {
	return len(want) > 0 && len(others(have, want)) == 0 && len(others(want, have)) == 0
}

func others(have, want []string) []string {
	var out []string
	for _, image := range have {
		if !slices.Contains(want, image) {
			out = append(out, image)
		}
	}
	return out
}
