package workflow

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"sync"
	"time"
)

// Why an execution stops where it stands, without having failed.
var (
	errHalt     = errors.New("the runner is stopping")
	errTimedOut = errors.New("the execution's time is over")
	errAborted  = errors.New("another branch failed")
)

// execution is one execution that is carried on in this process.
type execution struct {
	r     *Runner
	input any // decoded
	done  chan struct{}

	saving  chan struct{} // holds one token while it is written
	version int64         // of its record; whoever has the token

	mu      sync.Mutex
	rec     *record       // and all its frames
	unsaved bool          // rec is ahead of what is in the ledger
	wake    chan struct{} // closed, and replaced, by Wake
}

// locked does something while no save in another goroutine reads the record.
func (x *execution) locked(do func()) {
	x.mu.Lock()
	defer x.mu.Unlock()
	do()
}

// update changes the record or a frame.
func (x *execution) update(change func()) {
	x.locked(func() {
		change()
		x.unsaved = true
	})
}

func (x *execution) isSaved() (saved bool) {
	x.locked(func() { saved = !x.unsaved })
	return saved
}

// run carries the execution on to its end, or until the runner stops.
func (x *execution) run() {
	ctx := x.r.base
	if x.r.machine.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadlineCause(ctx, x.rec.StartedAt.Add(x.r.machine.timeout), errTimedOut)
		defer cancel()
	}
	output, err := x.follow(ctx, x.r.machine.flow, x.rec.Frame)
	if errors.Is(err, errLost) {
		x.r.options.Log.Warn("execution given up", trouble(x.rec.Name, err)...)
		return
	}
	if !errors.Is(err, errHalt) {
		x.end(output, err)
	} else if x.isSaved() {
		return
	}
	if err := x.save(x.r.base); err != nil {
		x.r.options.Log.Warn("execution not written, it will be resumed from before", trouble(x.rec.Name, err)...)
		return
	}
	if x.rec.Status != Running {
		x.r.hook(Transition{Execution: x.rec.Name, Status: x.rec.Status, Error: x.rec.Error, At: x.rec.EndedAt})
	}
}

// end puts what came of the execution into its record.
func (x *execution) end(output any, err error) {
	raw, jsonErr := json.Marshal(output)
	err = errors.Join(err, jsonErr)
	var failure *Failure
	x.mu.Lock()
	defer x.mu.Unlock()
	x.rec.EndedAt = time.Now()
	x.rec.Frame = nil
	switch {
	case err == nil:
		x.rec.Status, x.rec.Output = Succeeded, raw
	case errors.Is(err, errTimedOut):
		x.rec.Status, x.rec.Error, x.rec.Cause = TimedOut, ErrorTimeout, errTimedOut.Error()
	case errors.As(err, &failure):
		x.rec.Status, x.rec.Error, x.rec.Cause = Failed, failure.Name, failure.Cause
	default:
		x.rec.Status, x.rec.Error, x.rec.Cause = Failed, ErrorRuntime, err.Error()
	}
}

// follow carries a frame through its flow to the end.
func (x *execution) follow(ctx context.Context, flow flow, f *frame) (output any, err error) {
	x.locked(func() { f.woken = x.wake })
	for {
		if err := x.r.halted(ctx); err != nil {
			return nil, err
		}
		if f.State == "" {
			x.enter(f, flow.start, f.Data)
		}
		s := flow.states[f.State]
		if s == nil {
			return nil, failf(ErrorRuntime, "the machine has no state %q any more", f.State)
		}
		output, next, err := x.step(ctx, s, f)
		if err != nil {
			return nil, err
		}
		if next == "" {
			return output, nil
		}
		x.enter(f, next, output)
	}
}

func (x *execution) enter(f *frame, name string, data any) {
	from, now := f.State, time.Now()
	x.update(func() {
		*f = frame{State: name, Data: data, EnteredAt: now, Item: f.Item, woken: f.woken}
		x.rec.Path = append(x.rec.Path, name)
		x.rec.Path = x.rec.Path[max(0, len(x.rec.Path)-maxPath):]
	})
	x.r.hook(Transition{Execution: x.rec.Name, From: from, To: name, Status: Running, At: now})
}

// step carries out one state, with its retries, and gives its output and the next state; "" is the
// end.
func (x *execution) step(ctx context.Context, s *state, f *frame) (output any, next string, err error) {
	for {
		if err := x.awaitRetry(ctx, f); err != nil {
			return nil, "", err
		}
		output, next, err = x.try(ctx, s, f)
		var failure *Failure
		if !errors.As(err, &failure) {
			return output, next, err
		}
		again, err := x.planRetry(s, f, failure)
		if err != nil {
			return nil, "", err
		}
		if again {
			continue
		}
		for _, c := range s.Catch {
			if failure.matches(c.ErrorEquals) {
				output, err := c.ResultPath.apply(f.Data, failure.object())
				return output, c.Next, err
			}
		}
		return nil, "", failure
	}
}

// farRetry is how far away a retry must be for the execution to be written before it.
const farRetry = 5 * time.Second

// planRetry plans another try, if a retrier grants one.
func (x *execution) planRetry(s *state, f *frame, failure *Failure) (again bool, err error) {
	i := slices.IndexFunc(s.Retry, func(r retrier) bool { return failure.matches(r.ErrorEquals) })
	if i < 0 {
		return false, nil
	}
	retries := slices.Grow(slices.Clone(f.Retries), len(s.Retry))[:len(s.Retry)]
	if retries[i] >= s.Retry[i].attempts() {
		return false, nil
	}
	delay := s.Retry[i].delay(retries[i], x.r.random())
	retries[i]++
	x.update(func() {
		f.Retries, f.RetryAt, f.Branches = retries, time.Now().Add(delay), nil
		if f.Ticket != nil {
			f.Ticket = &ticket{Token: f.Ticket.Token}
		}
	})
	if delay >= farRetry {
		return true, x.save(x.r.base)
	}
	return true, nil
}

func (x *execution) awaitRetry(ctx context.Context, f *frame) error {
	if f.RetryAt.IsZero() {
		return nil
	}
	if err := x.r.sleepUntil(ctx, f.RetryAt, nil); err != nil {
		return err
	}
	x.update(func() { f.RetryAt = time.Time{} })
	return nil
}

// contextOf gives the context object ($$) of a frame, when a path asks for it.
func (x *execution) contextOf(f *frame) func() any {
	return func() any {
		retries := 0
		for _, n := range f.Retries {
			retries += n
		}
		object := map[string]any{
			"Execution": map[string]any{
				"Id": x.rec.Name, "Name": x.rec.Name, "Input": x.input, "StartTime": x.rec.StartedAt.UTC().Format(time.RFC3339Nano),
			},
			"State": map[string]any{
				"Name": f.State, "EnteredTime": f.EnteredAt.UTC().Format(time.RFC3339Nano), "RetryCount": number(retries),
			},
			"StateMachine": map[string]any{"Id": x.r.journal.machine, "Name": x.r.journal.machine},
		}
		if f.Ticket != nil {
			object["Task"] = map[string]any{"Token": f.Ticket.Token}
		}
		if f.Item != nil {
			object["Map"] = map[string]any{"Item": map[string]any{"Index": number(f.Item.Index), "Value": f.Item.Value}}
		}
		return object
	}
}

func number(n int) json.Number { return json.Number(strconv.Itoa(n)) }
