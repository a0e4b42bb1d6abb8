//go:build e2e

package e2e

import (
	"context"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

const (
	rps         = 50  // of every service
	errorsOfBad = 0.3 // error ratio of a bad release or flag
)

// metrics are what the instrumented services expose, each at a path of its own and most of them
// together, so that one Prometheus can watch them all and another a single one.
type metrics struct {
	mu       sync.Mutex
	shared   *prometheus.Registry
	handlers map[string]http.Handler
}

func newMetrics() *metrics {
	m := &metrics{shared: prometheus.NewRegistry(), handlers: map[string]http.Handler{}}
	m.handlers["/metrics"] = promhttp.HandlerFor(m.shared, promhttp.HandlerOpts{})
	return m
}

func (m *metrics) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	m.mu.Lock()
	h := m.handlers[r.URL.Path]
	m.mu.Unlock()
	if h == nil {
		http.NotFound(w, r)
		return
	}
	h.ServeHTTP(w, r)
}

// alone gives a service a path of its own; the shared one does not have it.
func (m *metrics) alone(path string) *prometheus.Registry {
	r := prometheus.NewRegistry()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.handlers[path] = promhttp.HandlerFor(r, promhttp.HandlerOpts{})
	return r
}

// service is an instrumented service under traffic.
type service struct {
	requests *prometheus.CounterVec
	bad      atomic.Bool
	served   float64
	failed   float64
}

// serve drives a service until the test ends: so many requests a second, with an error ratio that
// follows what bad says of it.
func serve(t testing.TB, registry *prometheus.Registry, name, stage string, bad func(context.Context) (bool, error)) {
	t.Helper()
	s := &service{requests: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "http_requests_total", Help: "Requests answered.",
		ConstLabels: prometheus.Labels{"service": name, "env": stage},
	}, []string{"code"})}
	if err := registry.Register(s.requests); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { s.traffic(ctx) })
	running.Go(func() { s.follow(ctx, bad) })
	t.Cleanup(func() {
		stop()
		running.Wait()
		registry.Unregister(s.requests)
	})
}

func (s *service) traffic(ctx context.Context) {
	tick := time.NewTicker(time.Second / rps)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		s.served++
		if s.bad.Load() && s.failed < errorsOfBad*s.served {
			s.failed++
			s.requests.WithLabelValues("500").Inc()
			continue
		}
		if !s.bad.Load() {
			s.failed = errorsOfBad * s.served // a new bad time begins with the ratio, not with a burst
		}
		s.requests.WithLabelValues("200").Inc()
	}
}

// follow asks what runs. Without an answer the service stays as it was.
func (s *service) follow(ctx context.Context, bad func(context.Context) (bool, error)) {
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		if is, err := bad(ctx); err == nil {
			s.bad.Store(is)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
