package gatetest

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/cinegit/guardian/internal/health"
)

const (
	partPoints = 1000 // moments that are asked for at once
	atOnce     = 6    // requests that the metrics are asked at the same time
)

// recall is a Querier that asks each question once for long stretches and answers out of these:
// imaginary releases lie close together, and a hundred of them ask for much the same. Its answers
// are shared and not to be written to.
type recall struct {
	metrics health.Querier
	ships   ships
	turns   chan struct{}

	mu    sync.Mutex
	parts map[partKey]*part
}

type partKey struct {
	promql string
	step   time.Duration
	from   int64 // of the first moment, in nanoseconds since 1970
}

// part is one stretch of answers; its lock is held while it is asked for.
type part struct {
	mu      sync.Mutex
	answers [][]float64
}

func newRecall(metrics health.Querier, s ships) *recall {
	return &recall{metrics: metrics, ships: s, turns: make(chan struct{}, atOnce), parts: map[partKey]*part{}}
}

// Link implements health.Querier.
func (r *recall) Link(promql string, at time.Time) string { return r.metrics.Link(promql, at) }

// Query implements health.Querier. The same look of all releases is one range.
func (r *recall) Query(ctx context.Context, promql string, at time.Time) ([]float64, error) {
	since := at.Sub(r.ships.first)
	if pinned(promql) || since < 0 || since >= r.ships.every*time.Duration(r.ships.count) {
		return r.metrics.Query(ctx, promql, at)
	}
	answers, err := r.part(ctx, promql, r.ships.first.Add(since%r.ships.every), r.ships.every, r.ships.count)
	if err != nil {
		return nil, err
	}
	return answers[since/r.ships.every], nil
}

// Range implements health.Querier.
func (r *recall) Range(ctx context.Context, promql string, from, to time.Time, step time.Duration) ([][]float64, error) {
	if pinned(promql) {
		return r.metrics.Range(ctx, promql, from, to, step)
	}
	moments := make([][]float64, to.Sub(from)/step+1)
	stretch := partPoints * step
	for i := 0; i < len(moments); {
		at := from.Add(time.Duration(i) * step)
		into := time.Duration(at.UnixNano()) % stretch
		begin := at.Add(-into / step * step)
		answers, err := r.part(ctx, promql, begin, step, partPoints)
		if err != nil {
			return nil, err
		}
		i += copy(moments[i:], answers[at.Sub(begin)/step:])
	}
	return moments, nil
}

// pinned tells whether a query may ask at a moment of its own, as "@ end()", which is another one
// in a longer range.
func pinned(promql string) bool { return strings.Contains(promql, "@") }

// part gives so many moments from one on. What fails is asked again by who needs it next.
func (r *recall) part(ctx context.Context, promql string, from time.Time, step time.Duration, count int) ([][]float64, error) {
	key := partKey{promql, step, from.UnixNano()}
	r.mu.Lock()
	p := r.parts[key]
	if p == nil {
		p = &part{}
		r.parts[key] = p
	}
	r.mu.Unlock()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.answers != nil {
		return p.answers, nil
	}
	select {
	case r.turns <- struct{}{}:
		defer func() { <-r.turns }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	answers, err := r.metrics.Range(ctx, promql, from, from.Add(time.Duration(count-1)*step), step)
	if err != nil {
		return nil, err
	}
	p.answers = answers
	return answers, nil
}
