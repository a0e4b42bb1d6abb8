package flagapi

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/cinegit/guardian/internal/flag"
)

// Sentinel gives the error of package flag that an HTTP status stands for.
func Sentinel(status int) error {
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusMethodNotAllowed:
		return flag.ErrDenied
	case http.StatusNotFound:
		return flag.ErrNotFound
	case http.StatusConflict, http.StatusPreconditionFailed:
		return flag.ErrConflict
	case http.StatusBadRequest, http.StatusUnprocessableEntity, http.StatusRequestEntityTooLarge:
		return flag.ErrInvalid
	}
	return flag.ErrUnavailable
}

// FromAWS puts the error of a call through the AWS SDK into the words of package flag. What AWS
// answered keeps its code and message; no answer is flag.ErrUnavailable, as is whatever AWS cannot
// find: that is a bucket or a profile, never a flag.
func FromAWS(err error) error {
	if err == nil {
		return nil
	}
	var response *smithyhttp.ResponseError
	var api smithy.APIError
	if !errors.As(err, &response) || !errors.As(err, &api) {
		return fmt.Errorf("%w: %w", flag.ErrUnavailable, err)
	}
	sentinel := Sentinel(response.HTTPStatusCode())
	if errors.Is(sentinel, flag.ErrNotFound) {
		sentinel = flag.ErrUnavailable
	}
	switch api.ErrorCode() {
	case "ExpiredToken", "ExpiredTokenException", "RequestTimeTooSkewed", "RequestTimeout", "ThrottlingException", "InternalServerException":
		sentinel = flag.ErrUnavailable // whatever the status: all of these pass
	}
	return fmt.Errorf("%w: %s: %s", sentinel, api.ErrorCode(), api.ErrorMessage())
}
