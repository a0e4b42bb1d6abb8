package workflow

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestStatesShapeTheirDataAsOnAWS(t *testing.T) {
	for name, tt := range map[string]struct{ states, input, want string }{
		"a pass passes":            {`"A":{"Type":"Pass","End":true}`, `{"a":1.50}`, `{"a":1.50}`},
		"a pass with a result":     {`"A":{"Type":"Pass","Result":{"x.$":"$.a"},"ResultPath":"$.r","End":true}`, `{"a":1}`, `{"a":1,"r":{"x.$":"$.a"}}`},
		"a pass with parameters":   {`"A":{"Type":"Pass","InputPath":"$.in","Parameters":{"v.$":"$.x"},"ResultPath":"$.out","End":true}`, `{"in":{"x":2}}`, `{"in":{"x":2},"out":{"v":2}}`},
		"an output path":           {`"A":{"Type":"Pass","OutputPath":"$.a.b","End":true}`, `{"a":{"b":[1]}}`, `[1]`},
		"no output":                {`"A":{"Type":"Pass","OutputPath":null,"End":true}`, `{"a":1}`, `{}`},
		"no input":                 {`"A":{"Type":"Pass","InputPath":null,"End":true}`, `{"a":1}`, `{}`},
		"a succeed with paths":     {`"A":{"Type":"Succeed","InputPath":"$.a","OutputPath":"$.b"}`, `{"a":{"b":3}}`, `3`},
		"a task's whole result":    {`"A":{` + invoke + `,"ResultPath":"$.r","End":true}`, `{"a":1}`, `{"a":1,"r":{"ExecutedVersion":"$LATEST","Payload":{"a":1},"StatusCode":200}}`},
		"a task's payload":         {`"A":{` + invoke + `,"OutputPath":"$.Payload","End":true}`, `{"a":1}`, `{"a":1}`},
		"a task's selected result": {`"A":{` + invoke + `,"ResultSelector":{"got.$":"$.Payload.a"},"End":true}`, `{"a":1}`, `{"got":1}`},
		"a task's dropped result":  {`"A":{` + invoke + `,"ResultPath":null,"End":true}`, `{"a":1}`, `{"a":1}`},
		"the context object": {
			`"A":{"Type":"Pass","Parameters":{"e.$":"$$.Execution.Name","s.$":"$$.State.Name","i.$":"$$.Execution.Input.a","m.$":"$$.StateMachine.Name"},"End":true}`,
			`{"a":1}`, `{"e":"x","i":1,"m":"test","s":"A"}`,
		},
		"a choice": {
			`"A":{"Type":"Choice","InputPath":"$.a","Choices":[{"Variable":"$.n","NumericEquals":1,"Next":"B"}],"Default":"C"},"B":{"Type":"Pass","Result":"b","End":true},"C":{"Type":"Pass","Result":"c","End":true}`,
			`{"a":{"n":1}}`, `"b"`,
		},
		"a choice's default": {
			`"A":{"Type":"Choice","Choices":[{"Variable":"$.n","NumericEquals":1,"Next":"B"}],"Default":"C"},"B":{"Type":"Pass","Result":"b","End":true},"C":{"Type":"Succeed"}`,
			`{"n":2}`, `{"n":2}`,
		},
		"branches": {
			`"A":{"Type":"Parallel","Parameters":{"p.$":"$.a"},"ResultPath":"$.r","End":true,"Branches":[
				{"StartAt":"X","States":{"X":{"Type":"Pass","Next":"Y"},"Y":{"Type":"Succeed"}}},
				{"StartAt":"X","States":{"X":{"Type":"Pass","Result":2,"End":true}}}]}`,
			`{"a":1}`, `{"a":1,"r":[{"p":1},2]}`,
		},
		"a map": {
			`"A":{"Type":"Map","ItemsPath":"$.l","MaxConcurrency":2,"ItemSelector":{"i.$":"$$.Map.Item.Index","v.$":"$$.Map.Item.Value","a.$":"$.a"},"End":true,
				"ItemProcessor":{"StartAt":"X","States":{"X":{` + invoke + `,"OutputPath":"$.Payload","End":true}}}}`,
			`{"a":1,"l":["x","y","z"]}`, `[{"a":1,"i":0,"v":"x"},{"a":1,"i":1,"v":"y"},{"a":1,"i":2,"v":"z"}]`,
		},
		"a map of plain items": {
			`"A":{"Type":"Map","ItemProcessor":{"ProcessorConfig":{"Mode":"INLINE"},"StartAt":"X","States":{"X":{"Type":"Succeed"}}},"End":true}`,
			`[1,{"b":2}]`, `[1,{"b":2}]`,
		},
		"a map of nothing": {
			`"A":{"Type":"Map","ItemProcessor":{"StartAt":"X","States":{"X":{"Type":"Succeed"}}},"End":true}`, `[]`, `[]`,
		},
		"a map in a parallel in a map": {
			`"A":{"Type":"Map","End":true,"ItemProcessor":{"StartAt":"P","States":{"P":{"Type":"Parallel","End":true,"Branches":[
				{"StartAt":"M","States":{"M":{"Type":"Map","End":true,"ItemProcessor":{"StartAt":"X","States":{"X":{"Type":"Pass","End":true}}}}}}]}}}}`,
			`[[1,2],[3]]`, `[[[1,2]],[[3]]]`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				wantOutput(t, newWorld(t, machineOf(tt.states), nil).run(tt.input), tt.want)
			})
		})
	}
}

