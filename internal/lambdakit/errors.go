package lambdakit

import (
	"errors"
	"net/http"

	"github.com/aws/aws-lambda-go/lambda/messages"
)

// transient is the name of an error that has none: trying again may help.
const transient = "Transient"

// named gives an error on its way out of Lambda the name that it has inside, however deep it is wrapped.
// Without it Lambda would tell the Go type of the outermost error.
func named(err error) error {
	name := transient
	var known interface{ ErrorName() string }
	if errors.As(err, &known) {
		name = known.ErrorName()
	}
	return messages.InvokeResponse_Error{Type: name, Message: err.Error()}
}

// unready tells whoever sent the event that it was not handled, so that it is sent again.
func unready(payload []byte, err error) ([]byte, error) {
	if kindOf(payload) != fromHTTP {
		return nil, messages.InvokeResponse_Error{Type: "Unready", Message: err.Error()}
	}
	return problem(http.StatusServiceUnavailable, "guardian is not ready: its log says why")
}
