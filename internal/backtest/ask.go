package backtest

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/cinegit/guardian/internal/health"
)

const (
	atOnce    = 8 // questions at the same time
	attempts  = 3 // at one question
	firstWait = 250 * time.Millisecond
	impatient = 3  // bakes in a row without an answer after which no question is asked twice
	hopeless  = 20 // after which no more are asked
)

// errSilent is the reason of bakes that were not asked about any more.
var errSilent = errors.New("not asked: too many releases before it in a row had no answer from Prometheus")

// patient asks a bounded number of questions at once, and asks again where no answer came.
type patient struct {
	metrics health.Querier
	slots   chan struct{}

	mu     sync.Mutex
	silent int // bakes in a row that had no answer
}

var _ health.Querier = (*patient)(nil)

func newPatient(metrics health.Querier) *patient {
	return &patient{metrics: metrics, slots: make(chan struct{}, atOnce)}
}

// Query implements health.Querier.
func (p *patient) Query(ctx context.Context, promql string, at time.Time) ([]float64, error) {
	return ask(ctx, p, func() ([]float64, error) { return p.metrics.Query(ctx, promql, at) })
}

// Range implements health.Querier.
func (p *patient) Range(ctx context.Context, promql string, from, to time.Time, step time.Duration) ([][]float64, error) {
	return ask(ctx, p, func() ([][]float64, error) { return p.metrics.Range(ctx, promql, from, to, step) })
}

// Link implements health.Querier.
func (p *patient) Link(promql string, at time.Time) string { return p.metrics.Link(promql, at) }

// ask asks until there is an answer, the question is refused, or patience is at its end.
func ask[T any](ctx context.Context, p *patient, question func() (T, error)) (answer T, err error) {
	wait := firstWait
	for try := 1; ; try++ {
		if answer, err = once(ctx, p, question); err == nil || errors.Is(err, health.ErrQuery) || ctx.Err() != nil {
			return answer, err
		}
		if try >= attempts || p.bakesWithoutAnswer() >= impatient {
			return answer, err
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return answer, ctx.Err()
		case <-timer.C:
		}
		wait *= 4
	}
}

func once[T any](ctx context.Context, p *patient, question func() (T, error)) (T, error) {
	select {
	case p.slots <- struct{}{}:
		defer func() { <-p.slots }()
		return question()
	case <-ctx.Done():
		var none T
		return none, ctx.Err()
	}
}

func (p *patient) bakesWithoutAnswer() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.silent
}

// note remembers whether a bake had its answers.
func (p *patient) note(answered bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.silent++
	if answered {
		p.silent = 0
	}
}