func TestStatesFailAsOnAWS(t *testing.T) {
	const end = `"B":{"Type":"Succeed"}`
	for name, tt := range map[string]struct{ states, want string }{
		"a fail":                    {`"A":{"Type":"Fail","Error":"Dirty","Cause":"why"}`, "Dirty"},
		"a fail by path":            {`"A":{"Type":"Fail","ErrorPath":"$.name","CausePath":"$.name"}`, "N"},
		"a fail by a missing path":  {`"A":{"Type":"Fail","ErrorPath":"$.nothing"}`, ErrorRuntime},
		"no rule holds":             {`"A":{"Type":"Choice","Choices":[{"Variable":"$.n","NumericEquals":5,"Next":"B"}]},` + end, ErrorNoChoiceMatched},
		"a choice of nothing":       {`"A":{"Type":"Choice","Choices":[{"Variable":"$.x","NumericEquals":5,"Next":"B"}],"Default":"B"},` + end, ErrorRuntime},
		"an input path to nothing":  {`"A":{"Type":"Pass","InputPath":"$.x","End":true}`, ErrorRuntime},
		"a parameter of nothing":    {`"A":{"Type":"Pass","Parameters":{"x.$":"$.x"},"End":true}`, ErrorParameterPath},
		"a result into a number":    {`"A":{"Type":"Pass","ResultPath":"$.n.x","End":true}`, ErrorResultPathMatch},
		"a wait of half a second":   {`"A":{"Type":"Wait","SecondsPath":"$.half","End":true}`, ErrorRuntime},
		"a wait of a word":          {`"A":{"Type":"Wait","SecondsPath":"$.name","End":true}`, ErrorRuntime},
		"a negative wait":           {`"A":{"Type":"Wait","SecondsPath":"$.negative","End":true}`, ErrorRuntime},
		"a wait until a word":       {`"A":{"Type":"Wait","TimestampPath":"$.name","End":true}`, ErrorRuntime},
		"a map of an object":        {`"A":{"Type":"Map","ItemProcessor":{"StartAt":"X","States":{"X":{"Type":"Succeed"}}},"End":true}`, ErrorRuntime},
		"a branch that fails":       {`"A":{"Type":"Parallel","End":true,"Branches":[{"StartAt":"X","States":{"X":{"Type":"Fail","Error":"Inner"}}}]}`, "Inner"},
		"runtime cannot be caught":  {`"A":{"Type":"Parallel","End":true,"Branches":[{"StartAt":"X","States":{"X":{"Type":"Pass","InputPath":"$.x","End":true}}}],"Catch":[{"ErrorEquals":["States.ALL"],"Next":"B"}]},` + end, ErrorRuntime},
		"a task without a function": {`"A":{"Type":"Task","Resource":"arn:aws:states:::lambda:invoke","Parameters":{"FunctionName":"f","Payload.$":"$.x"},"End":true}`, ErrorParameterPath},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, machineOf(tt.states), nil)
				wantFailure(t, w.run(`{"n":1,"name":"N","half":0.5,"negative":-1}`), tt.want)
			})
		})
	}
}

