package workflow

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/cinegit/guardian/internal/adapter/boltledger"
	"github.com/cinegit/guardian/internal/adapter/memledger"
	"github.com/cinegit/guardian/internal/ledger"
)

const tokenTask = `"Type":"Task","Resource":"arn:aws:states:::lambda:invoke.waitForTaskToken","Parameters":{"FunctionName":"ask","Payload":{"token.$":"$$.Task.Token"}}`

// everything is a machine that comes by every kind of journal write.
func everything() string {
	return machineOf(`
	"A":{` + invoke + `,"ResultPath":null,"Next":"Wait"},
	"Wait":{"Type":"Wait","SecondsPath":"$.wait","Next":"Flaky"},
	"Flaky":{"Type":"Task","Resource":"arn:aws:states:::lambda:invoke","Parameters":{"FunctionName":"flaky"},
		"Retry":[{"ErrorEquals":["E"],"IntervalSeconds":10}],"ResultPath":"$.flaky","ResultSelector":{"v.$":"$.Payload"},"Next":"Fan"},
	"Fan":{"Type":"Parallel","ResultPath":"$.fan","Next":"Ask","Branches":[
		{"StartAt":"W1","States":{"W1":{"Type":"Wait","Seconds":7,"Next":"P1"},"P1":{"Type":"Pass","Result":1,"End":true}}},
		{"StartAt":"W2","States":{"W2":{"Type":"Wait","Seconds":3,"Next":"P2"},"P2":{"Type":"Pass","Result":2,"End":true}}}]},
	"Ask":{` + tokenTask + `,"TimeoutSeconds":86400,"ResultPath":"$.answer","Next":"Decide"},
	"Decide":{"Type":"Choice","Choices":[{"Variable":"$.answer.ok","BooleanEquals":true,"Next":"Last"}],"Default":"No"},
	"No":{"Type":"Fail","Error":"No"},
	"Last":{"Type":"Wait","Seconds":60,"Next":"End"},
	"End":{"Type":"Succeed"}`)
}

// asked takes the token that a function was handed, and answers with it later.
func asked(tokens chan<- string) Function {
	return func(_ context.Context, payload json.RawMessage) (json.RawMessage, error) {
		var in struct{ Token string }
		err := json.Unmarshal(payload, &in)
		select {
		case tokens <- in.Token:
		default:
		}
		return nil, err
	}
}

func flaky(_ context.Context, n int) (string, error) {
	if n%2 == 0 {
		return "", named("E")
	}
	return `"ok"`, nil
}

// drive brings an execution of everything to its end, whatever faults the store still has to give.
// It restarts the runner when nothing moves any more.
func drive(t *testing.T, w *world, tokens <-chan string) Execution {
	t.Helper()
	for range 100 {
		if _, err := w.runner.Start(t.Context(), "x", json.RawMessage(`{"wait":30}`)); err != nil {
			w.restart()
			continue
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		e, err := w.runner.Await(ctx, "x")
		cancel()
		if err == nil && e.Status != Running {
			return e
		}
		select {
		case token := <-tokens:
			if err := sendOK(t, w, token); err != nil {
				w.restart()
			}
		default:
			w.restart()
		}
	}
	t.Fatal("the execution does not come to its end")
	return Execution{}
}

func sendOK(t *testing.T, w *world, token string) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	err := w.runner.SendTaskSuccess(ctx, token, json.RawMessage(`{"ok":true}`))
	if errors.Is(err, ErrNoTask) {
		return nil
	}
	return err
}

func runEverything(t *testing.T, faults memledger.Faults) (e Execution, writes int) {
	t.Helper()
	tokens := make(chan string, 1)
	w := newWorld(t, everything(), map[string]Function{"ask": asked(tokens), "flaky": newCalls().function(flaky)})
	w.store.SetFaults(faults)
	e = drive(t, w, tokens)
	return e, w.store.Writes()
}

const everythingOutput = `{"answer":{"ok":true},"fan":[1,2],"flaky":{"v":"ok"},"wait":30}`

func everythingPath() []string {
	return []string{"A", "Wait", "Flaky", "Fan", "W1", "P1", "W2", "P2", "Ask", "Decide", "Last", "End"}
}

func TestTheJournalIsWrittenSeldom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, writes := runEverything(t, nil)
		wantOutput(t, e, everythingOutput)
		sortFan(e.Path)
		wantPath(t, e, everythingPath()...)
		// start, Wait, a far retry, two waits in the branches, token, answer, Wait, end
		if writes != 9 {
			t.Errorf("%d writes, want 9", writes)
		}
	})
}

