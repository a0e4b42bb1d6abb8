package main

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"

	"github.com/cinegit/guardian/internal/api"
	"github.com/cinegit/guardian/internal/policy"
)

// The exit codes; exitCodes explains them to people.
const (
	exitDone       = 0
	exitFailure    = 1
	exitInput      = 2
	exitRefused    = 3
	exitNotFound   = 4
	exitNotAllowed = 5
)

// Kinds of errors that decide the exit code.
var (
	errInput   = errors.New("bad input")
	errRefused = errors.New("refused")
)

// told is an error of which the reader has been told already.
type told struct{ error }

// Unwrap gives the error.
func (t told) Unwrap() error { return t.error }

// kind marks an error as one of the kinds without changing its text.
type kind struct {
	error
	is error
}

// Is implements the method that errors.Is asks for.
func (k kind) Is(target error) bool { return target == k.is }

// Unwrap gives the marked error.
func (k kind) Unwrap() error { return k.error }

// badInput makes an error of what the user gave.
func badInput(format string, args ...any) error {
	return kind{fmt.Errorf(format, args...), errInput}
}

// fail tells an error, if it is one, and gives the exit code.
func (c *console) fail(err error) int {
	if err == nil {
		return exitDone
	}
	if !errors.As(err, new(told)) {
		_, _ = fmt.Fprintf(c.stderr, "guardian: %s\n", err)
	}
	return exitCode(err)
}

func exitCode(err error) int {
	var problem *api.Error
	switch {
	case errors.As(err, &problem):
		return exitCodeOf(problem.Status)
	case errors.Is(err, errRefused):
		return exitRefused
	case errors.Is(err, errNotFound):
		return exitNotFound
	case errors.Is(err, errInput), errors.As(err, new(policy.Mistakes)), errors.Is(err, fs.ErrNotExist):
		return exitInput
	}
	return exitFailure
}

func exitCodeOf(status int) int {
	switch status {
	case http.StatusBadRequest, http.StatusRequestEntityTooLarge:
		return exitInput
	case http.StatusUnauthorized, http.StatusForbidden:
		return exitNotAllowed
	case http.StatusNotFound:
		return exitNotFound
	case http.StatusConflict:
		return exitRefused
	}
	return exitFailure
}
