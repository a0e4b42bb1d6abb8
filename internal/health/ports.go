package health

import (
	"context"
	"errors"
	"time"
)

// Querier asks a PromQL question as of a moment. An error that wraps ErrQuery means that the
// question is wrong; any other means that no answer could be had.
type Querier interface {
	Query(ctx context.Context, promql string, at time.Time) (Answer, error)
}

// ErrQuery is wrapped by a Querier's error when the server understood and refused the query.
var ErrQuery = errors.New("the query is not valid")

// Answer is what a Querier found: one value a series; none for an empty vector.
type Answer struct {
	Values []float64
	Link   string // where a person sees the same query
}
