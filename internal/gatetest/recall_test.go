package gatetest

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/cinegit/guardian/internal/health"
)

// clock is a Querier whose answer is the moment itself, which counts what it is asked.
type clock struct {
	mu    sync.Mutex
	asked int
	fails int // of the next requests
}

func (c *clock) ask() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked++
	if c.fails > 0 {
		c.fails--
		return errors.New("connection refused")
	}
	return nil
}

func (c *clock) Query(_ context.Context, promql string, at time.Time) ([]float64, error) {
	return []float64{float64(len(promql)), float64(at.UnixMilli())}, c.ask()
}

func (c *clock) Range(_ context.Context, promql string, from, to time.Time, step time.Duration) ([][]float64, error) {
	var all [][]float64
	for at := from; !at.After(to); at = at.Add(step) {
		all = append(all, []float64{float64(len(promql)), float64(at.UnixMilli())})
	}
	return all, c.ask()
}

func (c *clock) Link(promql string, _ time.Time) string { return "link " + promql }

var _ health.Querier = (*clock)(nil)

func TestWhatIsRecalledIsWhatWouldHaveBeenAnswered(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	fleet := ships{first: moment.Add(5 * time.Second), every: time.Hour, count: 50}
	once, direct := &clock{}, &clock{}
	r := newRecall(once, fleet)
	for range 200 {
		promql := []string{"a", "bb", `c{d="@"}`}[random.IntN(3)]
		step := []time.Duration{time.Second, 15 * time.Second, 7 * time.Minute}[random.IntN(3)]
		from := moment.Add(time.Duration(random.IntN(100_000)) * time.Second)
		to := from.Add(time.Duration(random.IntN(3000)) * step)
		got, err := r.Range(t.Context(), promql, from, to, step)
		want, _ := direct.Range(t.Context(), promql, from, to, step)
		if err != nil || !slices.EqualFunc(want, got, slices.Equal) {
			t.Fatalf("%s from %s to %s by %s: %v, %d moments of %d, or others", promql, from, to, step, err, len(got), len(want))
		}
		at := fleet.first.Add(time.Duration(random.IntN(60*3600)-3600) * time.Second)
		answer, err := r.Query(t.Context(), promql, at)
		if want, _ := direct.Query(t.Context(), promql, at); err != nil || !slices.Equal(want, answer) {
			t.Fatalf("%s at %s: %v %v, want %v", promql, at, answer, err, want)
		}
	}
	if r.Link("a", moment) != "link a" {
		t.Error("links are not passed on")
	}
}

func TestAHundredReleasesAskForMuchTheSameOnlyOnce(t *testing.T) {
	metrics := &clock{}
	fleet := spread(moment, moment.Add(7*24*time.Hour), 30*time.Minute, 30*time.Minute, step, nil)
	r := newRecall(metrics, fleet)
	var group sync.WaitGroup
	for _, at := range fleet.at {
		group.Go(func() {
			_, _ = r.Query(t.Context(), "q", at.Add(step))
			_, _ = r.Range(t.Context(), "q", at, at.Add(30*time.Minute), step)
		})
	}
	group.Wait()
	if len(fleet.at) < most-10 || len(fleet.at) > most || metrics.asked > 42 { // one, and 7 days of 15s in parts of 1,000
		t.Errorf("%d requests for %d releases", metrics.asked, len(fleet.at))
	}
}

func TestWhatFailedIsAskedAgain(t *testing.T) {
	metrics := &clock{fails: 1}
	r := newRecall(metrics, ships{first: moment, every: time.Hour, count: 2})
	if _, err := r.Range(t.Context(), "q", moment, moment, step); err == nil {
		t.Error("the failure is not told")
	}
	if _, err := r.Range(t.Context(), "q", moment, moment, step); err != nil || metrics.asked != 2 {
		t.Errorf("asked %d times: %v", metrics.asked, err)
	}
}
