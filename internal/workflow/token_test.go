package workflow

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

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
