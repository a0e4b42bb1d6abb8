package workflow

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// Status of an execution, in Step Functions' words.
type Status string

// The statuses.
const (
	Running   Status = "RUNNING"
	Succeeded Status = "SUCCEEDED"
	Failed    Status = "FAILED"
	TimedOut  Status = "TIMED_OUT" // the machine's own TimeoutSeconds
)

// Execution is what is known of one execution.
type Execution struct {
	Name      string          `json:"name"`
	Status    Status          `json:"status"`
	Input     json.RawMessage `json:"input"`
	Output    json.RawMessage `json:"output,omitempty"`
	Error     string          `json:"error,omitempty"` // the name
	Cause     string          `json:"cause,omitempty"`
	StartedAt time.Time       `json:"startedAt"`
	EndedAt   time.Time       `json:"endedAt,omitzero"`
	Path      []string        `json:"path,omitempty"` // states as they were entered, the newest 200; without those that a crash made to be done again
	States    []string        `json:"-"`              // where it stands; several inside a Parallel or Map
	WakeAt    time.Time       `json:"-"`              // the next time at which it goes on by itself, if it waits
}

// maxPath bounds Execution.Path.
const maxPath = 200

// record is an execution as it stands in the ledger.
type record struct {
	Execution
	Frame *frame `json:"frame,omitempty"` // nil once it has ended
}

// frame is where a flow stands: in a machine, or in one branch of a Parallel or Map.
type frame struct {
	State     string    `json:"state"`
	Data      any       `json:"data"` // the state's raw input
	EnteredAt time.Time `json:"enteredAt"`
	WakeAt    time.Time `json:"wakeAt,omitzero"`  // of a Wait
	RetryAt   time.Time `json:"retryAt,omitzero"` // of a state that failed and is tried again
	Retries   []int     `json:"retries,omitempty"`
	Ticket    *ticket   `json:"ticket,omitempty"`   // of a task with a token
	Branches  []*frame  `json:"branches,omitempty"` // of a Parallel or Map
	Item      *item     `json:"item,omitempty"`     // of a Map, in its branches
	Done      bool      `json:"done,omitempty"`     // of a branch
	Output    any       `json:"output,omitempty"`

	woken <-chan struct{} // closed when Wake is called after the last task began
}

type item struct {
	Index int `json:"index"`
	Value any `json:"value"`
}

// ticket is a task token with what came of it.
type ticket struct {
	Token  string    `json:"token"`
	Since  time.Time `json:"since"` // when the attempt began
	Answer *answer   `json:"answer,omitempty"`

	beatAt   time.Time
	answered chan struct{}
}

type answer struct {
	Output  any      `json:"output,omitempty"`
	Failure *Failure `json:"failure,omitempty"`
}

// walk visits the frame and those inside it.
func (f *frame) walk(visit func(*frame)) {
	if f == nil {
		return
	}
	visit(f)
	for _, b := range f.Branches {
		b.walk(visit)
	}
}

// snapshot gives the execution with where it stands.
func (r *record) snapshot() Execution {
	out := r.Execution
	out.Path = slices.Clone(r.Path)
	r.Frame.walk(func(f *frame) {
		if f.Done || len(f.Branches) > 0 {
			return
		}
		out.States = append(out.States, f.State)
		for _, at := range []time.Time{f.WakeAt, f.RetryAt} {
			if !at.IsZero() && (out.WakeAt.IsZero() || at.Before(out.WakeAt)) {
				out.WakeAt = at
			}
		}
	})
	return out
}

func decodeRecord(raw []byte) (*record, error) {
	r := &record{}
	if err := decode(raw, r); err != nil {
		return nil, fmt.Errorf("decode execution: %w", err)
	}
	r.Frame.walk(func(f *frame) {
		if f.Ticket != nil {
			f.Ticket.ready(f.EnteredAt)
		}
	})
	return r, nil
}

// ready makes a ticket's channel; an answered one is closed at once.
func (t *ticket) ready(now time.Time) {
	t.beatAt = now
	t.answered = make(chan struct{})
	if t.Answer != nil {
		close(t.answered)
	}
}
