package runtimeapi

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"
)

// Errors of an invocation that no instance took.
var (
	ErrThrottled = errors.New("all instances are busy: TooManyRequestsException")
	ErrTooLarge  = errors.New("the payload is too large: RequestEntityTooLargeException")
	ErrClosed    = errors.New("the function is closed")
)

// The names of errors that Lambda itself gives.
const (
	ErrorTimeout = "Sandbox.Timedout"  // the instance was killed at its deadline
	ErrorExit    = "Runtime.ExitError" // the process ended by itself
)

const (
	maxPayload = 6 << 20          // bytes of a payload and of an answer
	initTime   = 10 * time.Second // until the first call of next; then Lambda kills the process
)

// Config says what to run.
type Config struct {
	Name      string
	Bootstrap string            // path of the executable
	Env       map[string]string // all that the process gets beside what Lambda itself sets
	Timeout   time.Duration     // of one invocation; 3s
	Memory    int               // MiB, which the process is told and nobody enforces; 128
	Instances int               // at the same time; 10
	Log       io.Writer         // standard output and error of all instances; is called from several goroutines
}

// Function runs as many instances of a bootstrap as are needed at the same time.
type Function struct {
	config Config

	mu     sync.Mutex
	idle   []*instance
	all    map[*instance]bool
	busy   int
	closed bool
}

// Result is how an invocation came out.
type Result struct {
	Payload   json.RawMessage // the answer; of a failed invocation its errorType and errorMessage
	Error     string          // errorType; empty where it succeeded
	Message   string          // errorMessage
	RequestID string
	Start     *Start        // of the instance, where this invocation started one
	Took      time.Duration // from handing the payload over to the answer

	answered time.Time
}

// Start is what the start of an instance costs.
type Start struct {
	Init   time.Duration // from the start of the process to its first call of next
	Cold   time.Duration // from the start of the process to its first answer
	Memory Memory        // at the first call of next
}

// New gives a function without instances. Close it in the end.
func New(c Config) *Function {
	c.Timeout = cmp.Or(c.Timeout, 3*time.Second)
	c.Memory = cmp.Or(c.Memory, 128)
	c.Instances = cmp.Or(c.Instances, 10)
	c.Log = cmp.Or(c.Log, io.Discard)
	return &Function{config: c, all: map[*instance]bool{}}
}

// Name is the function's name.
func (f *Function) Name() string { return f.config.Name }

// Invoke has an idle instance, or a new one, handle a payload and waits for the answer, at most until the
// function's own deadline. An error means that no instance has seen the payload; a function that failed is a
// Result with an Error. An instance goes on where ctx ends, as on Lambda.
func (f *Function) Invoke(ctx context.Context, payload []byte) (Result, error) {
	if len(payload) > maxPayload {
		return Result{}, fmt.Errorf("invoke %s: %w: %d bytes", f.config.Name, ErrTooLarge, len(payload))
	}
	i, err := f.take()
	if err != nil {
		return Result{}, fmt.Errorf("invoke %s: %w", f.config.Name, err)
	}
	done := make(chan Result, 1)
	go func() {
		done <- f.run(i, payload)
	}()
	select {
	case r := <-done:
		return r, nil
	case <-ctx.Done():
		return Result{}, fmt.Errorf("invoke %s: %w", f.config.Name, ctx.Err())
	}
}

// run has the instance, or a new one for nil, handle the payload, and keeps it where it lives on.
func (f *Function) run(i *instance, payload []byte) Result {
	var start *Start
	if i == nil {
		var err error
		if i, err = f.start(); err != nil {
			f.give(nil)
			return failed("", ErrorExit, err.Error())
		}
		start = &Start{Init: i.init, Memory: i.memory}
	}
	r := i.invoke(payload, f.config.Timeout)
	if r.Start = start; start != nil {
		start.Cold = r.answered.Sub(i.began)
	}
	if !i.alive() {
		f.forget(i)
		i = nil
	}
	f.give(i)
	return r
}

// take gives an idle instance, nil for leave to start one, or ErrThrottled.
func (f *Function) take() (*instance, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.closed:
		return nil, ErrClosed
	case f.busy == f.config.Instances:
		return nil, ErrThrottled
	}
	f.busy++
	for len(f.idle) > 0 {
		i := f.idle[len(f.idle)-1]
		f.idle = f.idle[:len(f.idle)-1]
		if i.alive() {
			return i, nil
		}
		delete(f.all, i)
	}
	return nil, nil
}

func (f *Function) give(i *instance) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.busy--
	if i != nil && !f.closed {
		f.idle = append(f.idle, i)
	}
}

func (f *Function) start() (*instance, error) {
	i, err := startInstance(f.config)
	if err != nil {
		return nil, err
	}
	f.mu.Lock()
	f.all[i] = true
	closed := f.closed
	f.mu.Unlock()
	if closed {
		i.kill()
		return nil, ErrClosed
	}
	if err := i.ready(); err != nil {
		f.forget(i)
		return nil, err
	}
	return i, nil
}

func (f *Function) forget(i *instance) {
	i.kill()
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.all, i)
}

// Kill ends every instance at once, busy or not, as the loss of the machines that they run on would. The
// next invocations start new ones.
func (f *Function) Kill() {
	f.mu.Lock()
	var all []*instance
	for i := range f.all {
		all = append(all, i)
	}
	f.mu.Unlock()
	for _, i := range all {
		i.kill()
	}
}

// Expire brings the deadline of all that is busy on: it stops where it stands and is killed, as at a deadline
// that a busy machine has let come nearer.
func (f *Function) Expire() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range f.all {
		i.expire()
	}
}

// Close ends all instances for good.
func (f *Function) Close() {
	f.mu.Lock()
	f.closed = true
	f.mu.Unlock()
	f.Kill()
}

// failed is the result of an invocation that Lambda itself gives an error for.
func failed(id, errorType, message string) Result {
	payload, err := json.Marshal(map[string]string{"errorType": errorType, "errorMessage": message})
	if err != nil {
		payload = nil // two strings have a JSON
	}
	return Result{RequestID: id, Payload: payload, Error: errorType, Message: message}
}
