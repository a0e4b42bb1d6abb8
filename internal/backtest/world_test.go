package backtest_test

import (
	"context"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"gonum.org/v1/gonum/stat/distuv"

	"github.com/cinegit/guardian/internal/backtest"
	"github.com/cinegit/guardian/internal/health"
	"github.com/cinegit/guardian/internal/ledger"
	"github.com/cinegit/guardian/internal/policy"
	"github.com/cinegit/guardian/internal/sandbox/metrics"
)

// begin is when the recorded metrics of these tests begin.
var begin = time.Date(2026, 8, 1, 0, 0, 0, 0, time.UTC)

const scrape = 15 * time.Second

// at is a moment so long after the beginning.
func at(d time.Duration) time.Time { return begin.Add(d) }

func parsed(t *testing.T, text string) *policy.Policy {
	t.Helper()
	p, err := policy.Parse("guardian.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

const onePolicy = `
apiVersion: guardian/v1
connections:
  argocd: {server: argocd.example.com, token: env:T}
  prometheus: {url: http://127.0.0.1:9090}
services:
  review:
    gates: [errors]
    stages: [{name: prod, application: review-prod, bake: 30m}]
gates:
  errors:
    bad: sum(increase(requests{service="$service",env="$stage",code="500"}[$window]))
    total: sum(increase(requests{service="$service",env="$stage"}[$window]))
    tolerance: 25%
`

// load is what a service does from a moment on.
type load struct {
	from    time.Time
	rps     float64
	ratio   float64 // of its requests, that fail
	restart bool    // its counters begin anew
	silent  bool    // nobody scrapes it
}

// record scrapes a service from the beginning so long, as its loads say. The same loads give the
// same samples.
func record(t *testing.T, server *metrics.Server, service string, length time.Duration, loads ...load) {
	t.Helper()
	random := rand.New(rand.NewPCG(7, uint64(len(service))))
	counters := map[string]float64{}
	var now load
	for moment := begin; moment.Before(begin.Add(length)); moment = moment.Add(scrape) {
		for len(loads) > 0 && !loads[0].from.After(moment) {
			if now, loads = loads[0], loads[1:]; now.restart {
				counters = map[string]float64{}
			}
		}
		requests := distuv.Poisson{Lambda: now.rps * scrape.Seconds(), Src: random}.Rand()
		bad := 0.0
		if now.ratio > 0 && requests > 0 {
			bad = distuv.Binomial{N: requests, P: now.ratio, Src: random}.Rand()
		}
		counters["200"] += requests - bad
		counters["500"] += bad
		for code, n := range counters {
			if !now.silent {
				store(t, server, moment, n, "requests", "service", service, "env", "prod", "code", code)
			}
		}
	}
}

func store(t *testing.T, server *metrics.Server, at time.Time, v float64, name string, pairs ...string) {
	t.Helper()
	if err := server.Append(labels.FromStrings(append([]string{"__name__", name}, pairs...)...), at, v); err != nil {
		t.Fatal(err)
	}
}

func newServer() *metrics.Server { return metrics.NewServer(30 * 24 * time.Hour) }

func prod(service string) ledger.Target { return ledger.Target{Service: service, Stage: "prod"} }

func release(service, name string, after time.Duration) backtest.Release {
	return backtest.Release{Target: prod(service), Release: name, At: at(after)}
}

func incident(service string, from, to time.Duration) backtest.Incident {
	return backtest.Incident{Target: prod(service), From: at(from), To: at(to)}
}

// options replay the whole of a day.
func options(p *policy.Policy, metrics health.Querier, releases ...backtest.Release) backtest.Options {
	return backtest.Options{
		Policy: p, Metrics: metrics, Source: "test", From: begin, To: at(24 * time.Hour), Now: at(365 * 24 * time.Hour),
		Releases: releases, Incidents: []backtest.Incident{},
	}
}

func run(t *testing.T, o backtest.Options) backtest.Report {
	t.Helper()
	r, err := backtest.Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// of is the result of one release.
func of(t *testing.T, r backtest.Report, name string) backtest.Result {
	t.Helper()
	for _, one := range r.Results {
		if one.Release.Release == name {
			return one
		}
	}
	t.Fatalf("no release %s in %+v", name, r.Results)
	return backtest.Result{}
}

// by is the score of one row in one setting.
func by(t *testing.T, r backtest.Report, kind backtest.Kind, name, setting string) backtest.Score {
	t.Helper()
	for _, s := range r.Scores {
		if s.Row == (backtest.Row{Kind: kind, Name: name}) && s.Setting == setting {
			return s
		}
	}
	t.Fatalf("no score of %s %s %q in %+v", kind, name, setting, r.Scores)
	return backtest.Score{}
}

// counted counts questions, and can do something else instead of answering one.
type counted struct {
	health.Querier

	mu     sync.Mutex
	asked  int
	before func(n int) error // of the n-th question, from 1
}

func (c *counted) count() error {
	c.mu.Lock()
	c.asked++
	n, before := c.asked, c.before
	c.mu.Unlock()
	if before == nil {
		return nil
	}
	return before(n)
}

func (c *counted) Query(ctx context.Context, promql string, at time.Time) ([]float64, error) {
	if err := c.count(); err != nil {
		return nil, err
	}
	return c.Querier.Query(ctx, promql, at)
}

func (c *counted) Range(ctx context.Context, promql string, from, to time.Time, step time.Duration) ([][]float64, error) {
	if err := c.count(); err != nil {
		return nil, err
	}
	return c.Querier.Range(ctx, promql, from, to, step)
}