// sortFan puts the states of the two branches in one order: they run at the same time, and what a
// crash interrupted may overtake. The order within a branch stays as it is.
func sortFan(path []string) {
	from, to := slices.Index(path, "Fan")+1, slices.Index(path, "Ask")
	if from <= 0 || to < from {
		return
	}
	slices.SortStableFunc(path[from:to], func(a, b string) int { return cmp.Compare(a[1:], b[1:]) })
}

func TestACrashAtAnyWriteLeadsToTheSameEnd(t *testing.T) {
	for _, how := range []memledger.How{memledger.Lost, memledger.Landed} {
		for n := range 9 {
			t.Run(fmt.Sprintf("write %d landed %t", n, how), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					e, _ := runEverything(t, memledger.CrashAtWrite(n, how))
					wantOutput(t, e, everythingOutput)
					sortFan(e.Path)
					if diff := gocmp.Diff(everythingPath(), e.Path); diff != "" {
						t.Errorf("path (-want +got):\n%s", diff)
					}
				})
			})
		}
	}
}

func TestAWriteThatFailsOnceIsMadeGoodWithoutARestart(t *testing.T) {
	for _, how := range []memledger.How{memledger.Lost, memledger.Landed} {
		for n := range 8 {
			t.Run(fmt.Sprintf("write %d landed %t", n+1, how), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					tokens := make(chan string, 1)
					w := newWorld(t, everything(), map[string]Function{"ask": asked(tokens), "flaky": newCalls().function(flaky)})
					w.store.SetFaults(memledger.FailWrite(n+1, how))
					w.start("x", json.RawMessage(`{"wait":30}`))
					if err := sendOK(t, w, <-tokens); err != nil {
						t.Fatal(err)
					}
					wantOutput(t, w.await("x"), everythingOutput)
				})
			})
		}
	}
}

func TestAStartThatMayHaveLandedIsFoundByTheNext(t *testing.T) {
	for _, how := range []memledger.How{memledger.Lost, memledger.Landed} {
		t.Run(fmt.Sprintf("landed %t", how), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newCalls()
				w := newWorld(t, machineOf(`"A":{`+invoke+`,"End":true}`), map[string]Function{
					"f": c.function(func(context.Context, int) (string, error) { return "1", nil }),
				})
				w.store.SetFaults(memledger.CrashAtWrite(0, how)) // so that Start cannot even look
				if _, err := w.runner.Start(t.Context(), "x", 1); !errors.Is(err, memledger.ErrInjected) {
					t.Fatalf("Start: %v", err)
				}
				w.store.SetFaults(nil)
				started, err := w.runner.Start(t.Context(), "x", 1)
				if err != nil || started == bool(how) {
					t.Errorf("second Start = %t, %v", started, err)
				}
				if e := w.await("x"); e.Status != Succeeded || len(c.times()) != 1 {
					t.Errorf("%s after %d calls, want SUCCEEDED after 1", e.Status, len(c.times()))
				}
			})
		})
	}
}

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

func TestAWaitGoesOnAfterARestartForTheRestOfItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, machineOf(`"A":{"Type":"Wait","Seconds":600,"Next":"B"},"B":{"Type":"Succeed"}`), nil)
		start := time.Now()
		w.start("x", 1)
		<-time.After(4 * time.Minute)
		w.kill()
		<-time.After(3 * time.Minute)
		w.restart()
		w.await("x")
		if took := time.Since(start); took != 10*time.Minute {
			t.Errorf("took %v, want 10m", took)
		}
	})
}

func TestAWaitThatEndedDuringTheOutageEndsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, machineOf(`"A":{"Type":"Wait","Seconds":60,"Next":"B"},"B":{"Type":"Succeed"}`), nil)
		start := time.Now()
		w.start("x", 1)
		synctest.Wait()
		w.kill()
		<-time.After(time.Hour)
		w.restart()
		w.await("x")
		if took := time.Since(start); took != time.Hour {
			t.Errorf("took %v, want 1h", took)
		}
	})
}

func TestRetriesAreCountedOverARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCalls()
		w := newWorld(t, machineOf(`"A":{`+invoke+`,"Retry":[{"ErrorEquals":["E"],"IntervalSeconds":60,"BackoffRate":1,"MaxAttempts":3}],"End":true}`),
			map[string]Function{"f": c.function(func(context.Context, int) (string, error) { return "", named("E") })})
		w.start("x", 1)
		<-time.After(90 * time.Second) // two calls made, the third is planned
		w.restart()
		wantFailure(t, w.await("x"), "E")
		if diff := gocmp.Diff(seconds(0, 60, 120, 180), c.times()); diff != "" {
			t.Errorf("calls (-want +got):\n%s", diff)
		}
	})
}

func TestATokenIsAnsweredOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tokens := make(chan string, 1)
		w := newWorld(t, machineOf(`"A":{`+tokenTask+`,"Next":"B"},"B":{"Type":"Wait","Seconds":60,"End":true}`), map[string]Function{"ask": asked(tokens)})
		w.start("x", 1)
		token := <-tokens
		for _, bad := range []string{"", "x", "x#", "y#" + token, token + "x"} {
			if err := w.runner.SendTaskSuccess(t.Context(), bad, nil); !errors.Is(err, ErrNoTask) {
				t.Errorf("answer with token %q: %v, want ErrNoTask", bad, err)
			}
		}
		if err := w.runner.SendTaskSuccess(t.Context(), token, json.RawMessage(`{`)); err == nil || errors.Is(err, ErrNoTask) {
			t.Errorf("answer with broken JSON: %v", err)
		}
		if err := w.runner.SendTaskSuccess(t.Context(), token, json.RawMessage(`{"ok":1}`)); err != nil {
			t.Fatal(err)
		}
		if err := w.runner.SendTaskFailure(t.Context(), token, "Late", ""); !errors.Is(err, ErrNoTask) {
			t.Errorf("second answer: %v, want ErrNoTask", err)
		}
		wantOutput(t, w.await("x"), `{"ok":1}`)
		if err := w.runner.SendTaskSuccess(t.Context(), token, nil); !errors.Is(err, ErrNoTask) {
			t.Errorf("answer after the end: %v, want ErrNoTask", err)
		}
	})
}

func TestATokensFailureIsRetriedAndCaught(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tokens := make(chan string, 1)
		w := newWorld(t, machineOf(`"A":{`+tokenTask+`,"Retry":[{"ErrorEquals":["Again"],"MaxAttempts":1}],"Catch":[{"ErrorEquals":["Rejected"],"Next":"B"}],"End":true},"B":{"Type":"Succeed"}`),
			map[string]Function{"ask": asked(tokens)})
		w.start("x", 1)
		if err := w.runner.SendTaskFailure(t.Context(), <-tokens, "Again", "not yet"); err != nil {
			t.Fatal(err)
		}
		if err := w.runner.SendTaskFailure(t.Context(), <-tokens, "Rejected", "by a person"); err != nil {
			t.Fatal(err)
		}
		wantOutput(t, w.await("x"), `{"Cause":"by a person","Error":"Rejected"}`)
	})
}

func TestATokenWaitsOnlySoLong(t *testing.T) {
	for name, tt := range map[string]struct {
		fields string
		beats  []time.Duration
		want   string
		after  time.Duration
	}{
		"its timeout":                   {`"TimeoutSeconds":60`, nil, ErrorTimeout, time.Minute},
		"its heartbeat":                 {`"TimeoutSeconds":60,"HeartbeatSeconds":10`, nil, ErrorHeartbeatTimeout, 10 * time.Second},
		"its heartbeat after a beat":    {`"TimeoutSeconds":60,"HeartbeatSeconds":10`, seconds(9, 9), ErrorHeartbeatTimeout, 28 * time.Second},
		"its timeout in spite of beats": {`"TimeoutSeconds":15,"HeartbeatSeconds":10`, seconds(8), ErrorTimeout, 15 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tokens := make(chan string, 1)
				w := newWorld(t, machineOf(`"A":{`+tokenTask+`,`+tt.fields+`,"End":true}`), map[string]Function{"ask": asked(tokens)})
				start := time.Now()
				w.start("x", 1)
				token := <-tokens
				for _, beat := range tt.beats {
					<-time.After(beat)
					if err := w.runner.Heartbeat(token); err != nil {
						t.Fatal(err)
					}
				}
				wantFailure(t, w.await("x"), tt.want)
				if took := time.Since(start); took != tt.after {
					t.Errorf("after %v, want %v", took, tt.after)
				}
				if err := w.runner.Heartbeat(token); !errors.Is(err, ErrNoTask) {
					t.Errorf("a beat after the end: %v, want ErrNoTask", err)
				}
			})
		})
	}
}

func TestATokenStaysGoodOverARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tokens := make(chan string, 1)
		w := newWorld(t, machineOf(`"A":{`+tokenTask+`,"TimeoutSeconds":3600,"End":true}`), map[string]Function{"ask": asked(tokens)})
		w.start("x", 1)
		token := <-tokens
		w.restart()
		if again := <-tokens; again != token {
			t.Errorf("after the restart it asks with token %q, want %q", again, token)
		}
		if err := w.runner.SendTaskSuccess(t.Context(), token, json.RawMessage(`"yes"`)); err != nil {
			t.Fatal(err)
		}
		w.restart()
		wantOutput(t, w.await("x"), `"yes"`)
	})
}

func TestATokensTimeCountsOverARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, machineOf(`"A":{`+tokenTask+`,"TimeoutSeconds":3600,"End":true}`), map[string]Function{"ask": asked(make(chan string, 1))})
		start := time.Now()
		w.start("x", 1)
		<-time.After(50 * time.Minute)
		w.restart()
		wantFailure(t, w.await("x"), ErrorTimeout)
		if took := time.Since(start); took != time.Hour {
			t.Errorf("took %v, want 1h", took)
		}
	})
}

func TestATaskThatFailsBeforeItHandsTheTokenOnIsRetried(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCalls()
		tokens := make(chan string, 1)
		w := newWorld(t, machineOf(`"A":{`+tokenTask+`,"Retry":[{"ErrorEquals":["E"]}],"End":true}`), map[string]Function{
			"ask": func(ctx context.Context, payload json.RawMessage) (json.RawMessage, error) {
				if _, err := c.function(flaky)(ctx, payload); err != nil {
					return nil, err
				}
				return asked(tokens)(ctx, payload)
			},
		})
		w.start("x", 1)
		if err := w.runner.SendTaskSuccess(t.Context(), <-tokens, json.RawMessage(`1`)); err != nil {
			t.Fatal(err)
		}
		wantOutput(t, w.await("x"), `1`)
	})
}

func TestAnAnswerMayComeWhileTheFunctionStillRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var w *world
		w = newWorld(t, machineOf(`"A":{`+tokenTask+`,"End":true}`), map[string]Function{
			"ask": func(ctx context.Context, payload json.RawMessage) (json.RawMessage, error) {
				var in struct{ Token string }
				if err := json.Unmarshal(payload, &in); err != nil {
					return nil, err
				}
				if err := w.runner.SendTaskSuccess(ctx, in.Token, json.RawMessage(`"at once"`)); err != nil {
					return nil, err
				}
				return nil, errors.New("too late to matter")
			},
		})
		wantOutput(t, w.run(`{}`), `"at once"`)
	})
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

func TestAStateThatTheMachineNoLongerHasFailsTheExecution(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, machineOf(`"A":{"Type":"Wait","Seconds":60,"Next":"B"},"B":{"Type":"Succeed"}`), nil)
		w.start("x", 1)
		synctest.Wait()
		w.machine = mustLoad(t, `{"StartAt":"Other","States":{"Other":{"Type":"Succeed"}}}`)
		w.restart()
		e := w.await("x")
		wantFailure(t, e, ErrorRuntime)
		if !strings.Contains(e.Cause, `"A"`) {
			t.Errorf("the cause %q does not name the state", e.Cause)
		}
	})
}

func TestABrokenRecordDoesNotKeepTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, machineOf(`"A":{"Type":"Wait","Seconds":60,"End":true}`), nil)
		w.start("bad", 1)
		w.start("good", 1)
		synctest.Wait()
		w.kill()
		broken := ledger.Op{Kind: ledger.OpPut, Key: ledger.Key{Partition: "workflow/test/executions", Sort: "bad"}, Version: ledger.AnyVersion, Value: []byte("{")}
		if err := w.store.Write(t.Context(), broken); err != nil {
			t.Fatal(err)
		}
		w.boot()
		if err := w.runner.Resume(t.Context()); err == nil || !strings.Contains(err.Error(), "bad") {
			t.Errorf("Resume: %v, want an error that names the broken one", err)
		}
		if e := w.await("good"); e.Status != Succeeded {
			t.Errorf("the other execution: %s", e.Status)
		}
	})
}

func TestAnExecutionSurvivesOnDisk(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.db")
	m := mustLoad(t, machineOf(`"A":{`+tokenTask+`,"End":true}`))
	tokens := make(chan string, 2)
	boot := func() (*boltledger.Store, *Runner) {
		store, err := boltledger.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		r, err := New("test", m, store, map[string]Function{"ask": asked(tokens)}, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Resume(t.Context()); err != nil {
			t.Fatal(err)
		}
		return store, r
	}
	halt := func(store *boltledger.Store, r *Runner) {
		if err := errors.Join(r.Stop(t.Context()), store.Close()); err != nil {
			t.Fatal(err)
		}
	}
	store, r := boot()
	if _, err := r.Start(t.Context(), "x", 1); err != nil {
		t.Fatal(err)
	}
	<-tokens
	halt(store, r)
	store, r = boot()
	if err := r.SendTaskSuccess(t.Context(), <-tokens, json.RawMessage(`"yes"`)); err != nil {
		t.Fatal(err)
	}
	e, err := r.Await(t.Context(), "x")
	if err != nil {
		t.Fatal(err)
	}
	wantOutput(t, e, `"yes"`)
	halt(store, r)
}
