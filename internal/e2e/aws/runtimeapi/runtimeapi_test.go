package runtimeapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambda/messages"
	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/google/go-cmp/cmp"
)

// asBootstrap, in the environment, makes the test binary a bootstrap.
const asBootstrap = "TEST_BOOTSTRAP"

func TestMain(m *testing.M) {
	switch os.Getenv(asBootstrap) {
	case "":
		os.Exit(m.Run())
	case "ends":
		_, _ = os.Stderr.WriteString("GUARDIAN_TABLE is missing\n")
		os.Exit(1)
	}
	lambda.Start(handle)
}

// order is what a test wants of the bootstrap.
type order struct {
	Do    string
	Value string
}

type told struct {
	PID      int
	Value    string
	Env      []string
	ID, ARN  string
	Deadline int64 // Unix milliseconds
}

func handle(ctx context.Context, o order) (told, error) {
	switch o.Do {
	case "fail":
		return told{}, messages.InvokeResponse_Error{Type: "Conflict", Message: o.Value}
	case "panic":
		panic(o.Value)
	case "exit":
		os.Exit(3)
	case "hang":
		select {}
	case "call": // an address, and wait for that to hang up
		c, err := (&net.Dialer{}).DialContext(ctx, "tcp", o.Value)
		if err != nil {
			return told{}, err
		}
		_, _ = io.Copy(io.Discard, c)
	}
	lc, _ := lambdacontext.FromContext(ctx)
	deadline, _ := ctx.Deadline()
	return told{PID: os.Getpid(), Value: o.Value, Env: os.Environ(), ID: lc.AwsRequestID, ARN: lc.InvokedFunctionArn, Deadline: deadline.UnixMilli()}, nil
}

type world struct {
	*Function
	t   *testing.T
	log *lockedBuffer
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func newWorld(t *testing.T, c Config) *world {
	t.Helper()
	w := &world{t: t, log: &lockedBuffer{}}
	c.Name, c.Bootstrap, c.Log = "echo", os.Args[0], w.log
	env := map[string]string{asBootstrap: "runs"}
	for k, v := range c.Env {
		env[k] = v
	}
	c.Env = env
	w.Function = New(c)
	t.Cleanup(w.Close)
	return w
}

func (w *world) order(do, value string) (Result, told) {
	w.t.Helper()
	payload, err := json.Marshal(order{Do: do, Value: value})
	if err != nil {
		w.t.Fatal(err)
	}
	r, err := w.Invoke(w.t.Context(), payload)
	if err != nil {
		w.t.Fatal(err)
	}
	var out told
	if r.Error == "" {
		if err := json.Unmarshal(r.Payload, &out); err != nil {
			w.t.Fatal(err)
		}
	}
	return r, out
}

func TestOneProcessHandlesOneInvocationAfterTheOther(t *testing.T) {
	w := newWorld(t, Config{Timeout: 30 * time.Second})
	cold, first := w.order("echo", "a")
	warm, second := w.order("echo", "b")
	if first.Value != "a" || second.Value != "b" || first.PID != second.PID {
		t.Errorf("answered %q by process %d, then %q by %d", first.Value, first.PID, second.Value, second.PID)
	}
	if cold.Start == nil || cold.Start.Init <= 0 || cold.Start.Cold < cold.Start.Init || cold.Start.Cold < cold.Took {
		t.Errorf("the start: %+v, then %v", cold.Start, cold.Took)
	}
	if warm.Start != nil {
		t.Errorf("the second started a process: %+v", warm.Start)
	}
	if first.ID != cold.RequestID || second.ID != warm.RequestID || first.ID == second.ID || first.ARN != ARN("echo") {
		t.Errorf("told requests %s and %s of %s, want %s and %s", first.ID, second.ID, first.ARN, cold.RequestID, warm.RequestID)
	}
	if left := time.Until(time.UnixMilli(second.Deadline)); left <= 0 || left > 30*time.Second {
		t.Errorf("the deadline is in %v", left)
	}
}

func TestTheProcessHasExactlyItsEnvironment(t *testing.T) {
	t.Setenv("GUARDIAN_LEAK", "x")
	w := newWorld(t, Config{Env: map[string]string{"GUARDIAN_TABLE": "guardian"}})
	_, out := w.order("echo", "")
	var names []string
	for _, e := range out.Env {
		name, _, _ := strings.Cut(e, "=")
		names = append(names, name)
	}
	slices.Sort(names)
	want := []string{
		"AWS_ACCESS_KEY_ID", "AWS_DEFAULT_REGION", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_FUNCTION_NAME",
		"AWS_LAMBDA_FUNCTION_VERSION", "AWS_LAMBDA_INITIALIZATION_TYPE", "AWS_LAMBDA_LOG_GROUP_NAME",
		"AWS_LAMBDA_LOG_STREAM_NAME", "AWS_LAMBDA_RUNTIME_API", "AWS_REGION", "AWS_SECRET_ACCESS_KEY",
		"AWS_SESSION_TOKEN", "GUARDIAN_TABLE", "LAMBDA_RUNTIME_DIR", "LAMBDA_TASK_ROOT", "LANG", "LD_LIBRARY_PATH",
		"PATH", asBootstrap, "TZ", "_HANDLER",
	}
	slices.Sort(want)
	// aws-lambda-go sets this one itself for every invocation.
	names = slices.DeleteFunc(names, func(n string) bool { return n == "_X_AMZN_TRACE_ID" })
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("environment (-want +got):\n%s", diff)
	}
}

