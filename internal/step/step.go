// Package step runs the steps of the alert flow for a state machine, whichever carries it out: the workflow
// runner in process or Step Functions. Here an error of the flow gets the name by which Retry and Catch
// know it, and nowhere else.
package step

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/cinegit/guardian/internal/ledger"
	"github.com/cinegit/guardian/internal/remedy"
)

// The names of errors, as the state machine's Retry writes them.
const (
	Conflict  = "Conflict"  // somebody else wrote first, or holds the target: again soon
	Transient = "Transient" // anything else: again later
	Malformed = "Malformed" // what came is no task: no use in trying again
)

// tries is how often a step is tried at once that another write came before. In a storm of alerts, or when
// many targets act at the same moment, that happens often, and the state machine's own retries wait for
// seconds, then for minutes.
const tries = 16

// pollAtMost is between two looks in place; who waits longer waits in the state machine.
const pollAtMost = 2 * time.Second

// StepProve asks whether what runs at a target has proved good; package reconcile does it.
const StepProve ledger.Step = "prove"

// Task is what a state machine or the reconciler asks for: a step of an incident, or of a target.
type Task struct {
	remedy.Task
	ledger.Target
}

// Steps are what one function can do. A step that is nil it cannot.
type Steps struct {
	Flow   func(ctx context.Context, task remedy.Task) (remedy.Answer, error)
	Look   func(ctx context.Context, t ledger.Target) error
	Prove  func(ctx context.Context, t ledger.Target) error
	Ledger *ledger.Ledger
	Ended  func(a remedy.Answer) // called with an answer that is an incident's end
	Log    *slog.Logger

	// Stay is how long a step that only waits for something to come about within moments may do so in
	// place, at most a quarter of the 60 s that the state machine gives it. It is for Step Functions,
	// where a second of the largest function costs a fifth of the three transitions that a look takes.
	Stay time.Duration
}

// Run runs the step that a payload asks for and gives the answer, JSON. Every error has a name: see Name.
func (s Steps) Run(ctx context.Context, payload json.RawMessage) (json.RawMessage, error) {
	var task Task
	if err := json.Unmarshal(payload, &task); err != nil {
		return nil, Named(Malformed, fmt.Errorf("task: %w", err))
	}
	switch {
	case task.Step == remedy.StepLook && task.ID != "":
		return s.lookFor(ctx, task.ID)
	case task.Step == remedy.StepLook && s.Look != nil:
		return s.about(ctx, task.Target, s.Look)
	case task.Step == StepProve && s.Prove != nil:
		return s.about(ctx, task.Target, s.Prove)
	case task.ID == "" || s.Flow == nil:
		return nil, Named(Malformed, fmt.Errorf("task: no step %.40q of an incident or a target is known here", task.Step))
	}
	answer, err := s.flow(ctx, task.Task)
	if err != nil {
		return nil, named(err)
	}
	if answer.End != "" && task.Step != ledger.StepEnd {
		s.Ended(answer)
	}
	return json.Marshal(answer)
}

// flow runs a step, and again in place while it does nothing but wait for the next look.
func (s Steps) flow(ctx context.Context, task remedy.Task) (remedy.Answer, error) {
	until := time.Now().Add(s.Stay)
	for {
		answer, err := Again(ctx, func() (remedy.Answer, error) { return s.Flow(ctx, task) })
		wait := time.Duration(answer.Wait) * time.Second
		polls := err == nil && answer.Next == task.Step && 0 < wait && wait <= pollAtMost
		if !polls || time.Until(until) < wait || !pause(ctx, wait) {
			return answer, err
		}
	}
}

func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

// lookFor reads fresh facts for an incident. What cannot be read is in the ledger, for blame and the guards
// to weigh.
func (s Steps) lookFor(ctx context.Context, id string) (json.RawMessage, error) {
	if s.Look == nil {
		return nil, Named(Malformed, errors.New("task: nothing is looked at here"))
	}
	inc, err := s.Ledger.Incident(ctx, id)
	if err != nil {
		return nil, named(err)
	}
	if err := s.Look(ctx, inc.Target); err != nil {
		s.Log.WarnContext(ctx, "look", "target", inc.Target.String(), "error", err)
	}
	return json.RawMessage(`{}`), nil
}

func (s Steps) about(ctx context.Context, t ledger.Target, do func(context.Context, ledger.Target) error) (json.RawMessage, error) {
	if err := do(ctx, t); err != nil {
		return nil, named(err)
	}
	return json.RawMessage(`{}`), nil
}

// Again does something again at once while another write came between.
func Again[T any](ctx context.Context, do func() (T, error)) (out T, err error) {
	for range tries {
		out, err = do()
		if !errors.Is(err, ledger.ErrConflict) || ctx.Err() != nil {
			break
		}
	}
	return out, err
}