func TestAWaitLastsItsTime(t *testing.T) {
	for name, tt := range map[string]struct {
		fields string
		want   time.Duration
	}{
		"seconds":             {`"Seconds":90`, 90 * time.Second},
		"seconds by path":     {`"SecondsPath":"$.s"`, time.Hour},
		"a time":              {`"Timestamp":"2000-01-01T00:10:00Z"`, 10 * time.Minute},
		"a time by path":      {`"TimestampPath":"$.at"`, 20 * time.Minute},
		"a time that is past": {`"Timestamp":"1999-01-01T00:00:00Z"`, 0},
		"no time":             {`"Seconds":0`, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { // a bubble's time begins at 2000-01-01T00:00:00Z
				w := newWorld(t, machineOf(`"A":{"Type":"Wait",`+tt.fields+`,"Next":"B"},"B":{"Type":"Succeed"}`), nil)
				start := time.Now()
				wantOutput(t, w.run(`{"s":3600,"at":"2000-01-01T00:20:00Z"}`), `{"at":"2000-01-01T00:20:00Z","s":3600}`)
				if took := time.Since(start); took != tt.want {
					t.Errorf("took %v, want %v", took, tt.want)
				}
			})
		})
	}
}

func TestRetriesComeAtTheirTimes(t *testing.T) {
	for name, tt := range map[string]struct {
		retry string
		want  []time.Duration // of the calls, of which none succeeds
	}{
		"the defaults":     {`{"ErrorEquals":["E"]}`, seconds(0, 1, 3, 7)},
		"rate and most":    {`{"ErrorEquals":["E"],"IntervalSeconds":2,"BackoffRate":3,"MaxAttempts":4,"MaxDelaySeconds":10}`, seconds(0, 2, 8, 18, 28)},
		"a rate of one":    {`{"ErrorEquals":["E"],"IntervalSeconds":5,"BackoffRate":1,"MaxAttempts":2}`, seconds(0, 5, 10)},
		"never":            {`{"ErrorEquals":["E"],"MaxAttempts":0}`, seconds(0)},
		"for other errors": {`{"ErrorEquals":["F"]}`, seconds(0)},
		"the first match":  {`{"ErrorEquals":["E"],"MaxAttempts":1},{"ErrorEquals":["States.ALL"],"MaxAttempts":5}`, seconds(0, 1)},
		"by a wider name":  {`{"ErrorEquals":["States.TaskFailed"],"MaxAttempts":1}`, seconds(0, 1)},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newCalls()
				w := newWorld(t, machineOf(`"A":{`+invoke+`,"Retry":[`+tt.retry+`],"End":true}`), map[string]Function{
					"f": c.function(func(context.Context, int) (string, error) { return "", fmt.Errorf("wrapped: %w", named("E")) }),
				})
				wantFailure(t, w.run(`{}`), "E")
				if diff := cmp.Diff(tt.want, c.times()); diff != "" {
					t.Errorf("calls (-want +got):\n%s", diff)
				}
			})
		})
	}
}

