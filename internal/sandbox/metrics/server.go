package metrics

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"syscall"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/promql"

	"github.com/cinegit/guardian/internal/health"
)

const (
	queryTimeout = 10 * time.Second
	maxSamples   = 5_000_000
	staleAfter   = 5 * time.Minute // Prometheus' --query.lookback-delta
)

// Server answers PromQL over a Store: as a health.Querier in process and over HTTP by Handler. It
// can be taken down and made to hang.
type Server struct {
	*Store
	engine *promql.Engine

	mu   sync.Mutex
	down bool
	hung chan struct{} // closed when the hanging ends; nil while it answers
}

var _ health.Querier = (*Server)(nil)

// NewServer builds a server over a new store with the retention; zero is DefaultRetention.
func NewServer(retention time.Duration) *Server {
	return &Server{
		Store: NewStore(retention),
		engine: promql.NewEngine(promql.EngineOpts{
			MaxSamples: maxSamples, Timeout: queryTimeout, LookbackDelta: staleAfter,
			EnableAtModifier: true, EnableNegativeOffset: true,
		}),
	}
}

// Down switches an outage on or off: Query fails as a refused connection does, and the HTTP API
// answers 503.
func (s *Server) Down(down bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.down = down
}

// Hang makes every call wait until its context ends or hanging is switched off.
func (s *Server) Hang(hang bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case hang && s.hung == nil:
		s.hung = make(chan struct{})
	case !hang && s.hung != nil:
		close(s.hung)
		s.hung = nil
	}
}

// errDown is what a client sees of a Prometheus that is not there.
var errDown error = &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}

// faults waits out a hang and tells of an outage.
func (s *Server) faults(ctx context.Context) error {
	s.mu.Lock()
	hung := s.hung
	s.mu.Unlock()
	if hung != nil {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-hung:
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.down {
		return errDown
	}
	return nil
}

// Query implements health.Querier without a network, within the caller's deadline.
func (s *Server) Query(ctx context.Context, expr string, at time.Time) ([]float64, error) {
	if err := s.faults(ctx); err != nil {
		return nil, fmt.Errorf("query sandbox metrics: %w", err)
	}
	value, err := s.instant(ctx, expr, at)
	if err != nil {
		return nil, inWords(err)
	}
	switch v := value.(type) {
	case *model.Scalar:
		return []float64{float64(v.Value)}, nil
	case model.Vector:
		values := make([]float64, len(v))
		for i, sample := range v {
			values[i] = float64(sample.Value)
		}
		return values, nil
	}
	return nil, fmt.Errorf("%w: it gives a %s, not an instant vector or a scalar", health.ErrQuery, value.Type())
}

// Range implements health.Querier as Query does.
func (s *Server) Range(ctx context.Context, expr string, from, to time.Time, step time.Duration) ([][]float64, error) {
	if err := s.faults(ctx); err != nil {
		return nil, fmt.Errorf("query sandbox metrics: %w", err)
	}
	value, err := s.ranged(ctx, expr, from, to, step)
	if err != nil {
		return nil, inWords(err)
	}
	moments := make([][]float64, to.Sub(from)/step+1)
	matrix, _ := value.(model.Matrix)
	for _, series := range matrix {
		for _, point := range series.Values {
			i := (point.Timestamp.Time().Sub(from.Truncate(time.Millisecond)) + step/2) / step
			moments[i] = append(moments[i], float64(point.Value))
		}
	}
	return moments, nil
}

// Link implements health.Querier: nobody serves a page here.
func (s *Server) Link(string, time.Time) string { return "" }

func inWords(err error) error {
	var timeout promql.ErrQueryTimeout
	var canceled promql.ErrQueryCanceled
	if errors.As(err, &timeout) || errors.As(err, &canceled) {
		return fmt.Errorf("query sandbox metrics: %w", err)
	}
	return fmt.Errorf("%w: %w", health.ErrQuery, err)
}

// errParse marks a query that the engine did not even begin: bad_data in the HTTP API.
var errParse = errors.New("cannot be parsed")

func (s *Server) instant(ctx context.Context, expr string, at time.Time) (model.Value, error) {
	query, err := s.engine.NewInstantQuery(ctx, s.Store, nil, expr, at)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errParse, err)
	}
	return run(ctx, query)
}

func (s *Server) ranged(ctx context.Context, expr string, from, to time.Time, step time.Duration) (model.Value, error) {
	query, err := s.engine.NewRangeQuery(ctx, s.Store, nil, expr, from, to, step)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errParse, err)
	}
	return run(ctx, query)
}

func run(ctx context.Context, query promql.Query) (model.Value, error) {
	defer query.Close() // the result is copied out before
	result := query.Exec(ctx)
	if result.Err != nil {
		return nil, result.Err
	}
	return valueOf(result), nil
}
