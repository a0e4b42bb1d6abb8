//go:build e2e

package aws_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cinegit/guardian/cdk/asl"
	"github.com/cinegit/guardian/internal/adapter/memledger"
	"github.com/cinegit/guardian/internal/e2e/aws/cloud"
	"github.com/cinegit/guardian/internal/e2e/aws/emulator"
	"github.com/cinegit/guardian/internal/e2e/aws/runtimeapi"
	"github.com/cinegit/guardian/internal/e2e/proc"
	"github.com/cinegit/guardian/internal/remedy"
	"github.com/cinegit/guardian/internal/workflow"
)

// walks are what the functions answer, step by step in their order; the last answer stays. !NAME is an error
// of that name. Together they enter every state of the machine.
func walks() map[string]map[string][]string {
	return map[string]map[string][]string{
		"stood-down":  {"confirm": {`"next":"end","end":"StoodDown"`}},
		"no-metrics":  {"confirm": {`"next":"confirm","wait":0`, `"next":"end","end":"StoodDown"`}},
		"flag-healed": flagWalk(`"next":"end","end":"Healed"`),
		"flag-then-release": flagWalk(`"next":"look"`, map[string][]string{
			"blame":  {`"next":"choose"`},
			"choose": {`"next":"act","hand":"flag"`, `"next":"act","hand":"argocd"`},
			"act":    {`"next":"act","hand":"flag","wait":0`, `"next":"settle","hand":"flag"`, `"next":"act","hand":"argocd","wait":0`, `"next":"settle","hand":"argocd"`},
			"settle": {`"next":"settle","hand":"flag","wait":0`, `"next":"verify"`, `"next":"settle","hand":"argocd","wait":0`, `"next":"verify"`},
			"verify": {`"next":"look"`, `"next":"verify","wait":0`, `"next":"end","end":"Healed"`},
		}),
		"approved": flagWalk(`"next":"end","end":"Healed"`, map[string][]string{
			"choose": {`"next":"approve"`}, "approve": {`"next":"act","hand":"flag"`},
		}),
		"rejected":         flagWalk("", map[string][]string{"choose": {`"next":"approve"`}, "approve": {`"next":"end","end":"StoodDown"`}}),
		"looks-twice":      flagWalk(`"next":"end","end":"Healed"`, map[string][]string{"blame": {`"next":"look","wait":0`, `"next":"choose"`}}),
		"nobody-to-blame":  {"confirm": {`"next":"look"`}, "blame": {`"next":"end","end":"FailedClean"`}},
		"not-helped":       flagWalk(`"next":"end","end":"FailedDirty"`),
		"once-transient":   flagWalk(`"next":"end","end":"Healed"`, map[string][]string{"confirm": {"!Transient", `"next":"look"`}}),
		"once-in-conflict": flagWalk(`"next":"end","end":"Healed"`, map[string][]string{"act": {"!Conflict", `"next":"settle","hand":"flag"`}}),
		"malformed":        {"confirm": {"!Malformed"}, "giveup": {`"next":"end","end":"FailedClean"`}},
		"cannot-give-up":   {"confirm": {"!Malformed"}, "giveup": {"!Malformed"}},
		"an-unknown-end":   {"confirm": {`"next":"end","end":"Lost"`}},
		"behind-the-ledger": flagWalk(`"next":"end","end":"Healed"`, map[string][]string{
			"confirm": {`"next":"settle","hand":"argocd"`},
			"settle":  {`"next":"verify"`},
		}),
	}
}

// flagWalk is the walk of a flag's remedy, with some of its steps replaced.
func flagWalk(verified string, instead ...map[string][]string) map[string][]string {
	walk := map[string][]string{
		"confirm": {`"next":"look"`},
		"blame":   {`"next":"choose"`},
		"choose":  {`"next":"act","hand":"flag"`},
		"act":     {`"next":"settle","hand":"flag"`},
		"settle":  {`"next":"verify"`},
		"verify":  {verified},
	}
	for _, steps := range instead {
		maps.Copy(walk, steps)
	}
	return walk
}

// walked is what became of a walk.
type walked struct {
	Path  []string
	Ended string // SUCCEEDED or FAILED
}

// lambdas answers what the tasks of all walks invoke: an execution is called ENGINE.WALK.
type lambdas struct {
	t      *testing.T
	server *httptest.Server
	answer map[string]func(token, output string) error // by engine

	mu    sync.Mutex
	asked map[string]int // by execution and step
}