func TestRetriesWithFullJitterStayBelowTheirDelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCalls()
		retry := `"Retry":[{"ErrorEquals":["E"],"IntervalSeconds":100,"BackoffRate":1,"MaxAttempts":20,"JitterStrategy":"FULL"}]`
		w := newWorld(t, machineOf(`"A":{`+invoke+`,`+retry+`,"End":true}`), map[string]Function{
			"f": c.function(func(context.Context, int) (string, error) { return "", named("E") }),
		})
		wantFailure(t, w.run(`{}`), "E")
		seen := map[time.Duration]bool{}
		times := c.times()
		for i := range times[1:] {
			delay := times[i+1] - times[i]
			seen[delay] = true
			if delay < 0 || delay >= 100*time.Second {
				t.Errorf("delay %v, want less than 100s", delay)
			}
		}
		if len(times) != 21 || len(seen) < 10 {
			t.Errorf("%d calls with %d different delays", len(times), len(seen))
		}
	})
}

func TestARetryCountsAnewWhenTheStateIsEnteredAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCalls()
		file := machineOf(`"A":{` + invoke + `,"Retry":[{"ErrorEquals":["E"],"MaxAttempts":1}],"OutputPath":"$.Payload","Next":"B"},
			"B":{"Type":"Choice","Choices":[{"Variable":"$","StringEquals":"again","Next":"A"}],"Default":"C"},"C":{"Type":"Succeed"}`)
		w := newWorld(t, file, map[string]Function{"f": c.function(func(_ context.Context, n int) (string, error) {
			switch n {
			case 0, 2:
				return "", named("E")
			case 1:
				return `"again"`, nil
			}
			return `"done"`, nil
		})})
		wantOutput(t, w.run(`{}`), `"done"`)
	})
}

func TestACatchTakesTheErrorIntoTheData(t *testing.T) {
	for name, tt := range map[string]struct{ catch, fault, want string }{
		"at a path":        {`{"ErrorEquals":["E"],"ResultPath":"$.error","Next":"B"}`, "E", `{"error":{"Cause":"{\"errorMessage\":\"it went wrong\",\"errorType\":\"E\"}","Error":"E"},"id":1}`},
		"instead of it":    {`{"ErrorEquals":["E"],"Next":"B"}`, "E", `{"Cause":"{\"errorMessage\":\"it went wrong\",\"errorType\":\"E\"}","Error":"E"}`},
		"not at all":       {`{"ErrorEquals":["E"],"ResultPath":null,"Next":"B"}`, "E", `{"id":1}`},
		"the second catch": {`{"ErrorEquals":["F"],"Next":"B"},{"ErrorEquals":["States.ALL"],"ResultPath":null,"Next":"B"}`, "E", `{"id":1}`},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, machineOf(`"A":{`+invoke+`,"Catch":[`+tt.catch+`],"End":true},"B":{"Type":"Succeed"}`), map[string]Function{
					"f": newCalls().function(func(context.Context, int) (string, error) { return "", named(tt.fault) }),
				})
				wantOutput(t, w.run(`{"id":1}`), tt.want)
			})
		})
	}
}

func TestWhatAFunctionCanDoHasAName(t *testing.T) {
	for name, tt := range map[string]struct {
		do   func(ctx context.Context) (string, error)
		want string
	}{
		"an error of its own":        {func(context.Context) (string, error) { return "", fmt.Errorf("x: %w", named("Transient")) }, "Transient"},
		"a plain error":              {func(context.Context) (string, error) { return "", errors.New("x") }, ErrorTaskFailed},
		"a failure":                  {func(context.Context) (string, error) { return "", &Failure{Name: "Mine"} }, "Mine"},
		"a deadline of its own":      {func(context.Context) (string, error) { return "", context.DeadlineExceeded }, ErrorTimeout},
		"a panic":                    {func(context.Context) (string, error) { panic("oh") }, ErrorLambdaUnknown},
		"no JSON":                    {func(context.Context) (string, error) { return "<html>", nil }, ErrorRuntime},
		"too much":                   {func(context.Context) (string, error) { return `"` + strings.Repeat("x", 256<<10) + `"`, nil }, ErrorDataLimit},
		"to run out of time":         {func(ctx context.Context) (string, error) { <-ctx.Done(); return "", ctx.Err() }, ErrorTimeout},
		"to answer late":             {func(ctx context.Context) (string, error) { <-ctx.Done(); return "", named("Late") }, ErrorTimeout},
		"to not heed its time's end": {func(context.Context) (string, error) { <-time.After(time.Hour); return "1", nil }, ErrorTimeout},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, machineOf(`"A":{`+invoke+`,"TimeoutSeconds":30,"End":true}`), map[string]Function{
					"f": newCalls().function(func(ctx context.Context, _ int) (string, error) { return tt.do(ctx) }),
				})
				wantFailure(t, w.run(`{}`), tt.want)
				<-time.After(2 * time.Hour) // for the function that does not heed its time
			})
		})
	}
}

