package gatetest_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"gonum.org/v1/gonum/stat/distuv"

	"github.com/cinegit/guardian/internal/gatetest"
	"github.com/cinegit/guardian/internal/policy"
	"github.com/cinegit/guardian/internal/sandbox/metrics"
)

const (
	scrape  = 15 * time.Second
	history = 9 * time.Hour
)

// until is where all histories end.
func until() time.Time { return time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC) }

// load is what a service does at a moment.
type load struct {
	rps, ratio float64
}

// steady is a load that never changes.
func steady(rps, ratio float64) func(time.Time) load {
	return func(time.Time) load { return load{rps, ratio} }
}

// served is a Prometheus that has scraped review/prod for so long. As with a client library, the
// series of failures begins with the first failure.
func served(t *testing.T, history time.Duration, at func(time.Time) load) *metrics.Server {
	t.Helper()
	s := metrics.NewServer(history + time.Hour)
	random := rand.New(rand.NewPCG(7, 7))
	var good, bad float64
	for now := until().Add(-history); !now.After(until()); now = now.Add(scrape) {
		l := at(now)
		if l.rps > 0 {
			n := distuv.Poisson{Lambda: l.rps * scrape.Seconds(), Src: random}.Rand()
			failed := 0.0
			if n > 0 && l.ratio > 0 {
				failed = distuv.Binomial{N: n, P: l.ratio, Src: random}.Rand()
			}
			good, bad = good+n-failed, bad+failed
		}
		put(t, s, now, "http_requests_total", good, "code", "200")
		if bad > 0 {
			put(t, s, now, "http_requests_total", bad, "code", "500")
		}
	}
	return s
}

func put(t *testing.T, s *metrics.Server, at time.Time, name string, v float64, extra ...string) {
	t.Helper()
	all := append([]string{model.MetricNameLabel, name, "service", "review", "env", "prod"}, extra...)
	if err := s.Append(labels.FromStrings(all...), at, v); err != nil {
		t.Fatal(err)
	}
}

// gauged is a Prometheus that has scraped one gauge of review/prod for so long.
func gauged(t *testing.T, history time.Duration, value func(random *rand.Rand) float64) *metrics.Server {
	t.Helper()
	s := metrics.NewServer(history + time.Hour)
	random := rand.New(rand.NewPCG(7, 7))
	for now := until().Add(-history); !now.After(until()); now = now.Add(scrape) {
		put(t, s, now, "gauge", value(random))
	}
	return s
}

const counting = `
    bad: sum(increase(http_requests_total{service="$service",env="$stage",code=~"5.."}[$window]))
    total: sum(increase(http_requests_total{service="$service",env="$stage"}[$window]))
    `

// withGates is a policy whose service review has these gates, as "name: {…}" lines.
func withGates(t *testing.T, names, gates string) *policy.Policy {
	t.Helper()
	p, err := policy.Parse("guardian.yaml", fmt.Appendf(nil, `apiVersion: guardian/v1
connections:
  argocd: {server: argocd.example.com, token: env:TOKEN}
  prometheus: {url: http://prometheus.example.com}
services:
  review:
    gates: [%s]
    stages:
      - {name: staging, application: review-staging, bake: 10m}
      - {name: prod, application: review-prod, bake: 30m}
gates:
%s`, names, gates))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// errorsGate is a policy with one gate of counts with these settings.
func errorsGate(t *testing.T, settings string) *policy.Policy {
	t.Helper()
	return withGates(t, "errors", "  errors:"+counting+settings+"\n")
}

// tested tests review/prod with a bake of 15m and gives its first gate's result.
func tested(t *testing.T, s *metrics.Server, p *policy.Policy, change func(*gatetest.Options)) gatetest.Result {
	t.Helper()
	o := gatetest.Options{Service: "review", Stage: "prod", Over: history, Until: until(), Bake: 15 * time.Minute, Seed: 1}
	if change != nil {
		change(&o)
	}
	report, err := gatetest.Run(t.Context(), s, p, o)
	if err != nil {
		t.Fatal(err)
	}
	return report.Gates[0]
}

// of gives the detection of a factor.
func of(t *testing.T, r gatetest.Result, factor float64) gatetest.Detection {
	t.Helper()
	for _, d := range r.Seen {
		if d.Factor == factor {
			return d
		}
	}
	t.Fatalf("%vx was not tested: %+v", factor, r)
	return gatetest.Detection{}
}
