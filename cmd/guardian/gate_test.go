package main

import (
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/prometheus/model/labels"
	"gonum.org/v1/gonum/stat/distuv"

	"github.com/cinegit/guardian/internal/adapter/boltledger"
	"github.com/cinegit/guardian/internal/gatetest"
	"github.com/cinegit/guardian/internal/ledger"
	"github.com/cinegit/guardian/internal/sandbox/metrics"
)

// recorded is a Prometheus with the four hours of review/prod before 2026-08-01 12:00 UTC: 50 requests
// a second of which 0.5% fail, latency 0.2s.
func recorded(t *testing.T) *metrics.Server {
	t.Helper()
	const scrape = 15 * time.Second
	until := time.Date(2026, 8, 1, 12, 0, 0, 0, time.UTC)
	s := metrics.NewServer(5 * time.Hour)
	random := rand.New(rand.NewPCG(1, 1))
	put := func(at time.Time, v float64, more ...string) {
		if err := s.Append(labels.FromStrings(append(more, "service", "review", "env", "prod")...), at, v); err != nil {
			t.Fatal(err)
		}
	}
	good, bad := 0.0, 0.0
	for at := until.Add(-4 * time.Hour); !at.After(until); at = at.Add(scrape) {
		good += distuv.Poisson{Lambda: 0.995 * 50 * scrape.Seconds(), Src: random}.Rand()
		bad += distuv.Poisson{Lambda: 0.005 * 50 * scrape.Seconds(), Src: random}.Rand()
		put(at, good, "__name__", "http_requests_total", "code", "200")
		put(at, bad, "__name__", "http_requests_total", "code", "500")
		put(at, 0.2, "__name__", "latency_seconds")
	}
	return s
}

func TestWhenItWasBadIsWhatTheLedgerKnowsOfTheTarget(t *testing.T) {
	now := time.Date(2026, 8, 1, 12, 0, 0, 0, time.UTC)
	prod := ledger.Target{Service: "review", Stage: "prod"}
	dir := t.TempDir()
	store, err := boltledger.Open(filepath.Join(dir, "guardian.db"))
	if err != nil {
		t.Fatal(err)
	}
	for id, inc := range map[string]ledger.Incident{
		"healed":    {Target: prod, StartsAt: now.Add(-3 * time.Hour), End: ledger.Healed, EndedAt: now.Add(-2 * time.Hour)},
		"open":      {Target: prod, StartsAt: now.Add(-time.Hour)},
		"false":     {Target: prod, StartsAt: now.Add(-5 * time.Hour), End: ledger.StoodDown, EndedAt: now},
		"elsewhere": {Target: ledger.Target{Service: "review", Stage: "dev"}, StartsAt: now.Add(-5 * time.Hour)},
	} {
		inc.ID, inc.OpenedAt = id, inc.StartsAt
		lease := ledger.Lease{Target: ledger.Target{Service: id, Stage: "prod"}}
		if _, err := (&ledger.Ledger{Store: store}).Open(t.Context(), inc, lease); err != nil {
			t.Fatal(err)
		}
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	cmd := gateTestCmd{Service: "review", Stage: "prod", Data: dir}
	got, err := cmd.incidents(t.Context(), &console{now: func() time.Time { return now }}, &globals{Server: defaultServer}, nil)
	want := []gatetest.Span{{From: now.Add(-time.Hour), To: now}, {From: now.Add(-3 * time.Hour), To: now.Add(-2 * time.Hour)}}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

func TestTheServerThatNobodyNamedIsTheOneOfTheFlag(t *testing.T) {
	for _, flag := range model(t).Flags {
		if flag.Name == "server" {
			if flag.Default != defaultServer {
				t.Errorf("--server is %s where it is left out, and taken for %s", flag.Default, defaultServer)
			}
			return
		}
	}
	t.Error("there is no --server")
}
