package workflow

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/cinegit/guardian/internal/ledger"
)

// Start starts an execution of that name, unless there is or was one: then started is false and
// nothing else happens. It is on the disk when Start returns. After an error it may have started:
// calling Start again finds out.
func (r *Runner) Start(ctx context.Context, name string, input any) (started bool, err error) {
	rec, err := newRecord(name, input)
	if err != nil {
		return false, err
	}
	release, err := r.reserve(ctx, name)
	if err != nil {
		return false, err
	}
	defer release()
	if r.running(name) != nil {
		return false, nil
	}
	ops, err := r.journal.ops(rec, 0)
	if err != nil {
		return false, err
	}
	writeErr := r.journal.store.Write(ctx, ops...)
	if writeErr == nil {
		return true, r.launch(rec, 1)
	}
	stands, version, err := r.journal.read(ctx, name)
	if err != nil {
		return false, fmt.Errorf("start execution %s: %w", name, writeErr)
	}
	if stands.Status == Running {
		err = r.launch(stands, version)
	}
	same := version == 1 && bytes.Equal(stands.Input, rec.Input) && stands.StartedAt.Equal(rec.StartedAt)
	return same && !errors.Is(writeErr, ledger.ErrConflict), err
}

func newRecord(name string, input any) (*record, error) {
	if !validName(name) {
		return nil, fmt.Errorf("%w: %q", ErrName, name)
	}
	raw, err := json.Marshal(input)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInput, err)
	}
	if len(raw) > maxData {
		return nil, fmt.Errorf("%w: it has %d bytes", ErrInput, len(raw))
	}
	rec := &record{Execution: Execution{Name: name, Status: Running, Input: raw, StartedAt: time.Now().Round(0)}, Frame: &frame{}}
	return rec, decode(raw, &rec.Frame.Data)
}

func validName(name string) bool {
	return name != "" && len(name) <= 80 && !strings.ContainsFunc(name, func(c rune) bool {
		return unicode.IsSpace(c) || unicode.IsControl(c) || c == unicode.ReplacementChar || strings.ContainsRune("<>{}[]?*\"#%\\^|~`$&,;:/", c)
	})
}

// Resume goes on with every execution that has not ended. An execution that cannot be read is
// reported, and does not keep the others.
func (r *Runner) Resume(ctx context.Context) error {
	names, err := r.journal.names(ctx, r.journal.running())
	if err != nil {
		return err
	}
	var problems []error
	for _, name := range names {
		if err := r.resume(ctx, name); err != nil {
			problems = append(problems, fmt.Errorf("resume execution %s: %w", name, err))
		}
	}
	return errors.Join(problems...)
}

func (r *Runner) resume(ctx context.Context, name string) error {
	release, err := r.reserve(ctx, name)
	if err != nil {
		return err
	}
	defer release()
	if r.running(name) != nil {
		return nil
	}
	rec, version, err := r.journal.read(ctx, name)
	if err != nil || rec.Status != Running {
		return err
	}
	return r.launch(rec, version)
}

// reserve lets one caller at a time start a name.
func (r *Runner) reserve(ctx context.Context, name string) (release func(), err error) {
	for {
		r.mu.Lock()
		taken := r.busy[name]
		if taken == nil {
			break
		}
		r.mu.Unlock()
		select {
		case <-taken:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	defer r.mu.Unlock()
	if r.stopped {
		return nil, ErrStopped
	}
	mine := make(chan struct{})
	r.busy[name] = mine
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.busy, name)
		close(mine)
	}, nil
}

// launch carries an execution on in a goroutine of its own.
func (r *Runner) launch(rec *record, version int64) error {
	x := &execution{
		r: r, rec: rec, version: version,
		saving: make(chan struct{}, 1), done: make(chan struct{}), wake: make(chan struct{}),
	}
	if err := decode(rec.Input, &x.input); err != nil {
		return fmt.Errorf("decode input: %w", err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stopped {
		return ErrStopped
	}
	r.active[rec.Name] = x
	r.all.Go(func() {
		defer close(x.done)
		defer r.forget(rec.Name)
		x.run()
	})
	return nil
}

func (r *Runner) forget(name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.active, name)
}

func (r *Runner) running(name string) *execution {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.active[name]
}
