package stepfunctions_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cinegit/guardian/internal/adapter/awstest"
	"github.com/cinegit/guardian/internal/adapter/stepfunctions"
)

const arn = "arn:aws:states:eu-west-1:123456789012:stateMachine:remediation"

// service is a Step Functions with one state machine.
type service struct {
	inputs  map[string]string // of executions, by name
	waiting map[string]string // answers, by token
	beats   int
	fault   string
}

func (s *service) machine(t *testing.T) *stepfunctions.Machine {
	t.Helper()
	return stepfunctions.New(awstest.Serve(t, map[string]awstest.Operation{
		"StartExecution": s.start, "ListExecutions": s.list, "SendTaskSuccess": s.succeed, "SendTaskHeartbeat": s.beat, "DescribeExecution": s.describe,
	}), arn)
}

func (s *service) start(body []byte) (int, any) {
	var in struct{ StateMachineArn, Name, Input string }
	if err := json.Unmarshal(body, &in); err != nil || in.StateMachineArn != arn {
		return awstest.Fault("StateMachineDoesNotExist")
	}
	if _, known := s.inputs[in.Name]; known {
		return awstest.Fault("ExecutionAlreadyExists")
	}
	s.inputs[in.Name] = in.Input
	return http.StatusOK, map[string]any{"executionArn": "x", "startDate": 1}
}

func (s *service) describe(body []byte) (int, any) {
	var in struct{ ExecutionArn string }
	name, ours := "", false
	if err := json.Unmarshal(body, &in); err == nil {
		name, ours = strings.CutPrefix(in.ExecutionArn, "arn:aws:states:eu-west-1:123456789012:execution:remediation:")
	}
	status, known := s.inputs[name]
	switch {
	case !ours:
		return awstest.Fault("InvalidArn")
	case !known:
		return awstest.Fault("ExecutionDoesNotExist")
	}
	return http.StatusOK, map[string]any{"executionArn": in.ExecutionArn, "name": name, "status": status, "startDate": 1, "stateMachineArn": arn}
}

// list gives two executions a page, whatever is asked for.
func (s *service) list(body []byte) (int, any) {
	var in struct{ NextToken, StatusFilter string }
	if err := json.Unmarshal(body, &in); err != nil || in.StatusFilter != "RUNNING" {
		return awstest.Fault("ValidationException")
	}
	at := 0
	if in.NextToken != "" {
		if _, err := fmt.Sscan(in.NextToken, &at); err != nil {
			return awstest.Fault("InvalidToken")
		}
	}
	answer := map[string]any{}
	var page []map[string]any
	for i := at; i < min(at+2, 5); i++ {
		page = append(page, map[string]any{"name": fmt.Sprint("run-", i), "executionArn": "x", "stateMachineArn": arn, "status": "RUNNING", "startDate": 1})
	}
	if at+2 < 5 {
		answer["nextToken"] = fmt.Sprint(at + 2)
	}
	answer["executions"] = page
	return http.StatusOK, answer
}

func (s *service) succeed(body []byte) (int, any) {
	var in struct{ TaskToken, Output string }
	if err := json.Unmarshal(body, &in); err != nil || s.fault != "" {
		return awstest.Fault(s.fault)
	}
	s.waiting[in.TaskToken] = in.Output
	return http.StatusOK, map[string]any{}
}

func (s *service) beat([]byte) (int, any) {
	if s.fault != "" {
		return awstest.Fault(s.fault)
	}
	s.beats++
	return http.StatusOK, map[string]any{}
}

func TestAnExecutionIsStartedOnceUnderItsIncidentsName(t *testing.T) {
	s := &service{inputs: map[string]string{}}
	m := s.machine(t)
	for range 2 {
		if err := m.Start(t.Context(), "review-prod-1"); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(map[string]string{"review-prod-1": `{"id":"review-prod-1"}`}, s.inputs); diff != "" {
		t.Error(diff)
	}
}

func TestWhichExecutionsAreOver(t *testing.T) {
	s := &service{inputs: map[string]string{}}
	m := s.machine(t)
	for status, want := range map[string]bool{"RUNNING": false, "PENDING_REDRIVE": false, "FAILED": true, "ABORTED": true, "TIMED_OUT": true, "SUCCEEDED": true} {
		s.inputs["a"] = status
		if over, how, err := m.Over(t.Context(), "a"); err != nil || over != want || how != status {
			t.Errorf("%s: over %t, %q, %v", status, over, how, err)
		}
	}
	if over, _, err := m.Over(t.Context(), "unknown"); err != nil || over {
		t.Errorf("one that is not known: over %t, %v", over, err)
	}
}

func TestAllThatRunsIsListedPageAfterPage(t *testing.T) {
	got, err := (&service{}).machine(t).Asking(t.Context())
	if diff := cmp.Diff([]string{"run-0", "run-1", "run-2", "run-3", "run-4"}, got); diff != "" || err != nil {
		t.Errorf("%v: %s", err, diff)
	}
}

func TestAnAnswerIsSentAndNobodyWaitingIsNoError(t *testing.T) {
	s := &service{waiting: map[string]string{}}
	m := s.machine(t)
	if err := m.Answer(t.Context(), "token", json.RawMessage(`{"next":"act"}`)); err != nil || s.waiting["token"] != `{"next":"act"}` {
		t.Errorf("%v, %v", s.waiting, err)
	}
	if err := m.Heartbeat(t.Context(), "token"); err != nil || s.beats != 1 {
		t.Errorf("%d beats, %v", s.beats, err)
	}
	for fault, forgiven := range map[string]bool{
		"TaskTimedOut": true, "TaskDoesNotExist": true, "InvalidToken": true, "InvalidOutput": false, "AccessDeniedException": false,
	} {
		s.fault = fault
		if err := m.Answer(t.Context(), "token", json.RawMessage(`{}`)); (err == nil) != forgiven {
			t.Errorf("answer, %s: %v", fault, err)
		}
		if err := m.Heartbeat(t.Context(), "token"); (err == nil) != forgiven {
			t.Errorf("heartbeat, %s: %v", fault, err)
		}
	}
}