func newLambdas(t *testing.T) *lambdas {
	l := &lambdas{t: t, asked: map[string]int{}, answer: map[string]func(string, string) error{}}
	l.server = httptest.NewServer(http.HandlerFunc(l.serve))
	t.Cleanup(l.server.Close)
	return l
}

func (l *lambdas) serve(w http.ResponseWriter, r *http.Request) {
	raw, err := io.ReadAll(r.Body)
	must(l.t, err)
	out, failure := l.invoke(raw)
	w.Header().Set("Content-Type", "application/json")
	if failure != nil {
		w.Header().Set("X-Amz-Function-Error", "Unhandled")
		out = []byte(`{"errorType":"` + failure.Name + `","errorMessage":"so it is written"}`)
	}
	_, _ = w.Write(out)
}

func (l *lambdas) invoke(payload []byte) (json.RawMessage, *workflow.Failure) {
	var in struct{ ID, Step, Token string }
	must(l.t, json.Unmarshal(payload, &in))
	engine, walk, _ := strings.Cut(in.ID, ".")
	answers := walks()[walk][in.Step]
	if len(answers) == 0 {
		return json.RawMessage(`{}`), nil // look answers with nothing
	}
	l.mu.Lock()
	n := l.asked[in.ID+in.Step]
	l.asked[in.ID+in.Step]++
	l.mu.Unlock()
	answer := answers[min(n, len(answers)-1)]
	if name, ok := strings.CutPrefix(answer, "!"); ok {
		return nil, &workflow.Failure{Name: name, Cause: "so it is written"}
	}
	told := remedy.Answer{ID: in.ID} // with all its fields, as a Choice fails on one that is not there
	must(l.t, json.Unmarshal([]byte("{"+answer+"}"), &told))
	raw, err := json.Marshal(told)
	must(l.t, err)
	output := string(raw)
	if send := l.answer[engine]; in.Token != "" && send != nil {
		if err := send(in.Token, output); err != nil {
			l.t.Errorf("%s: answer: %v", in.ID, err)
		}
	}
	return json.RawMessage(output), nil
}

// TestStateMachineOpinions has three programs that know nothing of one another walk the same machine.
func TestStateMachineOpinions(t *testing.T) {
	tools, err := emulator.StateMachineTools(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	l := newLambdas(t)
	ours := l.workflow(t)
	entered := map[string]bool{}
	for walk, w := range ours {
		if len(w.Path) < 2 {
			t.Errorf("%s: %v", walk, w)
		}
		for _, state := range w.Path {
			entered[state] = true
		}
	}
	if diff := cmp.Diff(states(t), slices.Sorted(maps.Keys(entered))); diff != "" {
		t.Errorf("states of the machine, and those that the walks enter:\n%s", diff)
	}
	for engine, theirs := range map[string]func(*testing.T) map[string]walked{
		"aws-local-stepfunctions": func(t *testing.T) map[string]walked { return l.local(t, tools) },
		"moto":                    l.moto,
	} {
		t.Run(engine, func(t *testing.T) {
			if diff := cmp.Diff(ours, theirs(t)); diff != "" {
				t.Errorf("walks (-ours +theirs):\n%s", diff)
			}
		})
	}
	t.Run("asl-validator", func(t *testing.T) {
		script := filepath.Join(tools.Folder, "node_modules", "asl-validator", "dist", "bin", "asl-validator.js")
		out, err := exec.CommandContext(t.Context(), tools.Path, script, "--json-path", definition(t)).CombinedOutput()
		if err != nil {
			t.Errorf("%v: %s", err, out)
		}
	})
}

func states(t *testing.T) []string {
	var file struct{ States map[string]any }
	must(t, json.Unmarshal(asl.Remediation, &file))
	return slices.Sorted(maps.Keys(file.States))
}

// resolved is the file with ARNs in the place of the names.
func resolved() []byte {
	out := asl.Remediation
	for _, name := range []string{"JudgeFunction", "DecideFunction", "ArgoCDHandFunction", "FlagHandFunction"} {
		out = bytes.ReplaceAll(out, []byte("${"+name+"}"), []byte(runtimeapi.ARN(name)))
	}
	return out
}

func definition(t *testing.T) string {
	path := filepath.Join(t.TempDir(), "remediation.asl.json")
	must(t, os.WriteFile(path, resolved(), 0o600))
	return path
}

func (l *lambdas) workflow(t *testing.T) map[string]walked {
	machine, err := workflow.Load(asl.Remediation)
	must(t, err)
	functions := map[string]workflow.Function{}
	for _, name := range machine.Functions() {
		functions[name] = func(_ context.Context, payload json.RawMessage) (json.RawMessage, error) {
			out, failure := l.invoke(payload)
			if failure != nil {
				return nil, failure
			}
			return out, nil
		}
	}
	runner, err := workflow.New("remediation", machine, memledger.New(), functions, workflow.Options{Log: slog.New(slog.DiscardHandler)})
	must(t, err)
	l.answer["ours"] = func(token, output string) error {
		return runner.SendTaskSuccess(t.Context(), token, json.RawMessage(output))
	}
	for walk := range walks() {
		_, err := runner.Start(t.Context(), "ours."+walk, map[string]string{"id": "ours." + walk})
		must(t, err)
	}
	out := map[string]walked{}
	for walk := range walks() {
		e, err := runner.Await(t.Context(), "ours."+walk)
		must(t, err)
		out[walk] = walked{Path: e.Path, Ended: string(e.Status)}
	}
	return out
}

func (l *lambdas) local(t *testing.T, tools emulator.Node) map[string]walked {
	var ids []string
	for walk := range walks() {
		ids = append(ids, "local."+walk)
	}
	in, err := json.Marshal(ids)
	must(t, err)
	cmd := exec.CommandContext(t.Context(), tools.Path, "testdata/local.mjs", tools.Folder, definition(t), l.server.URL)
	cmd.Stdin = bytes.NewReader(in)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	raw, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, stderr.String())
	}
	var told map[string]struct {
		Path   []string
		Status string
	}
	must(t, json.Unmarshal(raw, &told))
	out := map[string]walked{}
	for id, w := range told {
		ended := map[string]string{"ExecutionSucceeded": "SUCCEEDED", "ExecutionFailed": "FAILED"}[w.Status]
		out[strings.TrimPrefix(id, "local.")] = walked{Path: w.Path, Ended: ended}
	}
	return out
}

