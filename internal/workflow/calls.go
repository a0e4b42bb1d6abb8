package workflow

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// Wake cuts the execution's Wait short, as if its time were over. When it comes while a task runs,
// it is the Wait after that task that is cut: what woke it may have come too late for the task to
// see. It tells whether such an execution runs here. A Wake is not written down: after a crash the
// Wait lasts its time. Step Functions has no such call; there, the Wait always lasts.
func (r *Runner) Wake(name string) bool {
	x := r.running(name)
	if x == nil {
		return false
	}
	x.locked(func() {
		close(x.wake)
		x.wake = make(chan struct{})
	})
	return true
}

// SendTaskSuccess ends a task that waits for the token, with its output, JSON. It is on the disk
// when nil is returned. ErrNoTask: nobody waits for it, as it is answered or over. After another
// error the answer may count or not: send it again.
func (r *Runner) SendTaskSuccess(ctx context.Context, token string, output json.RawMessage) error {
	value, err := decodeOutput("the task", output)
	if err != nil {
		return err
	}
	return r.answer(ctx, token, &answer{Output: value})
}

// SendTaskFailure ends a task that waits for the token with an error, for Retry and Catch. Errors
// are those of SendTaskSuccess.
func (r *Runner) SendTaskFailure(ctx context.Context, token, errorName, cause string) error {
	return r.answer(ctx, token, &answer{Failure: &Failure{Name: errorName, Cause: cause}})
}

// Heartbeat starts the task's HeartbeatSeconds anew. ErrNoTask: nobody waits for the token.
func (r *Runner) Heartbeat(token string) error {
	x, err := r.holder(token)
	if err != nil {
		return err
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	t := x.ticket(token)
	if t == nil {
		return ErrNoTask
	}
	t.beatAt = time.Now()
	return nil
}

func (r *Runner) answer(ctx context.Context, token string, a *answer) error {
	x, err := r.holder(token)
	if err != nil {
		return err
	}
	x.mu.Lock()
	t := x.ticket(token)
	if t == nil {
		x.mu.Unlock()
		return ErrNoTask
	}
	t.Answer, x.unsaved = a, true
	x.mu.Unlock()
	err = x.save(ctx)
	x.mu.Lock()
	defer x.mu.Unlock()
	if err != nil {
		t.Answer, x.unsaved = nil, true
		return fmt.Errorf("answer a task of execution %s: %w", x.rec.Name, err)
	}
	close(t.answered)
	return nil
}

// holder finds the execution that made a token.
func (r *Runner) holder(token string) (*execution, error) {
	name, _, _ := strings.Cut(token, tokenMark)
	if x := r.running(name); x != nil {
		return x, nil
	}
	return nil, ErrNoTask
}

// ticket finds the open ticket of a token; nil if there is none. The lock is held.
func (x *execution) ticket(token string) (found *ticket) {
	x.rec.Frame.walk(func(f *frame) {
		if t := f.Ticket; t != nil && t.Token == token && t.Answer == nil && !t.Since.IsZero() {
			found = t
		}
	})
	return found
}

// Describe tells how an execution stands. ErrNoExecution: there is none, or it is long over.
func (r *Runner) Describe(ctx context.Context, name string) (Execution, error) {
	if x := r.running(name); x != nil {
		x.mu.Lock()
		defer x.mu.Unlock()
		return x.rec.snapshot(), nil
	}
	rec, _, err := r.journal.read(ctx, name)
	if err != nil {
		return Execution{}, err
	}
	return rec.snapshot(), nil
}

// List gives the executions of a status, by name; those of every status for "".
func (r *Runner) List(ctx context.Context, status Status) ([]Execution, error) {
	partition := r.journal.executions()
	if status == Running {
		partition = r.journal.running()
	}
	names, err := r.journal.names(ctx, partition)
	if err != nil {
		return nil, err
	}
	var out []Execution
	for _, name := range names {
		e, err := r.Describe(ctx, name)
		if err != nil {
			return nil, err
		}
		if status == "" || e.Status == status {
			out = append(out, e)
		}
	}
	return out, nil
}

// Await waits until an execution is no longer carried on here, which is its end unless the runner
// was stopped, and describes it.
func (r *Runner) Await(ctx context.Context, name string) (Execution, error) {
	if x := r.running(name); x != nil {
		select {
		case <-x.done:
		case <-ctx.Done():
			return Execution{}, ctx.Err()
		}
	}
	return r.Describe(ctx, name)
}
