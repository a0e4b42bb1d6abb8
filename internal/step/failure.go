package step

import (
	"errors"

	"github.com/cinegit/guardian/internal/ledger"
)

// Failure is an error with the name that the state machine knows it by.
type Failure struct {
	Name string
	Err  error
}

// Error implements error.
func (f *Failure) Error() string { return f.Err.Error() }

// Unwrap gives the error that was named.
func (f *Failure) Unwrap() error { return f.Err }

// ErrorName is what the workflow runner asks for.
func (f *Failure) ErrorName() string { return f.Name }

// Named gives an error a name.
func Named(name string, err error) error { return &Failure{Name: name, Err: err} }

// Name is the name of an error, however deep it is wrapped: Transient unless it says otherwise.
func Name(err error) string {
	var f *Failure
	switch {
	case errors.As(err, &f):
		return f.Name
	case errors.Is(err, ledger.ErrConflict), errors.Is(err, ledger.ErrHeld):
		return Conflict
	}
	return Transient
}

func named(err error) error { return Named(Name(err), err) }
