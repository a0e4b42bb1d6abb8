package flag

import (
	"context"
	"fmt"
)

// Turn lets a store make one change at a time, so that its own changes do not meet each other.
// Whatever else writes there is met by the store's comparison alone.
type Turn chan struct{}

// NewTurn makes a turn that is free.
func NewTurn() Turn { return make(Turn, 1) }

// Take waits for the turn, and gives what ends it. ErrUnavailable: ctx ended before.
func (t Turn) Take(ctx context.Context) (done func(), err error) {
	select {
	case t <- struct{}{}:
		return func() { <-t }, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, ctx.Err())
	}
}
