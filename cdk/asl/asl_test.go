package asl_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/cinegit/guardian/cdk/asl"
)

type retrier struct {
	ErrorEquals                                   []string
	IntervalSeconds, MaxAttempts, MaxDelaySeconds int
	BackoffRate                                   float64
	JitterStrategy                                string
}

// longest is how long it goes on trying at most, in seconds, without what the tries themselves take.
func (r retrier) longest() (sum float64) {
	delay := float64(r.IntervalSeconds)
	for range r.MaxAttempts {
		sum += min(delay, float64(r.MaxDelaySeconds))
		delay *= r.BackoffRate
	}
	return sum
}

type task struct {
	Type, Resource   string
	TimeoutSeconds   int
	HeartbeatSeconds int
	Retry            []retrier
	Catch            []struct {
		ErrorEquals []string
		Next        string
	}
}

func tasks(t *testing.T) map[string]task {
	t.Helper()
	var machine struct{ States map[string]task }
	if err := json.Unmarshal(asl.Remediation, &machine); err != nil {
		t.Fatal(err)
	}
	for name, s := range machine.States {
		if s.Type != "Task" {
			delete(machine.States, name)
		}
	}
	if len(machine.States) < 5 {
		t.Fatalf("only %d tasks were found", len(machine.States))
	}
	return machine.States
}

// passing are the errors that a step gets over: ours, and those of Lambda itself
// (https://docs.aws.amazon.com/step-functions/latest/dg/sfn-best-practices.html, "Handle transient Lambda
// service exceptions"), of a function that was killed, and of one that could not start.
var passing = []string{
	"Transient", "Conflict",
	"Lambda.ClientExecutionTimeoutException", "Lambda.ServiceException", "Lambda.AWSLambdaException", "Lambda.SdkClientException",
	"Lambda.TooManyRequestsException", "Lambda.Unknown", "Sandbox.Timedout", "Runtime.ExitError", "Unready",
}

func TestEveryTaskIsBoundedRetriedAndCaught(t *testing.T) {
	for name, s := range tasks(t) {
		if s.TimeoutSeconds == 0 {
			t.Errorf("%s may take for ever", name)
		}
		retried := func(want string) bool {
			return slices.ContainsFunc(s.Retry, func(r retrier) bool { return slices.Contains(r.ErrorEquals, want) })
		}
		for _, want := range passing {
			if !retried(want) {
				t.Errorf("%s does not try again after %s", name, want)
			}
		}
		last := len(s.Catch) - 1
		if last < 0 || !slices.Equal(s.Catch[last].ErrorEquals, []string{"States.ALL"}) || s.Catch[last].Next == "" {
			t.Errorf("%s lets an error end the machine: %v", name, s.Catch)
		}
	}
}

// Other functions of the account may take all of its concurrency for minutes, and everybody who waits for it
// must not come back at the same moment.
func TestWhoeverIsThrottledWaitsForMinutesAndNotInStep(t *testing.T) {
	for name, s := range tasks(t) {
		first := s.Retry[0]
		if !slices.Equal(first.ErrorEquals, []string{"Lambda.TooManyRequestsException"}) || first.longest() < 300 || first.JitterStrategy != "FULL" {
			t.Errorf("%s waits for %v s where it is throttled, jitter %q", name, first.longest(), first.JitterStrategy)
		}
	}
}

func TestOnlyWhatWaitsForAPersonTakesLongerThanALambda(t *testing.T) {
	for name, s := range tasks(t) {
		waits := strings.HasSuffix(s.Resource, ".waitForTaskToken")
		if !waits && s.TimeoutSeconds > 60 {
			t.Errorf("%s waits %d s for a function that ends after 60", name, s.TimeoutSeconds)
		}
		if waits && (s.HeartbeatSeconds == 0 || s.HeartbeatSeconds >= s.TimeoutSeconds) {
			t.Errorf("%s waits for %d s without being told that somebody still asks: heartbeat %d s", name, s.TimeoutSeconds, s.HeartbeatSeconds)
		}
	}
}
