package workflow

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
)

func TestOfManyStartsOfANameOneStartsIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCalls()
		w := newWorld(t, machineOf(`"A":{`+invoke+`,"End":true}`), map[string]Function{
			"f": c.function(func(context.Context, int) (string, error) { <-time.After(time.Second); return "1", nil }),
		})
		var mu sync.Mutex
		count := 0
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() {
				started, err := w.runner.Start(t.Context(), "x", 1)
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				defer mu.Unlock()
				if started {
					count++
				}
			})
		}
		all.Wait()
		w.await("x")
		if again, err := w.runner.Start(t.Context(), "x", 2); again || err != nil {
			t.Errorf("Start after its end = %t, %v, want false", again, err)
		}
		if count != 1 || len(c.times()) != 1 {
			t.Errorf("started %d times, %d calls, want 1 and 1", count, len(c.times()))
		}
	})
}

func TestNamesAndInputsAreChecked(t *testing.T) {
	w := newWorld(t, machineOf(`"A":{"Type":"Succeed"}`), nil)
	for _, name := range []string{"", "a b", "a/b", "a#b", "a\nb", strings.Repeat("x", 81), "\xff", `a"b`} {
		if _, err := w.runner.Start(t.Context(), name, 1); !errors.Is(err, ErrName) {
			t.Errorf("Start(%q): %v, want ErrName", name, err)
		}
	}
	for name, input := range map[string]any{"huge": strings.Repeat("x", 257<<10), "no JSON": json.RawMessage("{"), "a channel": make(chan int)} {
		if _, err := w.runner.Start(t.Context(), "x", input); !errors.Is(err, ErrInput) {
			t.Errorf("Start with %s: %v, want ErrInput", name, err)
		}
	}
	if started, err := w.runner.Start(t.Context(), "review-prod_2026.11é", nil); !started || err != nil {
		t.Errorf("Start of a good name = %t, %v", started, err)
	}
}

func TestWakeCutsAWaitShort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCalls()
		w := newWorld(t, machineOf(`"A":{`+invoke+`,"ResultPath":null,"Next":"W"},"W":{"Type":"Wait","Seconds":60,"Next":"B"},
			"B":{`+invoke+`,"OutputPath":"$.Payload","Next":"C"},"C":{"Type":"Choice","Choices":[{"Variable":"$","BooleanEquals":true,"Next":"D"}],"Default":"W"},"D":{"Type":"Succeed"}`),
			map[string]Function{"f": c.function(func(_ context.Context, n int) (string, error) {
				<-time.After(10 * time.Second)
				return strconv.FormatBool(n == 4), nil
			})})
		if w.runner.Wake("x") {
			t.Error("an execution that is not there was woken")
		}
		w.start("x", 1)
		<-time.After(30 * time.Second) // call 0 from 0 to 10, waiting since
		if !w.runner.Wake("x") {
			t.Error("no execution to wake")
		}
		<-time.After(5 * time.Second)
		w.runner.Wake("x") // while call 1 runs, from 30 to 40: the wait after it is cut, call 2 from 40 to 50
		w.await("x")
		if diff := gocmp.Diff(seconds(0, 30, 40, 110, 180), c.times()); diff != "" {
			t.Errorf("calls (-want +got):\n%s", diff)
		}
	})
}

func TestStopLetsTasksEndAndTheNextRunnerGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCalls()
		w := newWorld(t, machineOf(`"A":{`+invoke+`,"OutputPath":"$.Payload","Next":"B"},"B":{`+invoke+`,"OutputPath":"$.Payload","End":true}`),
			map[string]Function{"f": c.function(func(_ context.Context, n int) (string, error) {
				<-time.After(20 * time.Second)
				return strconv.Itoa(n), nil
			})})
		w.start("x", 1)
		<-time.After(5 * time.Second)
		if err := w.runner.Stop(t.Context()); err != nil {
			t.Fatal(err)
		}
		if diff := gocmp.Diff(seconds(0), c.times()); diff != "" {
			t.Errorf("calls before the restart (-want +got):\n%s", diff)
		}
		if _, err := w.runner.Start(t.Context(), "y", 1); !errors.Is(err, ErrStopped) {
			t.Errorf("Start on a stopped runner: %v, want ErrStopped", err)
		}
		w.restart()
		wantOutput(t, w.await("x"), `1`)
		if diff := gocmp.Diff(seconds(0, 20), c.times()); diff != "" {
			t.Errorf("calls (-want +got):\n%s", diff)
		}
	})
}