func TestATimeoutIsTheTasksOwnAndEachTrysAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCalls()
		w := newWorld(t, machineOf(`"A":{`+invoke+`,"TimeoutSeconds":30,"Retry":[{"ErrorEquals":["States.Timeout"],"MaxAttempts":1}],"OutputPath":"$.Payload","End":true}`),
			map[string]Function{"f": c.function(func(ctx context.Context, n int) (string, error) {
				if n == 1 {
					return `"ok"`, nil
				}
				<-ctx.Done()
				return "", ctx.Err()
			})})
		wantOutput(t, w.run(`{}`), `"ok"`)
		if diff := cmp.Diff(seconds(0, 31), c.times()); diff != "" {
			t.Errorf("calls (-want +got):\n%s", diff)
		}
	})
}

func TestAnExecutionHasItsOwnTimeout(t *testing.T) {
	for name, state := range map[string]string{
		"in a wait":  `"A":{"Type":"Wait","Seconds":3600,"End":true}`,
		"in a task":  `"A":{` + invoke + `,"End":true,"Catch":[{"ErrorEquals":["States.ALL"],"Next":"B"}]},"B":{"Type":"Succeed"}`,
		"in a retry": `"A":{"Type":"Parallel","Branches":[{"StartAt":"X","States":{"X":{"Type":"Fail","Error":"E"}}}],"Retry":[{"ErrorEquals":["E"],"IntervalSeconds":3600}],"End":true}`,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, `{"TimeoutSeconds":60,"StartAt":"A","States":{`+state+`}}`, map[string]Function{
					"f": newCalls().function(func(ctx context.Context, _ int) (string, error) { <-ctx.Done(); return "", ctx.Err() }),
				})
				e := w.run(`{}`)
				if e.Status != TimedOut || e.Error != ErrorTimeout || e.EndedAt.Sub(e.StartedAt) != time.Minute {
					t.Errorf("%s, %s after %v, want TIMED_OUT after 1m", e.Status, e.Error, e.EndedAt.Sub(e.StartedAt))
				}
			})
		})
	}
}

func TestAFailingBranchEndsTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		file := machineOf(`"A":{"Type":"Parallel","Branches":[
			{"StartAt":"W","States":{"W":{"Type":"Wait","Seconds":3600,"End":true}}},
			{"StartAt":"T","States":{"T":{` + invoke + `,"End":true}}},
			{"StartAt":"S","States":{"S":{"Type":"Wait","Seconds":5,"Next":"F"},"F":{"Type":"Fail","Error":"E"}}}],
			"Catch":[{"ErrorEquals":["E"],"Next":"B"}],"End":true},"B":{"Type":"Pass","Result":"caught","End":true}`)
		w := newWorld(t, file, map[string]Function{
			"f": newCalls().function(func(ctx context.Context, _ int) (string, error) { <-ctx.Done(); return "", ctx.Err() }),
		})
		start := time.Now()
		wantOutput(t, w.run(`{}`), `"caught"`)
		if took := time.Since(start); took != 5*time.Second {
			t.Errorf("took %v, want 5s", took)
		}
	})
}

