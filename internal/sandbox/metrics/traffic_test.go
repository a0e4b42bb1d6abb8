package metrics_test

import (
	"context"
	"math"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cinegit/guardian/internal/health"
	"github.com/cinegit/guardian/internal/policy"
	"github.com/cinegit/guardian/internal/sandbox/metrics"
)

const (
	errorRatio = `sum(rate(http_requests_total{service="review",env="prod",code=~"5.."}[5m])) / sum(rate(http_requests_total{service="review",env="prod"}[5m]))`
	p99        = `histogram_quantile(0.99, sum by (le) (rate(http_request_duration_seconds_bucket{service="review"}[5m])))`
)

func backfilled(t *testing.T, load metrics.Load, seed uint64) (*metrics.Server, *metrics.Traffic) {
	t.Helper()
	server := metrics.NewServer(0)
	traffic := metrics.NewTraffic(server.Store, "review", "prod", load, seed)
	if err := traffic.Backfill(start, start.Add(30*time.Minute), 15*time.Second); err != nil {
		t.Fatal(err)
	}
	return server, traffic
}

// near checks one value of a query to a relative tolerance.
func near(t *testing.T, server *metrics.Server, query string, at time.Time, want, within float64) {
	t.Helper()
	got := values(t, server, query, at)
	if len(got) != 1 || math.Abs(got[0]-want) > within*want {
		t.Errorf("%s is %v, want about %g", query, got, want)
	}
}

func TestTrafficShowsItsRateErrorsAndLatency(t *testing.T) {
	server, traffic := backfilled(t, metrics.Load{RPS: 50, ErrorRatio: 0.02, Latency: 100 * time.Millisecond}, 1)
	end := start.Add(30 * time.Minute)
	near(t, server, `sum(rate(http_requests_total[5m]))`, end, 50, 0.05)
	near(t, server, errorRatio, end, 0.02, 0.2)
	near(t, server, `sum(rate(http_request_duration_seconds_sum[5m])) / sum(rate(http_request_duration_seconds_count[5m]))`, end, 0.1, 0.05)
	near(t, server, p99, end, 0.46, 0.15)

	traffic.Set(metrics.Load{RPS: 50, ErrorRatio: 0.4, Latency: 800 * time.Millisecond})
	if err := traffic.Backfill(end.Add(15*time.Second), end.Add(10*time.Minute), 15*time.Second); err != nil {
		t.Fatal(err)
	}
	near(t, server, errorRatio, end.Add(10*time.Minute), 0.4, 0.1)
	near(t, server, p99, end.Add(10*time.Minute), 3.7, 0.3)
}

func TestTheSameSeedGivesTheSameSamples(t *testing.T) {
	load := metrics.Load{RPS: 20, ErrorRatio: 0.1}
	one, _ := backfilled(t, load, 7)
	same, _ := backfilled(t, load, 7)
	other, _ := backfilled(t, load, 8)
	end := start.Add(30 * time.Minute)
	total := func(s *metrics.Server) []float64 { return values(t, s, "http_requests_total", end) }
	if diff := cmp.Diff(total(one), total(same)); diff != "" {
		t.Error(diff)
	}
	if cmp.Equal(total(one), total(other)) {
		t.Error("another seed gives the same samples")
	}
}

func TestARestartPutsCountersToZeroAndRatesStayRight(t *testing.T) {
	server, traffic := backfilled(t, metrics.Load{RPS: 50}, 1)
	traffic.Restart()
	end := start.Add(35 * time.Minute)
	if err := traffic.Backfill(start.Add(30*time.Minute+15*time.Second), end, 15*time.Second); err != nil {
		t.Fatal(err)
	}
	near(t, server, `sum(rate(http_requests_total[10m]))`, end, 50, 0.05)
	near(t, server, `sum(http_requests_total)`, end, 50*300, 0.05)
}

func TestACodeHasNoSeriesUntilItsFirstResponse(t *testing.T) {
	server, _ := backfilled(t, metrics.Load{RPS: 50}, 1)
	if got := values(t, server, `http_requests_total{code="500"}`, start.Add(30*time.Minute)); len(got) > 0 {
		t.Errorf("failures are %v", got)
	}
}

func TestTrafficRunsInVirtualTimeAndAGateSeesItGoBad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := metrics.NewServer(0)
		traffic := metrics.NewTraffic(server.Store, "review", "prod", metrics.Load{RPS: 50, ErrorRatio: 0.005}, 3)
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() {
			if err := traffic.Run(ctx, 15*time.Second); err != nil {
				t.Error(err)
			}
		})
		gates := []health.Gate{{Name: "errors", Gate: policy.Gate{
			Bad:       `sum(increase(http_requests_total{service="$service",env="$stage",code=~"5.."}[$window]))`,
			Total:     `sum(increase(http_requests_total{service="$service",env="$stage"}[$window]))`,
			Tolerance: ptr(policy.Percent(0.25)),
		}}}
		judge := health.Judge{Metrics: server}
		<-time.After(31 * time.Minute) // virtual
		subject := health.Subject{Service: "review", Stage: "prod", ChangedAt: time.Now()}
		measure := func() health.Verdict {
			<-time.After(2 * time.Minute) // virtual
			return health.Overall(judge.Measure(ctx, gates, subject, time.Time{}, time.Now()))
		}
		if v := measure(); v != health.Pass {
			t.Errorf("healthy traffic is %s", v)
		}
		load := traffic.Load()
		load.ErrorRatio = 0.1
		traffic.Set(load)
		if v := measure(); v != health.Fail {
			t.Errorf("twenty times the errors are %s", v)
		}
		server.Down(true)
		if v := measure(); v != health.Error {
			t.Errorf("an outage is %s", v)
		}
		cancel()
		running.Wait()
	})
}

func ptr[T any](v T) *T { return &v }
