package workflow

import (
	"context"
	"encoding/json"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cinegit/guardian/internal/adapter/memledger"
	"github.com/cinegit/guardian/internal/ledger"
)

// world is a store with the runners that work on it one after the other, as processes do.
type world struct {
	t         *testing.T
	machine   *Machine
	store     *memledger.Store
	functions map[string]Function
	options   Options
	runner    *Runner
}

// newWorld must be called in a synctest bubble. The functions are those of the test; every other
// function of the machine gives its payload back.
func newWorld(t *testing.T, file string, functions map[string]Function) *world {
	t.Helper()
	w := &world{t: t, machine: mustLoad(t, file), store: memledger.New(), functions: map[string]Function{}}
	w.options.Log = slog.New(slog.DiscardHandler)
	for _, name := range w.machine.Functions() {
		w.functions[name] = func(_ context.Context, payload json.RawMessage) (json.RawMessage, error) { return payload, nil }
		if f := functions[name]; f != nil {
			w.functions[name] = f
		}
	}
	w.boot()
	t.Cleanup(w.kill)
	return w
}

func (w *world) boot() {
	w.t.Helper()
	r, err := New("test", w.machine, w.store, w.functions, w.options)
	if err != nil {
		w.t.Fatal(err)
	}
	w.runner = r
}

// kill ends the process as kill -9 does: nothing more is written.
func (w *world) kill() {
	w.store.SetFaults(func(string, []ledger.Op) memledger.Fault { return memledger.Fault{Lost: memledger.ErrInjected} })
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_ = w.runner.Stop(ctx)
	w.store.SetFaults(nil)
}

// restart kills the process and begins a new one.
func (w *world) restart() {
	w.t.Helper()
	w.kill()
	w.boot()
	if err := w.runner.Resume(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) start(name string, input any) {
	w.t.Helper()
	if started, err := w.runner.Start(w.t.Context(), name, input); err != nil || !started {
		w.t.Fatalf("Start = %t, %v", started, err)
	}
}

func (w *world) await(name string) Execution {
	w.t.Helper()
	e, err := w.runner.Await(w.t.Context(), name)
	if err != nil {
		w.t.Fatal(err)
	}
	return e
}

func (w *world) describe(name string) Execution {
	w.t.Helper()
	e, err := w.runner.Describe(w.t.Context(), name)
	if err != nil {
		w.t.Fatal(err)
	}
	return e
}

// run starts an execution with an input of JSON and waits for its end.
func (w *world) run(input string) Execution {
	w.t.Helper()
	w.start("x", json.RawMessage(input))
	return w.await("x")
}

func wantOutput(t *testing.T, e Execution, want string) {
	t.Helper()
	if e.Status != Succeeded {
		t.Fatalf("%s: %s: %s", e.Status, e.Error, e.Cause)
	}
	if diff := cmp.Diff(want, string(e.Output)); diff != "" {
		t.Fatalf("output (-want +got):\n%s", diff)
	}
}

func wantFailure(t *testing.T, e Execution, name string) {
	t.Helper()
	if e.Status != Failed || e.Error != name {
		t.Fatalf("%s with error %q (%s), want FAILED with %q", e.Status, e.Error, e.Cause, name)
	}
}

func wantPath(t *testing.T, e Execution, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, e.Path); diff != "" {
		t.Fatalf("path (-want +got):\n%s", diff)
	}
}

// calls remembers when a function was called, since the beginning, and with what.
type calls struct {
	mu       sync.Mutex
	start    time.Time
	at       []time.Duration
	payloads []string
}

func newCalls() *calls { return &calls{start: time.Now()} }

// function answers call number n (from 0) as do says.
func (c *calls) function(do func(ctx context.Context, n int) (string, error)) Function {
	return func(ctx context.Context, payload json.RawMessage) (json.RawMessage, error) {
		c.mu.Lock()
		n := len(c.at)
		c.at = append(c.at, time.Since(c.start))
		c.payloads = append(c.payloads, string(payload))
		c.mu.Unlock()
		out, err := do(ctx, n)
		return json.RawMessage(out), err
	}
}

func (c *calls) times() []time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]time.Duration{}, c.at...)
}

func seconds(ns ...float64) []time.Duration {
	var out []time.Duration
	for _, n := range ns {
		out = append(out, time.Duration(n*float64(time.Second)))
	}
	return out
}

// named is an error with a name of its own.
type named string

func (n named) Error() string     { return "it went wrong" }
func (n named) ErrorName() string { return string(n) }
