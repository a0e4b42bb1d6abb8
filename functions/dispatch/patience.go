package main

import (
	"context"
	"errors"
	"time"

	"github.com/cinegit/guardian/internal/dispatch"
)

// reserve is what of a function's time is left to those that wait behind.
const reserve = 30 * time.Second

// patiently tries again in place what passes by itself, after one second, two, four and so on, until the
// reserve of the function's time begins. Left to the queue at once, an alert would wait until it is visible
// again, a minute and a half.
func patiently(ctx context.Context, do func() error) error {
	for wait := time.Second; ; wait *= 2 {
		err := do()
		deadline, bounded := ctx.Deadline()
		if err == nil || errors.Is(err, dispatch.ErrUnprocessable) || !bounded || time.Until(deadline) < wait+reserve {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(wait):
		}
	}
}
