package cloud

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/cinegit/guardian/internal/adapter/memledger"
	"github.com/cinegit/guardian/internal/workflow"
)

// Machines are state machines by their ARN, each carried out by package workflow.
type Machines map[string]*Machine

// Machine is one state machine.
type Machine struct {
	*workflow.Runner

	mu          sync.Mutex
	transitions map[string]int // by execution
}

// NewMachine loads a definition whose tasks name functions by ${Name}, and invokes those that the
// substitutions say, with the machine's own rights.
func NewMachine(name string, definition []byte, substitutions map[string]string, f Functions, role Role) (*Machine, error) {
	loaded, err := workflow.Load(definition)
	if err != nil {
		return nil, err
	}
	m := &Machine{transitions: map[string]int{}}
	tasks := map[string]workflow.Function{}
	for _, name := range loaded.Functions() {
		to, ok := substitutions[name]
		if !ok {
			return nil, fmt.Errorf("state machine: nothing is substituted for ${%s}", name)
		}
		if need := (Need{"lambda:InvokeFunction", to}); !role.allows(need) {
			return nil, fmt.Errorf("state machine: its role lacks %s on %s", need.Action, need.Resource)
		}
		tasks[name] = f.task(to)
	}
	options := workflow.Options{Log: slog.New(slog.DiscardHandler), OnTransition: m.count}
	if m.Runner, err = workflow.New(name, loaded, memledger.New(), tasks, options); err != nil {
		return nil, err
	}
	return m, nil
}

func (m *Machine) count(t workflow.Transition) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.transitions[t.Execution]++
}

// Transitions tells how many state transitions an execution has cost, as Step Functions counts them: every
// state that is entered, the start and every retry among them.
func (m *Machine) Transitions(execution string) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.transitions[execution]
}

// order is a request to Step Functions.
type order struct {
	StateMachineArn string `json:"stateMachineArn"`
	ExecutionArn    string `json:"executionArn"`
	Name            string `json:"name"`
	Input           string `json:"input"`
	StatusFilter    string `json:"statusFilter"`
	TaskToken       string `json:"taskToken"`
	Output          string `json:"output"`
	Error           string `json:"error"`
	Cause           string `json:"cause"`
}

func (m Machines) serve(w http.ResponseWriter, r *http.Request, call Call, body []byte) {
	var in order
	if err := json.Unmarshal(body, &in); err != nil {
		refuse(w, &Error{Status: http.StatusBadRequest, Code: "ValidationException", Message: err.Error()})
		return
	}
	out, err := m.do(r.Context(), call.Operation, in)
	if err != nil {
		refuse(w, stateError(err))
		return
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.0")
	_ = json.NewEncoder(w).Encode(out) // the caller is gone, then
}

func stateError(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	code := "ValidationException"
	switch {
	case errors.Is(err, workflow.ErrNoTask):
		code = "TaskTimedOut"
	case errors.Is(err, workflow.ErrNoExecution):
		code = "ExecutionDoesNotExist"
	case errors.Is(err, workflow.ErrName):
		code = "InvalidName"
	case errors.Is(err, workflow.ErrInput):
		code = "InvalidExecutionInput"
	}
	return &Error{Status: http.StatusBadRequest, Code: code, Message: err.Error()}
}

func (m Machines) do(ctx context.Context, operation string, in order) (any, error) {
	switch operation {
	case "SendTaskSuccess", "SendTaskFailure", "SendTaskHeartbeat":
		return struct{}{}, m.answer(ctx, operation, in)
	}
	arn, name := in.StateMachineArn, in.Name
	if in.ExecutionArn != "" {
		before, after, _ := strings.Cut(in.ExecutionArn, ":execution:")
		machine, execution, _ := strings.Cut(after, ":")
		arn, name = before+":stateMachine:"+machine, execution
	}
	machine := m[arn]
	if machine == nil {
		return nil, &Error{Status: http.StatusBadRequest, Code: "StateMachineDoesNotExist", Message: "State Machine Does Not Exist: " + arn}
	}
	switch operation {
	case "StartExecution":
		return machine.start(ctx, arn, name, in.Input)
	case "DescribeExecution":
		e, err := machine.Describe(ctx, name)
		return described(arn, e), err
	case "ListExecutions":
		all, err := machine.List(ctx, workflow.Status(in.StatusFilter))
		list := []any{}
		for _, e := range all {
			list = append(list, described(arn, e))
		}
		return map[string]any{"executions": list}, err
	}
	return nil, &Error{Status: http.StatusBadRequest, Code: "UnknownOperationException", Message: operation + " is not served here"}
}

// start is idempotent for the same input while the execution runs, and only then, as on Step Functions.
func (m *Machine) start(ctx context.Context, arn, name, input string) (any, error) {
	input = cmp.Or(input, "{}")
	started, err := m.Start(ctx, name, json.RawMessage(input))
	if err != nil {
		return nil, err
	}
	e, err := m.Describe(ctx, name)
	if err != nil {
		return nil, err
	}
	if !started && (e.Status != workflow.Running || !sameJSON(string(e.Input), input)) {
		return nil, &Error{Status: http.StatusBadRequest, Code: "ExecutionAlreadyExists", Message: "Execution Already Exists: '" + executionARN(arn, name) + "'"}
	}
	return map[string]any{"executionArn": executionARN(arn, name), "startDate": seconds(e.StartedAt)}, nil
}

func sameJSON(a, b string) bool {
	var x, y any
	if json.Unmarshal([]byte(a), &x) != nil || json.Unmarshal([]byte(b), &y) != nil {
		return false
	}
	return fmt.Sprint(x) == fmt.Sprint(y) // maps are printed in the order of their keys
}

// answer finds whose token it is by asking all machines.
func (m Machines) answer(ctx context.Context, operation string, in order) error {
	for _, machine := range m {
		var err error
		switch operation {
		case "SendTaskSuccess":
			err = machine.SendTaskSuccess(ctx, in.TaskToken, json.RawMessage(in.Output))
		case "SendTaskFailure":
			err = machine.SendTaskFailure(ctx, in.TaskToken, in.Error, in.Cause)
		default:
			err = machine.Heartbeat(in.TaskToken)
		}
		if !errors.Is(err, workflow.ErrNoTask) {
			return err
		}
	}
	return workflow.ErrNoTask
}

func described(arn string, e workflow.Execution) map[string]any {
	out := map[string]any{
		"executionArn": executionARN(arn, e.Name), "stateMachineArn": arn, "name": e.Name, "status": string(e.Status),
		"startDate": seconds(e.StartedAt), "input": string(e.Input),
	}
	if !e.EndedAt.IsZero() {
		out["stopDate"] = seconds(e.EndedAt)
	}
	return out
}

func executionARN(machine, name string) string {
	return strings.Replace(machine, ":stateMachine:", ":execution:", 1) + ":" + name
}

func seconds(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }
