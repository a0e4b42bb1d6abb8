package metrics_test

import (
	"errors"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/prometheus/model/labels"

	"github.com/cinegit/guardian/internal/sandbox/metrics"
)

func values(t *testing.T, server *metrics.Server, query string, at time.Time) []float64 {
	t.Helper()
	answer, err := server.Query(t.Context(), query, at)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return answer
}

func TestSamplesAreForgottenAfterTheRetention(t *testing.T) {
	server := metrics.NewServer(time.Minute)
	for i := range 1000 {
		add(t, server, start.Add(time.Duration(i)*time.Second), float64(i), "__name__", "x")
	}
	end := start.Add(999 * time.Second)
	if diff := cmp.Diff([]float64{61}, values(t, server, "count_over_time(x[1h])", end)); diff != "" {
		t.Error(diff)
	}
	if got := values(t, server, "x", start.Add(time.Minute)); len(got) > 0 {
		t.Errorf("what was forgotten is %v", got)
	}
}

func TestASampleThatIsNotNewerIsRefused(t *testing.T) {
	store := metrics.NewStore(0)
	l := labels.FromStrings("__name__", "x")
	if err := store.Append(l, start, 1); err != nil {
		t.Fatal(err)
	}
	for _, at := range []time.Time{start, start.Add(-time.Second)} {
		if err := store.Append(l, at, 2); !errors.Is(err, metrics.ErrOutOfOrder) {
			t.Errorf("error is %v", err)
		}
	}
}

func TestTheNumberOfSeriesIsBounded(t *testing.T) {
	store := metrics.NewStore(0)
	for i := range 10_000 {
		if err := store.Append(labels.FromStrings("__name__", "x", "i", strconv.Itoa(i)), start, 1); err != nil {
			t.Fatal(err)
		}
	}
	if err := store.Append(labels.FromStrings("__name__", "y"), start, 1); !errors.Is(err, metrics.ErrTooMany) {
		t.Errorf("error is %v", err)
	}
}

func TestQueriesAndSamplesMayComeAtOnce(t *testing.T) {
	server := metrics.NewServer(time.Minute)
	var all sync.WaitGroup
	for writer := range 4 {
		all.Go(func() {
			for i := range 300 {
				add(t, server, start.Add(time.Duration(i)*time.Second), float64(i), "__name__", "x", "writer", strconv.Itoa(writer))
			}
		})
		all.Go(func() {
			for i := range 50 {
				values(t, server, "sum(rate(x[1m]))", start.Add(time.Duration(i)*6*time.Second))
			}
		})
	}
	all.Wait()
	if diff := cmp.Diff([]float64{4}, values(t, server, "count(x == 299)", start.Add(299*time.Second))); diff != "" {
		t.Error(diff)
	}
}
