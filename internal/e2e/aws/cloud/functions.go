package cloud

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"path"
	"strings"

	"github.com/cinegit/guardian/internal/e2e/aws/runtimeapi"
	"github.com/cinegit/guardian/internal/workflow"
)

// Functions are Lambda functions by their names.
type Functions map[string]*runtimeapi.Function

// Invoke invokes a function by its name or ARN.
func (f Functions) Invoke(ctx context.Context, function string, payload []byte) (runtimeapi.Result, error) {
	if strings.HasPrefix(function, "arn:") {
		function = function[strings.LastIndex(function, ":")+1:]
	}
	of := f[function]
	if of == nil {
		return runtimeapi.Result{}, &Error{Status: http.StatusNotFound, Code: "ResourceNotFoundException", Message: "Function not found: " + function}
	}
	return of.Invoke(ctx, payload)
}

// serve answers lambda:Invoke.
func (f Functions) serve(w http.ResponseWriter, r *http.Request, call Call, body []byte) {
	ctx, function := r.Context(), path.Base(path.Dir(r.URL.Path))
	if r.Header.Get("X-Amz-Invocation-Type") == "Event" {
		go func() { _, _ = f.Invoke(context.WithoutCancel(ctx), function, body) }() // nobody hears of it, as on Lambda
		w.WriteHeader(http.StatusAccepted)
		return
	}
	result, err := f.Invoke(ctx, function, body)
	if err != nil {
		refuse(w, errorFrom(err))
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Amz-Executed-Version", "$LATEST")
	if result.Error != "" {
		w.Header().Set("X-Amz-Function-Error", "Unhandled")
	}
	_, _ = w.Write(result.Payload) // the caller is gone, then
}

func errorFrom(err error) *Error {
	var e *Error
	switch {
	case errors.As(err, &e):
		return e
	case errors.Is(err, runtimeapi.ErrThrottled):
		return &Error{Status: http.StatusTooManyRequests, Code: "TooManyRequestsException", Message: err.Error()}
	case errors.Is(err, runtimeapi.ErrTooLarge):
		return &Error{Status: http.StatusRequestEntityTooLarge, Code: "RequestEntityTooLargeException", Message: err.Error()}
	}
	return &Error{Status: http.StatusInternalServerError, Code: "ServiceException", Message: err.Error()}
}

// task is a function as a state machine's Task invokes it: an error of the function keeps its name, one of
// Lambda is called Lambda.NAME.
// https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html
func (f Functions) task(function string) workflow.Function {
	return func(ctx context.Context, payload json.RawMessage) (json.RawMessage, error) {
		result, err := f.Invoke(ctx, function, payload)
		switch {
		case err != nil && ctx.Err() != nil:
			return nil, ctx.Err()
		case err != nil:
			e := errorFrom(err)
			return nil, &workflow.Failure{Name: "Lambda." + e.Code, Cause: e.Message}
		case result.Error != "":
			return nil, &workflow.Failure{Name: result.Error, Cause: string(result.Payload)}
		}
		return result.Payload, nil
	}
}