func TestAnErrorKeepsItsName(t *testing.T) {
	w := newWorld(t, Config{})
	r, _ := w.order("fail", "held by another")
	if r.Error != "Conflict" || r.Message != "held by another" {
		t.Errorf("error %q: %q", r.Error, r.Message)
	}
	_, after := w.order("echo", "still there")
	if after.Value != "still there" {
		t.Errorf("after it: %+v", after)
	}
}

func TestAProcessThatEndsIsReplaced(t *testing.T) {
	for do, want := range map[string]string{"exit": ErrorExit, "panic": "string"} {
		w := newWorld(t, Config{})
		_, before := w.order("echo", "")
		if r, _ := w.order(do, "no good"); r.Error != want {
			t.Errorf("%s: error %q: %s, want %q", do, r.Error, r.Message, want)
		}
		r, after := w.order("echo", "again")
		if after.Value != "again" || after.PID == before.PID || r.Start == nil {
			t.Errorf("after %s: %+v by a process of before %t", do, after, r.Start == nil)
		}
	}
}

func TestAProcessIsKilledAtItsDeadline(t *testing.T) {
	w := newWorld(t, Config{Timeout: 300 * time.Millisecond})
	r, _ := w.order("hang", "")
	if r.Error != ErrorTimeout || !strings.Contains(r.Message, "timed out after 0.30 seconds") {
		t.Errorf("error %q: %q", r.Error, r.Message)
	}
	if r, out := w.order("echo", "again"); out.Value != "again" || r.Start == nil {
		t.Errorf("after it: %+v %+v", r, out)
	}
}

// busy sends invocations that last until the test hangs up, and gives what came of them.
func (w *world) busy(n int) (lines []net.Conn, results chan Result) {
	w.t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = l.Close() })
	results = make(chan Result, n)
	for range n {
		go func() {
			r, _ := w.order("call", l.Addr().String())
			results <- r
		}()
	}
	for range n {
		c, err := l.Accept()
		if err != nil {
			w.t.Fatal(err)
		}
		w.t.Cleanup(func() { _ = c.Close() })
		lines = append(lines, c)
	}
	return lines, results
}

func TestInvocationsAtTheSameTimeHaveInstancesOfTheirOwnUpToAMaximum(t *testing.T) {
	w := newWorld(t, Config{Instances: 2, Timeout: time.Minute})
	lines, results := w.busy(2)
	if _, err := w.Invoke(t.Context(), []byte(`{}`)); !errors.Is(err, ErrThrottled) {
		t.Errorf("the third: %v", err)
	}
	pids := map[int]bool{}
	for _, c := range lines {
		must(t, c.Close())
	}
	for range lines {
		var out told
		r := <-results
		must(t, json.Unmarshal(r.Payload, &out))
		pids[out.PID] = true
	}
	if len(pids) != 2 {
		t.Errorf("two at the same time by processes %v", pids)
	}
	if _, out := w.order("echo", "room again"); !pids[out.PID] {
		t.Errorf("process %d is new, though two are idle", out.PID)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestABootstrapThatIsNotReadySaysWhy(t *testing.T) {
	w := newWorld(t, Config{Env: map[string]string{asBootstrap: "ends"}})
	r, _ := w.order("echo", "")
	if r.Error != ErrorExit || !strings.Contains(r.Message, "exited before it was ready: exit status 1") {
		t.Errorf("error %q: %q", r.Error, r.Message)
	}
	if diff := cmp.Diff("GUARDIAN_TABLE is missing\n", w.log.String()); diff != "" {
		t.Error(diff)
	}
}

func TestKillTakesAllInstancesInTheMidstOfTheirWork(t *testing.T) {
	w := newWorld(t, Config{Timeout: time.Minute})
	_, before := w.order("echo", "")
	_, results := w.busy(1)
	w.Kill()
	if r := <-results; r.Error != ErrorExit || !strings.Contains(r.Message, "signal: killed") {
		t.Errorf("error %q: %q", r.Error, r.Message)
	}
	if _, after := w.order("echo", ""); after.PID == before.PID {
		t.Errorf("process %d is there again", after.PID)
	}
}

func TestADeadlineCanBeBroughtOn(t *testing.T) {
	w := newWorld(t, Config{Timeout: time.Hour})
	_, results := w.busy(1)
	w.Expire()
	if r := <-results; r.Error != ErrorTimeout {
		t.Errorf("error %q: %q", r.Error, r.Message)
	}
	w.Expire() // of nothing that is busy
	if _, out := w.order("echo", "again"); out.Value != "again" {
		t.Errorf("after it: %+v", out)
	}
}
