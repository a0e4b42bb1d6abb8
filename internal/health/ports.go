package health

import (
	"context"
	"errors"
	"time"
)

// Querier asks PromQL. An error that wraps ErrQuery means that the question is wrong; any other
// means that no answer could be had.
type Querier interface {
	// Query asks as of a moment and gives one value a series; none for an empty vector.
	Query(ctx context.Context, promql string, at time.Time) ([]float64, error)
	// Range asks as of from, from+step and so on up to to, inclusive, and gives an element for each
	// of these moments as Query would.
	Range(ctx context.Context, promql string, from, to time.Time, step time.Duration) ([][]float64, error)
	// Link is where a person sees the same query.
	Link(promql string, at time.Time) string
}

// ErrQuery is wrapped by a Querier's error when the server understood and refused the query.
var ErrQuery = errors.New("the query is not valid")
