package workflow

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
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
