// Package reload says in one line why a changed policy is not taken up, wherever it was read from.
package reload

import (
	"errors"
	"fmt"

	"github.com/cinegit/guardian/internal/policy"
)

// Problem is the first of a policy's mistakes, and how many more there are; of another error its text.
func Problem(err error) string {
	var mistakes policy.Mistakes
	if !errors.As(err, &mistakes) || len(mistakes) == 0 {
		return err.Error()
	}
	m := mistakes[0]
	text := fmt.Sprintf("%s:%d:%d: %s", m.File, m.Line, m.Column, m.Problem)
	if more := len(mistakes) - 1; more > 0 {
		text += fmt.Sprintf(" (and %d more: guardian check shows all)", more)
	}
	return text
}
