package workflow

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"log/slog"
	"runtime/debug"
	"time"
)

// Function is what a Task invokes: payload in, result out, both JSON. Its context ends with the
// task's TimeoutSeconds (15 minutes where the file names none); a function that goes on after that
// is left alone, and its result is dropped. The name that Retry and Catch match is that of
// the first error in the chain with a method ErrorName() string, else States.Timeout for a deadline,
// else States.TaskFailed. A panic is Lambda.Unknown.
type Function func(ctx context.Context, payload json.RawMessage) (json.RawMessage, error)

// task invokes a function and gives what lambda:invoke gives.
func (x *execution) task(ctx context.Context, s *state, f *frame, parameters any) (any, error) {
	x.locked(func() { f.woken = x.wake })
	timeout := time.Duration(cmp.Or(s.TimeoutSeconds, defaultTimeoutSeconds)) * time.Second
	payload, err := x.invoke(ctx, s.function, parameters, timeout)
	if err != nil {
		return nil, err
	}
	return map[string]any{"ExecutedVersion": "$LATEST", "StatusCode": json.Number("200"), "Payload": payload}, nil
}

// invoke calls a function when one of the runner's slots is free, which does not count as its time.
func (x *execution) invoke(ctx context.Context, function string, parameters any, timeout time.Duration) (any, error) {
	payload, ok := parameters.(map[string]any)["Payload"]
	if !ok {
		payload = map[string]any{}
	}
	raw, err := json.Marshal(payload)
	if err != nil {
		return nil, failf(ErrorRuntime, "encode payload: %v", err)
	}
	if len(raw) > maxData {
		return nil, failf(ErrorDataLimit, "the payload has %d bytes, more than %d", len(raw), maxData)
	}
	select {
	case x.r.slots <- struct{}{}:
	case <-x.r.halt:
		return nil, errHalt
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	limited, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	out, err := x.call(limited, function, raw)
	switch {
	case err == nil:
		return decodeOutput(function, out)
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case limited.Err() != nil:
		return nil, failf(ErrorTimeout, "%s took longer than %v", function, timeout)
	}
	return nil, failureOf(err)
}

// call runs the function in a goroutine of its own, so that one that does not heed its context
// holds up nobody; it keeps its slot until it returns.
func (x *execution) call(ctx context.Context, name string, payload json.RawMessage) (json.RawMessage, error) {
	type result struct {
		out json.RawMessage
		err error
	}
	done := make(chan result, 1)
	go func() {
		defer func() { <-x.r.slots }()
		defer func() {
			if p := recover(); p != nil {
				x.r.options.Log.Error("function panicked", slog.String("function", name),
					slog.String("execution", x.rec.Name), slog.String("stack", string(debug.Stack())))
				done <- result{err: failf(ErrorLambdaUnknown, "%s panicked: %v", name, p)}
			}
		}()
		out, err := x.r.functions[name](ctx, payload)
		done <- result{out, err}
	}()
	select {
	case r := <-done:
		return r.out, r.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func decodeOutput(function string, raw json.RawMessage) (any, error) {
	if len(raw) > maxData {
		return nil, failf(ErrorDataLimit, "%s answered with %d bytes, more than %d", function, len(raw), maxData)
	}
	if len(raw) == 0 {
		return nil, nil
	}
	var out any
	if err := decode(raw, &out); err != nil {
		return nil, failf(ErrorRuntime, "%s did not answer with JSON: %v", function, err)
	}
	return out, nil
}

// taskWithToken hands a function a token and waits until somebody answers with it. The token is
// written down before the function can pass it on. After a restart the function is called again, with the
// same token, unless the answer is there.
func (x *execution) taskWithToken(ctx context.Context, s *state, f *frame, input any) (any, error) {
	if f.Ticket == nil || f.Ticket.Since.IsZero() {
		t := &ticket{Token: x.rec.Name + tokenMark + rand.Text(), Since: time.Now()}
		if f.Ticket != nil {
			t.Token = f.Ticket.Token
		}
		t.ready(t.Since)
		x.update(func() { f.Ticket = t })
		if err := x.save(x.r.base); err != nil {
			return nil, err
		}
	}
	x.locked(func() { f.woken = x.wake })
	t := f.Ticket
	if !isClosed(t.answered) {
		parameters, err := s.Parameters.fill(input, x.contextOf(f))
		if err != nil {
			return nil, err
		}
		if _, err := x.invoke(ctx, s.function, parameters, remaining(s, t)); err != nil && !isClosed(t.answered) {
			return nil, err
		}
	}
	if err := x.awaitAnswer(ctx, s, t); err != nil {
		return nil, err
	}
	if t.Answer.Failure != nil {
		return nil, t.Answer.Failure
	}
	return t.Answer.Output, nil
}

// remaining is what is left of a task's time.
func remaining(s *state, t *ticket) time.Duration {
	most := defaultTimeoutSeconds * time.Second
	if s.TimeoutSeconds == 0 {
		return most
	}
	return min(most, time.Until(t.Since.Add(time.Duration(s.TimeoutSeconds)*time.Second)))
}

func (x *execution) awaitAnswer(ctx context.Context, s *state, t *ticket) error {
	for !isClosed(t.answered) {
		var deadline time.Time
		failure := failf(ErrorTimeout, "nobody answered within %d seconds", s.TimeoutSeconds)
		if s.TimeoutSeconds > 0 {
			deadline = t.Since.Add(time.Duration(s.TimeoutSeconds) * time.Second)
		}
		if s.HeartbeatSeconds > 0 {
			var beatAt time.Time
			x.locked(func() { beatAt = t.beatAt })
			silent := beatAt.Add(time.Duration(s.HeartbeatSeconds) * time.Second)
			if deadline.IsZero() || silent.Before(deadline) {
				deadline = silent
				failure = failf(ErrorHeartbeatTimeout, "no heartbeat for %d seconds", s.HeartbeatSeconds)
			}
		}
		if !deadline.IsZero() && !time.Now().Before(deadline) {
			return failure
		}
		if err := x.r.sleepUntil(ctx, deadline, t.answered); err != nil {
			return err
		}
	}
	return nil
}

// tokenMark parts an execution's name from what makes a token secret; no name holds it.
const tokenMark = "#"