func TestAMapHasNoMoreItemsInHandThanItMay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, machineOf(`"A":{"Type":"Map","MaxConcurrency":3,"End":true,
			"ItemProcessor":{"StartAt":"X","States":{"X":{"Type":"Wait","Seconds":10,"End":true}}}}`), nil)
		start := time.Now()
		w.run(`[1,2,3,4,5,6,7]`)
		if took := time.Since(start); took != 30*time.Second {
			t.Errorf("took %v, want 30s: seven items, three at a time", took)
		}
	})
}

func TestNoMoreFunctionsRunThanMayAndWaitingCostsNoTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCalls()
		w := newWorld(t, machineOf(`"A":{`+invoke+`,"TimeoutSeconds":15,"End":true}`), map[string]Function{
			"f": c.function(func(context.Context, int) (string, error) { <-time.After(10 * time.Second); return "1", nil }),
		})
		w.options.MaxTasks = 2
		w.boot()
		for i := range 6 {
			w.start(strconv.Itoa(i), nil)
		}
		for i := range 6 {
			if e := w.await(strconv.Itoa(i)); e.Status != Succeeded {
				t.Errorf("execution %d: %s %s", i, e.Status, e.Error)
			}
		}
		if diff := cmp.Diff(seconds(0, 0, 10, 10, 20, 20), c.times()); diff != "" {
			t.Errorf("calls (-want +got):\n%s", diff)
		}
	})
}

func TestTransitionsAreTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, machineOf(`"A":{"Type":"Pass","Next":"B"},"B":{"Type":"Fail","Error":"E"}`), nil)
		var told []Transition
		w.options.OnTransition = func(tr Transition) { told = append(told, tr) }
		w.boot()
		at := time.Now()
		e := w.run(`{}`)
		want := []Transition{
			{Execution: "x", To: "A", Status: Running, At: at},
			{Execution: "x", From: "A", To: "B", Status: Running, At: at},
			{Execution: "x", Status: Failed, Error: "E", At: at},
		}
		if diff := cmp.Diff(want, told); diff != "" {
			t.Errorf("transitions (-want +got):\n%s", diff)
		}
		wantPath(t, e, "A", "B")
	})
}

func TestALongPathKeepsItsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCalls()
		w := newWorld(t, machineOf(`"A":{`+invoke+`,"OutputPath":"$.Payload","Next":"B"},"B":{"Type":"Choice","Choices":[{"Variable":"$","BooleanEquals":true,"Next":"A"}],"Default":"C"},"C":{"Type":"Succeed"}`),
			map[string]Function{"f": c.function(func(_ context.Context, n int) (string, error) { return strconv.FormatBool(n < 500), nil })})
		e := w.run(`{}`)
		if len(e.Path) != maxPath || e.Path[maxPath-1] != "C" {
			t.Errorf("a path of %d states that ends in %q", len(e.Path), e.Path[len(e.Path)-1])
		}
	})
}

func TestAPayloadIsWhatTheFileSays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCalls()
		task := `"Type":"Task","Resource":"arn:aws:states:::lambda:invoke"`
		w := newWorld(t, machineOf(`"A":{`+task+`,"Parameters":{"FunctionName":"f","Payload":{"id.$":"$.id","step":"confirm"}},"ResultPath":null,"Next":"B"},
			"B":{`+task+`,"Parameters":{"FunctionName":"f"},"ResultPath":null,"End":true}`),
			map[string]Function{"f": c.function(func(context.Context, int) (string, error) { return "", nil })})
		wantOutput(t, w.run(`{"id":"i-1","more":true}`), `{"id":"i-1","more":true}`)
		if diff := cmp.Diff([]string{`{"id":"i-1","step":"confirm"}`, `{}`}, c.payloads); diff != "" {
			t.Errorf("payloads (-want +got):\n%s", diff)
		}
	})
}
