package workflow

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/cinegit/guardian/internal/ledger"
)

// Errors of a Runner.
var (
	ErrName        = errors.New("an execution's name has 1 to 80 characters, none of them a space, a control character or one of <>{}[]?*\"#%\\^|~`$&,;:/")
	ErrInput       = errors.New("an execution's input must be JSON of at most 256 KiB")
	ErrNoExecution = errors.New("there is no such execution")
	ErrNoTask      = errors.New("no task waits for this token")
	ErrStopped     = errors.New("the workflow runner is stopping")
)

// Options of a Runner; a zero field has the value given beside it.
type Options struct {
	MaxTasks     int              // functions that run at once; 32
	Keep         time.Duration    // how long an execution that has ended is remembered, and its name taken; 90 days
	Log          *slog.Logger     // slog.Default()
	OnTransition func(Transition) // called in the execution's goroutine, so it must be quick; nothing
}

// Transition is one step of an execution: into a state, or to its end.
type Transition struct {
	Execution string
	From      string // empty at the start
	To        string // empty at the end
	Status    Status
	Error     string // the name, of an execution that failed
	At        time.Time
}

// Runner carries out the executions of one machine. One Runner at a time may work on a machine's
// executions in a store; of two, the one that writes first keeps an execution.
type Runner struct {
	machine   *Machine
	functions map[string]Function
	journal   journal
	options   Options
	slots     chan struct{}

	base  context.Context // of all executions; cancelled when Stop has no more patience
	abort context.CancelCauseFunc
	halt  chan struct{} // closed when Stop begins

	mu      sync.Mutex
	active  map[string]*execution
	busy    map[string]chan struct{} // names that somebody is starting just now
	stopped bool
	all     sync.WaitGroup
}

// New gives a runner for a machine. name tells its executions from those of other machines in the
// store. functions has a Function for each name of machine.Functions. Call Resume before Start.
func New(name string, machine *Machine, store ledger.Store, functions map[string]Function, options Options) (*Runner, error) {
	for _, function := range machine.Functions() {
		if functions[function] == nil {
			return nil, fmt.Errorf("workflow %s: no function %q is given, but a task invokes it", name, function)
		}
	}
	options.MaxTasks = cmp.Or(options.MaxTasks, 32)
	options.Keep = cmp.Or(options.Keep, 90*24*time.Hour)
	options.Log = cmp.Or(options.Log, slog.Default())
	base, abort := context.WithCancelCause(context.Background())
	return &Runner{
		machine: machine, functions: functions, options: options,
		journal: journal{store: store, machine: name, keep: options.Keep},
		slots:   make(chan struct{}, options.MaxTasks),
		base:    base, abort: abort, halt: make(chan struct{}),
		active: map[string]*execution{}, busy: map[string]chan struct{}{},
	}, nil
}

// Stop lets every execution stop where it stands: tasks in hand end, what waits is left waiting,
// and all of it is written down to be resumed. When ctx ends first, tasks in hand are cancelled
// and will be done again; the error says so.
func (r *Runner) Stop(ctx context.Context) error {
	r.mu.Lock()
	if !r.stopped {
		r.stopped = true
		close(r.halt)
	}
	r.mu.Unlock()
	ended := make(chan struct{})
	go func() {
		r.all.Wait()
		close(ended)
	}()
	defer r.abort(errHalt)
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
	}
	r.abort(errHalt)
	<-ended
	return fmt.Errorf("tasks in hand were cancelled: %w", ctx.Err())
}

// halted tells whether and why an execution must go no further.
func (r *Runner) halted(ctx context.Context) error {
	select {
	case <-r.halt:
		return errHalt
	case <-ctx.Done():
		return context.Cause(ctx)
	default:
		return nil
	}
}

// sleepUntil sleeps until a time (zero is for ever) or until cut, whichever is first.
func (r *Runner) sleepUntil(ctx context.Context, at time.Time, cut <-chan struct{}) error {
	var due <-chan time.Time
	if !at.IsZero() {
		timer := time.NewTimer(time.Until(at))
		defer timer.Stop()
		due = timer.C
	}
	select {
	case <-r.halt:
		return errHalt
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-cut:
	case <-due:
	}
	return nil
}

func (r *Runner) sleep(ctx context.Context, d time.Duration) error {
	return r.sleepUntil(ctx, time.Now().Add(d), nil)
}

func (r *Runner) hook(t Transition) {
	if r.options.OnTransition != nil {
		r.options.OnTransition(t)
	}
}

// trouble is how the log tells an error of an execution.
func trouble(execution string, err error) []any {
	return []any{slog.String("execution", execution), slog.String("error", err.Error())}
}

// random draws the share of a delay that a retry with jitter waits.
func (r *Runner) random() float64 { return rand.Float64() }