func TestStopLosesPatienceAndTheTaskIsDoneAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCalls()
		w := newWorld(t, machineOf(`"A":{`+invoke+`,"Catch":[{"ErrorEquals":["States.ALL"],"Next":"B"}],"OutputPath":"$.Payload","End":true},"B":{"Type":"Fail","Error":"Caught"}`),
			map[string]Function{"f": c.function(func(ctx context.Context, n int) (string, error) {
				if n > 0 {
					return `"done"`, nil
				}
				<-ctx.Done()
				return "", ctx.Err()
			})})
		w.start("x", 1)
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		start := time.Now()
		if err := w.runner.Stop(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Stop: %v, want context.DeadlineExceeded", err)
		}
		if took := time.Since(start); took != 10*time.Second {
			t.Errorf("Stop took %v, want 10s", took)
		}
		w.restart()
		wantOutput(t, w.await("x"), `"done"`)
	})
}

func TestStoppingThousandsThatWaitWritesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const many = 1000
		w := newWorld(t, machineOf(`"A":{"Type":"Wait","Seconds":600,"End":true}`), nil)
		for i := range many {
			w.start(strconv.Itoa(i), i)
		}
		synctest.Wait()
		before := w.store.Writes()
		if err := w.runner.Stop(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := w.store.Writes() - before; got != 0 {
			t.Errorf("%d writes to stop, want 0", got)
		}
		w.restart()
		running, err := w.runner.List(t.Context(), Running)
		if err != nil || len(running) != many {
			t.Fatalf("%d run after the restart (%v), want %d", len(running), err, many)
		}
		for i := range many {
			if e := w.await(strconv.Itoa(i)); e.Status != Succeeded {
				t.Fatalf("execution %d: %s", i, e.Status)
			}
		}
		if running, err = w.runner.List(t.Context(), Running); err != nil || len(running) != 0 {
			t.Errorf("%d run in the end (%v), want none", len(running), err)
		}
	})
}

func TestOfTwoRunnersOneLetsGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCalls()
		w := newWorld(t, machineOf(`"A":{"Type":"Wait","Seconds":60,"Next":"B"},"B":{"Type":"Wait","Seconds":60,"Next":"C"},"C":{`+invoke+`,"End":true}`),
			map[string]Function{"f": c.function(func(context.Context, int) (string, error) { return "1", nil })})
		w.start("x", 1)
		<-time.After(time.Second)
		first := w.runner
		w.boot()
		if err := w.runner.Resume(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, r := range []*Runner{first, w.runner} {
			if e, err := r.Await(t.Context(), "x"); err != nil {
				t.Errorf("Await = %v, %v", e, err)
			}
		}
		<-time.After(time.Hour)
		if e := w.describe("x"); e.Status != Succeeded || len(c.times()) != 1 {
			t.Errorf("%s after %d calls, want SUCCEEDED after 1", e.Status, len(c.times()))
		}
		if err := first.Stop(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func TestDescribeTellsWhereItStands(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, machineOf(`"A":{"Type":"Pass","Next":"P"},"P":{"Type":"Parallel","Next":"Z","Branches":[
			{"StartAt":"W1","States":{"W1":{"Type":"Wait","Seconds":60,"End":true}}},
			{"StartAt":"W2","States":{"W2":{"Type":"Wait","Seconds":90,"End":true}}}]},"Z":{"Type":"Fail","Error":"E","Cause":"why"}`), nil)
		if _, err := w.runner.Describe(t.Context(), "x"); !errors.Is(err, ErrNoExecution) {
			t.Errorf("Describe of nothing: %v, want ErrNoExecution", err)
		}
		start := time.Now()
		w.start("x", map[string]int{"a": 1})
		synctest.Wait()
		e := w.describe("x")
		slices.Sort(e.States)
		if e.Status != Running || !slices.Equal(e.States, []string{"W1", "W2"}) || !e.WakeAt.Equal(start.Add(time.Minute)) || string(e.Input) != `{"a":1}` {
			t.Errorf("it stands as %+v", e)
		}
		e = w.await("x")
		if e.Status != Failed || e.Error != "E" || e.Cause != "why" || !e.EndedAt.Equal(start.Add(90*time.Second)) || len(e.States) != 0 {
			t.Errorf("it ended as %+v", e)
		}
		for status, want := range map[Status]int{Running: 0, Failed: 1, Succeeded: 0, "": 1} {
			if got, err := w.runner.List(t.Context(), status); err != nil || len(got) != want {
				t.Errorf("List(%q) = %d, %v, want %d", status, len(got), err, want)
			}
		}
	})
}
