package workflow

import (
	"context"
	"encoding/json"
	"time"
)

// try carries out a state once.
func (x *execution) try(ctx context.Context, s *state, f *frame) (output any, next string, err error) {
	env := x.contextOf(f)
	if s.Type == "Fail" {
		return nil, "", s.failure(f.Data, env)
	}
	input, err := s.InputPath.apply(f.Data, env)
	if err != nil {
		return nil, "", err
	}
	switch s.Type {
	case "Choice":
		if next, err = s.choose(input, env); err != nil {
			return nil, "", err
		}
		output, err = s.OutputPath.apply(input, env)
		return output, next, err
	case "Succeed":
		output, err = s.OutputPath.apply(input, env)
		return output, "", err
	case "Wait":
		if err := x.wait(ctx, s, f, input); err != nil {
			return nil, "", err
		}
		output, err = s.OutputPath.apply(input, env)
		return output, s.Next, err
	}
	result, err := x.result(ctx, s, f, input)
	if err != nil {
		return nil, "", err
	}
	output, err = s.output(f.Data, result, env)
	return output, s.Next, err
}

// result does what a Pass, Task, Parallel or Map is there for.
func (x *execution) result(ctx context.Context, s *state, f *frame, input any) (any, error) {
	if s.Type == "Task" && s.withToken {
		return x.taskWithToken(ctx, s, f, input)
	}
	if s.Type == "Map" {
		return x.eachItem(ctx, s, f, input)
	}
	if s.Parameters.given() {
		var err error
		if input, err = s.Parameters.fill(input, x.contextOf(f)); err != nil {
			return nil, err
		}
	}
	switch s.Type {
	case "Task":
		return x.task(ctx, s, f, input)
	case "Parallel":
		return x.branches(ctx, s, f, input)
	}
	if s.Result == nil {
		return input, nil
	}
	var result any
	return result, decode(s.Result, &result)
}

// output puts a result into the state's raw input.
func (s *state) output(data, result any, env func() any) (any, error) {
	var err error
	if s.ResultSelector.given() {
		if result, err = s.ResultSelector.fill(result, env); err != nil {
			return nil, err
		}
	}
	if data, err = s.ResultPath.apply(data, result); err != nil {
		return nil, err
	}
	return s.OutputPath.apply(data, env)
}

func (s *state) choose(input any, env func() any) (next string, err error) {
	for _, r := range s.Choices {
		holds, err := r.holds(input, env)
		if err != nil {
			return "", err
		}
		if holds {
			return r.Next, nil
		}
	}
	if s.Default == "" {
		return "", failf(ErrorNoChoiceMatched, "no rule of %q holds, and it has no Default", s.name)
	}
	return s.Default, nil
}

func (s *state) failure(data any, env func() any) error {
	failure := &Failure{Name: s.Error, Cause: s.Cause}
	for _, field := range []struct {
		from selector
		into *string
	}{{s.ErrorPath, &failure.Name}, {s.CausePath, &failure.Cause}} {
		if !field.from.given() {
			continue
		}
		value, err := field.from.apply(data, env)
		if err != nil {
			return err
		}
		text, ok := value.(string)
		if !ok {
			return failf(ErrorRuntime, "path %s names no string", field.from.text)
		}
		*field.into = text
	}
	return failure
}

// wait sleeps until the state's time. It is written down first, so that after a crash the rest of
// the time is slept, not all of it again.
func (x *execution) wait(ctx context.Context, s *state, f *frame, input any) error {
	defer x.locked(func() { f.woken = x.wake })
	if f.WakeAt.IsZero() {
		at, err := s.wakeAt(f.EnteredAt, input, x.contextOf(f))
		if err != nil {
			return err
		}
		if isClosed(f.woken) || !at.After(time.Now()) {
			return nil
		}
		x.update(func() { f.WakeAt = at })
		if err := x.save(x.r.base); err != nil {
			return err
		}
	}
	return x.r.sleepUntil(ctx, f.WakeAt, f.woken)
}

func (s *state) wakeAt(from time.Time, input any, env func() any) (time.Time, error) {
	switch {
	case s.Seconds != nil:
		return from.Add(time.Duration(*s.Seconds) * time.Second), nil
	case s.Timestamp != nil:
		return *s.Timestamp, nil
	case s.SecondsPath.given():
		value, err := s.SecondsPath.apply(input, env)
		if err != nil {
			return time.Time{}, err
		}
		seconds, ok := wholeSeconds(value)
		if !ok {
			return time.Time{}, failf(ErrorRuntime, "SecondsPath %s names no whole number of seconds from 0 to 99999999", s.SecondsPath.text)
		}
		return from.Add(seconds), nil
	}
	value, err := s.TimestampPath.apply(input, env)
	if err != nil {
		return time.Time{}, err
	}
	at, ok := operand("Timestamp", value)
	if !ok {
		return time.Time{}, failf(ErrorRuntime, "TimestampPath %s names no RFC 3339 time", s.TimestampPath.text)
	}
	return at.(time.Time), nil
}

func wholeSeconds(value any) (time.Duration, bool) {
	n, ok := value.(json.Number)
	if !ok {
		return 0, false
	}
	seconds, err := n.Int64()
	if err != nil || seconds < 0 || seconds > 99999999 {
		return 0, false
	}
	return time.Duration(seconds) * time.Second, true
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