// moto does one execution between two resets.
func (l *lambdas) moto(t *testing.T) map[string]walked {
	at, err := url.Parse(l.server.URL)
	must(t, err)
	port, err := strconv.Atoi(at.Port())
	must(t, err)
	server, err := emulator.MotoWithLambda(t.Context(), t.TempDir(), port)
	must(t, err)
	t.Cleanup(server.Close)
	client := cloud.Client{URL: server.URL, Key: "AKIATEST", HTTP: http.DefaultClient}
	// moto does not see an answer that comes before the function has returned, as a real one does: it is sent
	// until nobody waits for it.
	l.answer["moto"] = func(token, output string) error {
		go func() {
			_ = proc.Until(t.Context(), func(ctx context.Context) error {
				err := client.Call(ctx, "AWSStepFunctions.SendTaskSuccess", map[string]string{"taskToken": token, "output": output}, nil)
				if waits := err == nil; waits {
					return io.ErrNoProgress
				}
				return nil
			})
		}()
		return nil
	}
	out := map[string]walked{}
	for walk := range walks() {
		out[walk] = motoWalk(t, client, walk)
	}
	return out
}

func motoWalk(t *testing.T, client cloud.Client, walk string) walked {
	res, err := http.Post(client.URL+"/moto-api/reset", "", nil)
	must(t, err)
	must(t, res.Body.Close())
	var machine struct{ StateMachineArn string }
	must(t, client.Call(t.Context(), "AWSStepFunctions.CreateStateMachine", map[string]string{
		"name": "remediation", "definition": string(resolved()), "roleArn": "arn:aws:iam::" + runtimeapi.Account + ":role/states",
	}, &machine))
	var execution struct{ ExecutionArn string }
	must(t, client.Call(t.Context(), "AWSStepFunctions.StartExecution", map[string]string{
		"stateMachineArn": machine.StateMachineArn, "name": walk, "input": `{"id": "moto.` + walk + `"}`,
	}, &execution))
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var stands struct{ Status string }
	must(t, proc.Until(ctx, func(ctx context.Context) error {
		err := client.Call(ctx, "AWSStepFunctions.DescribeExecution", map[string]string{"executionArn": execution.ExecutionArn}, &stands)
		if err == nil && stands.Status == "RUNNING" {
			err = io.ErrNoProgress
		}
		return err
	}))
	var history struct {
		Events []struct {
			StateEnteredEventDetails struct{ Name string } `json:"stateEnteredEventDetails"`
		} `json:"events"`
	}
	must(t, client.Call(t.Context(), "AWSStepFunctions.GetExecutionHistory", map[string]string{"executionArn": execution.ExecutionArn}, &history))
	w := walked{Ended: stands.Status}
	for _, e := range history.Events {
		if name := e.StateEnteredEventDetails.Name; name != "" {
			w.Path = append(w.Path, name)
		}
	}
	return w
}
