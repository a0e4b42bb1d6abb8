package live

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/cinegit/guardian/internal/lambdakit"
	"github.com/cinegit/guardian/internal/lambdakit/names"
	"github.com/cinegit/guardian/internal/policy"
	"github.com/cinegit/guardian/internal/reload"
)

// lookAfter is how long a policy is used before S3 is asked whether it has changed.
const lookAfter = 10 * time.Second

// lookWithin bounds that question while there is a policy to go on with: a step whose function waits for S3
// until its end gets nothing done.
const lookWithin = 2 * time.Second

// Engine is one policy with what a function connected for it.
type Engine[T any] struct {
	Policy   *policy.Policy
	Parts    T
	Version  string // of the object
	LoadedAt time.Time
	Problem  string // why a newer policy is not taken; "" if there is none

	close func() error
}

// Engines makes an engine anew when the policy changes. A policy with a mistake stays out: the engine that
// there is stays in force, and its Problem says so; a function that starts takes the latest version that
// has none.
type Engines[T any] struct {
	object  object
	connect func(p *policy.Policy) (parts T, closes func() error, err error)
	now     func() time.Time
	within  time.Duration // bounds a look
	log     *slog.Logger
	metrics *lambdakit.Metrics

	mu      sync.Mutex
	current *Engine[T]
	etag    string // of what was read last, taken or not
	askedAt time.Time
}

// Current gives the engine in force. What was got from an earlier call is closed when the policy changes:
// an event gets it once, at its beginning.
func (e *Engines[T]) Current(ctx context.Context) (Engine[T], error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.current != nil && e.now().Sub(e.askedAt) < lookAfter {
		return *e.current, nil
	}
	etag := e.etag
	if e.current != nil && e.current.Problem != "" {
		etag = "" // what the problem speaks of may be mended without a change of the policy
	}
	v, err := e.look(ctx, etag)
	switch {
	case errors.Is(err, errUnchanged):
		e.askedAt = e.now()
		return *e.current, nil
	case err != nil && e.current == nil:
		return Engine[T]{}, err
	case err != nil:
		e.refuse(ctx, err)
		return *e.current, nil
	}
	if err := e.take(v); err != nil {
		return e.insteadOf(ctx, v, err)
	}
	e.etag, e.askedAt = v.etag, e.now()
	e.metrics.Add(names.Reloads, 1, "Outcome", "taken")
	e.log.InfoContext(ctx, "policy taken", "policy", e.object.address, "version", v.id)
	return *e.current, nil
}

// look reads the object.
func (e *Engines[T]) look(ctx context.Context, etag string) (version, error) {
	if e.current != nil {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, e.within)
		defer cancel()
	}
	return e.object.read(ctx, etag)
}

// insteadOf keeps what there is in place of a version with a mistake, or takes an earlier one.
func (e *Engines[T]) insteadOf(ctx context.Context, bad version, why error) (Engine[T], error) {
	if e.current == nil {
		err := e.object.before(ctx, bad.id, func(v version) bool { return e.take(v) == nil })
		if err != nil {
			return Engine[T]{}, errors.Join(errors.New(reload.Problem(why)), err)
		}
	}
	e.etag = bad.etag
	e.refuse(ctx, why)
	return *e.current, nil
}

// refuse notes why a newer policy is not taken.
func (e *Engines[T]) refuse(ctx context.Context, why error) {
	e.askedAt = e.now()
	problem := reload.Problem(why)
	if e.current.Problem != problem {
		e.metrics.Add(names.Reloads, 1, "Outcome", "refused")
		e.log.ErrorContext(ctx, "policy not taken, the one in force stays", "policy", e.object.address, "in force", e.current.Version, "error", problem)
	}
	e.current.Problem = problem
	e.metrics.Add(names.Problem, 1)
}

// take puts a version in force.
func (e *Engines[T]) take(v version) error {
	p, err := policy.Parse(e.object.address, v.text)
	if err != nil {
		return err
	}
	parts, closes, err := e.connect(p)
	if err != nil {
		return err
	}
	if e.current != nil && e.current.close != nil {
		if err := e.current.close(); err != nil {
			e.log.Warn("connections of the policy before", "error", err)
		}
	}
	e.current = &Engine[T]{Policy: p, Parts: parts, Version: v.id, LoadedAt: e.now(), close: closes}
	return nil
}
