// Package lambda invokes Guardian's other functions.
//
// The caller's role needs lambda:InvokeFunction on the functions it names.
package lambda

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

// Error is what an invoked function failed with.
type Error struct {
	Function string
	Type     string // the name that the function gave its error
	Message  string
}

// Error implements error.
func (e *Error) Error() string {
	return fmt.Sprintf("%s failed: %s: %s", e.Function, e.Type, e.Message)
}

// ErrorName is the name that the function gave its error, for a state machine's Retry and Catch.
func (e *Error) ErrorName() string { return e.Type }

// Function is one function.
type Function struct {
	client *lambda.Client
	name   string
}

// New gives the function of a name or ARN. Nothing is connected to before the first call.
func New(cfg aws.Config, name string) Function {
	return Function{client: lambda.NewFromConfig(cfg), name: name}
}

// Once invokes the function and waits for its answer. It is not sent again when the connection breaks, as
// the function may have run: an error says nothing of that unless it is an *Error.
func (f Function) Once(ctx context.Context, payload []byte) ([]byte, error) {
	return f.invoke(ctx, payload, func(o *lambda.Options) { o.Retryer = aws.NopRetryer{} })
}

// Call is Once for what may be done again: a broken connection or a throttled call is tried again.
func (f Function) Call(ctx context.Context, payload []byte) ([]byte, error) {
	return f.invoke(ctx, payload)
}

// Send hands the function an event; nobody waits for what comes of it.
func (f Function) Send(ctx context.Context, payload []byte) error {
	_, err := f.client.Invoke(ctx, &lambda.InvokeInput{FunctionName: &f.name, InvocationType: types.InvocationTypeEvent, Payload: payload})
	if err != nil {
		return fmt.Errorf("invoke %s: %w", f.name, err)
	}
	return nil
}

func (f Function) invoke(ctx context.Context, payload []byte, options ...func(*lambda.Options)) ([]byte, error) {
	out, err := f.client.Invoke(ctx, &lambda.InvokeInput{FunctionName: &f.name, Payload: payload}, options...)
	if err != nil {
		return nil, fmt.Errorf("invoke %s: %w", f.name, err)
	}
	if out.FunctionError == nil {
		return out.Payload, nil
	}
	var failed struct {
		ErrorType    string `json:"errorType"`
		ErrorMessage string `json:"errorMessage"`
	}
	if err := json.Unmarshal(out.Payload, &failed); err != nil || failed.ErrorType == "" {
		failed.ErrorType, failed.ErrorMessage = "Unknown", "it said no more"
	}
	return nil, &Error{Function: f.name, Type: failed.ErrorType, Message: failed.ErrorMessage}
}
