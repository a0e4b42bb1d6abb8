package workflow

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
)

// Names of errors that the interpreter itself raises or matches; the rest are the functions' own.
// https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html
const (
	ErrorAll               = "States.ALL"
	ErrorTimeout           = "States.Timeout"
	ErrorHeartbeatTimeout  = "States.HeartbeatTimeout"
	ErrorTaskFailed        = "States.TaskFailed"
	ErrorRuntime           = "States.Runtime"
	ErrorDataLimit         = "States.DataLimitExceeded"
	ErrorNoChoiceMatched   = "States.NoChoiceMatched"
	ErrorParameterPath     = "States.ParameterPathFailure"
	ErrorResultPathMatch   = "States.ResultPathMatchFailure"
	ErrorLambdaUnknown     = "Lambda.Unknown" // a function panicked
	maxData                = 256 << 10        // bytes of a state's input or output, as on AWS
	defaultTimeoutSeconds  = 15 * 60          // of a task that names none: the longest that a Lambda runs
	defaultIntervalSeconds = 1
	defaultMaxAttempts     = 3
	defaultBackoffRate     = 2.0
)

// Failure is an error as the states language knows it. As an error of a Function it is taken as
// it is.
type Failure struct {
	Name  string `json:"Error"`
	Cause string `json:"Cause,omitempty"`
}

// Error implements error.
func (f *Failure) Error() string { return f.Name + ": " + f.Cause }

// ErrorName gives the name that Retry and Catch match.
func (f *Failure) ErrorName() string { return f.Name }

func failf(name, format string, args ...any) *Failure {
	return &Failure{Name: name, Cause: fmt.Sprintf(format, args...)}
}

// failureOf names a function's error, as lambda:invoke reports it: the cause is a JSON object.
func failureOf(err error) *Failure {
	var failure *Failure
	if errors.As(err, &failure) {
		return failure
	}
	name := ErrorTaskFailed
	var named interface{ ErrorName() string }
	switch {
	case errors.As(err, &named):
		name = named.ErrorName()
	case errors.Is(err, context.DeadlineExceeded):
		name = ErrorTimeout
	}
	cause, jsonErr := json.Marshal(map[string]string{"errorType": name, "errorMessage": err.Error()})
	if jsonErr != nil {
		return &Failure{Name: name, Cause: err.Error()}
	}
	return &Failure{Name: name, Cause: string(cause)}
}

// matches tells whether an ErrorEquals list names the failure.
func (f *Failure) matches(names []string) bool {
	return slices.ContainsFunc(names, func(name string) bool {
		switch name {
		case f.Name:
			return true
		case ErrorAll:
			return f.Name != ErrorRuntime && f.Name != ErrorDataLimit
		case ErrorTaskFailed:
			return f.Name != ErrorTimeout && f.Name != ErrorHeartbeatTimeout && f.Name != ErrorRuntime && f.Name != ErrorDataLimit
		case ErrorTimeout:
			return f.Name == ErrorHeartbeatTimeout
		}
		return false
	})
}

// object gives the failure as Catch puts it into the data.
func (f *Failure) object() map[string]any {
	return map[string]any{"Error": f.Name, "Cause": f.Cause}
}
