package metrics

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"gonum.org/v1/gonum/stat/distuv"
)

// Load says what a simulated service does.
type Load struct {
	RPS        float64       // requests a second, on average
	ErrorRatio float64       // the share of them that are answered 500; 0..1
	Latency    time.Duration // their mean, distributed exponentially; zero is 50ms
}

// Traffic simulates one service under load and leaves the samples that scraping it would:
// http_requests_total{service,env,code} and the histogram http_request_duration_seconds. As with
// a real client library, the series of a code begins with its first response. The same seed gives
// the same samples. It is safe for concurrent use.
type Traffic struct {
	store        *Store
	service, env string

	mu        sync.Mutex
	load      Load
	random    *rand.Rand
	last      time.Time
	responses map[string]float64 // by code
	buckets   []float64          // cumulative, as bounds
	sum       float64
	count     float64
}

// bounds are the histogram's upper bounds in seconds: client_golang's defaults without +Inf.
func bounds() []float64 {
	return []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}
}

// NewTraffic begins a service in an environment (its labels service and env).
func NewTraffic(store *Store, service, env string, load Load, seed uint64) *Traffic {
	t := &Traffic{
		store: store, service: service, env: env, load: load,
		random: rand.New(rand.NewPCG(seed, 0)),
	}
	t.Restart()
	return t
}

// Set changes the load from now on.
func (t *Traffic) Set(load Load) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.load = load
}

// Load is the load as it is set.
func (t *Traffic) Load() Load {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.load
}

// Restart puts every counter to zero, as a new process does.
func (t *Traffic) Restart() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.responses = map[string]float64{"200": 0}
	t.buckets = make([]float64, len(bounds()))
	t.sum, t.count = 0, 0
}

// Scrape serves the requests since the last scrape and stores the samples as of at. The first
// scrape only stores the counters as they stand.
func (t *Traffic) Scrape(at time.Time) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.last.IsZero() {
		t.serve(at.Sub(t.last))
	}
	t.last = at
	return t.write(at)
}

// Backfill scrapes at from and then every interval until to, inclusive: the history that a
// service had before a story begins.
func (t *Traffic) Backfill(from, to time.Time, every time.Duration) error {
	for at := from; !at.After(to); at = at.Add(every) {
		if err := t.Scrape(at); err != nil {
			return fmt.Errorf("backfill %s: %w", t.service, err)
		}
	}
	return nil
}

// Run scrapes now and then every interval until the context ends, which is no error.
func (t *Traffic) Run(ctx context.Context, every time.Duration) error {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for at := time.Now(); ; {
		if err := t.Scrape(at); err != nil {
			return fmt.Errorf("scrape %s: %w", t.service, err)
		}
		select {
		case <-ctx.Done():
			return nil
		case at = <-ticker.C:
		}
	}
}

func (t *Traffic) serve(d time.Duration) {
	if t.load.RPS <= 0 || d <= 0 {
		return
	}
	latency := t.load.Latency.Seconds()
	if latency <= 0 {
		latency = 0.05
	}
	requests := int(distuv.Poisson{Lambda: t.load.RPS * d.Seconds(), Src: t.random}.Rand())
	for range requests {
		code := "200"
		if t.random.Float64() < t.load.ErrorRatio {
			code = "500"
		}
		t.responses[code]++
		t.observe(t.random.ExpFloat64() * latency)
	}
}

func (t *Traffic) observe(seconds float64) {
	for i, bound := range bounds() {
		if seconds <= bound {
			t.buckets[i]++
		}
	}
	t.sum += seconds
	t.count++
}

func (t *Traffic) write(at time.Time) error {
	for code, n := range t.responses {
		if err := t.append(at, "http_requests_total", n, "code", code); err != nil {
			return err
		}
	}
	for i, bound := range bounds() {
		le := strconv.FormatFloat(bound, 'g', -1, 64)
		if err := t.append(at, "http_request_duration_seconds_bucket", t.buckets[i], "le", le); err != nil {
			return err
		}
	}
	if err := t.append(at, "http_request_duration_seconds_bucket", t.count, "le", "+Inf"); err != nil {
		return err
	}
	if err := t.append(at, "http_request_duration_seconds_sum", t.sum); err != nil {
		return err
	}
	return t.append(at, "http_request_duration_seconds_count", t.count)
}

func (t *Traffic) append(at time.Time, name string, v float64, extra ...string) error {
	all := append([]string{model.MetricNameLabel, name, "service", t.service, "env", t.env}, extra...)
	return t.store.Append(labels.FromStrings(all...), at, v)
}
