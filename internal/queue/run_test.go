package queue_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cinegit/guardian/internal/adapter/memledger"
	"github.com/cinegit/guardian/internal/ledger"
	"github.com/cinegit/guardian/internal/queue"
)

func TestADeleteThatMayHaveLandedDoesNoHarm(t *testing.T) {
	for _, how := range []memledger.How{memledger.Lost, memledger.Landed} {
		synctest.Test(t, func(t *testing.T) {
			store := memledger.New()
			q := open(t, store, queue.Options{})
			send(t, q, "g", "x")
			send(t, q, "g", "y")
			store.SetFaults(memledger.FailWrite(0, how))
			handled := run(t, q, 1, 10*time.Minute, func(context.Context, queue.Message) error { return nil })
			want := []string{"x", "x", "y"}
			if how == memledger.Landed {
				want = []string{"x", "y"}
			}
			if diff := cmp.Diff(want, handled); diff != "" {
				t.Errorf("landed %t: handled (-want +got):\n%s", how, diff)
			}
			wantDepth(t, q, 0)
		})
	}
}

// run runs the queue for a while of virtual time and gives what was handled, in its order.
func run(t *testing.T, q *queue.Queue, workers int, d time.Duration, h queue.Handler) []string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	var mu sync.Mutex
	var handled []string
	q.Run(ctx, func(ctx context.Context, m queue.Message) error {
		mu.Lock()
		handled = append(handled, string(m.Body))
		mu.Unlock()
		return h(ctx, m)
	}, workers)
	return handled
}

func TestRunHandlesGroupsAtTheSameTimeAndEachInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := open(t, memledger.New(), queue.Options{})
		for _, body := range []string{"a1", "a2", "b1", "c1", "b2"} {
			send(t, q, body[:1], body)
		}
		start := time.Now()
		ctx, cancel := context.WithCancel(t.Context())
		var mu sync.Mutex
		busy := map[string]bool{}
		left := 5
		q.Run(ctx, func(_ context.Context, m queue.Message) error {
			mu.Lock()
			if busy[m.GroupID] {
				t.Errorf("two messages of group %s at once", m.GroupID)
			}
			busy[m.GroupID] = true
			mu.Unlock()
			<-time.After(time.Second)
			mu.Lock()
			defer mu.Unlock()
			busy[m.GroupID] = false
			if left--; left == 0 {
				cancel()
			}
			return nil
		}, 3)
		if took := time.Since(start); took != 2*time.Second {
			t.Errorf("took %v, want 2s: two messages deep, three groups wide", took)
		}
	})
}

func TestRunTriesAgainAfterErrorsAndPanics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := open(t, memledger.New(), queue.Options{MaxReceives: 5})
		send(t, q, "g", "x")
		handled := run(t, q, 2, time.Hour, func(_ context.Context, m queue.Message) error {
			switch m.Receives {
			case 1:
				return errors.New("not now")
			case 2:
				panic("oh")
			}
			return nil
		})
		if len(handled) != 3 {
			t.Errorf("handled %v, want three times", handled)
		}
		wantDepth(t, q, 0)
	})
}

func TestAHandlerHasTheVisibilityTimeoutAndNotLonger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := open(t, memledger.New(), queue.Options{VisibilityTimeout: 30 * time.Second, MaxReceives: 1})
		send(t, q, "g", "slow")
		start := time.Now()
		var took time.Duration
		run(t, q, 1, time.Hour, func(ctx context.Context, _ queue.Message) error {
			<-ctx.Done()
			took = time.Since(start)
			return ctx.Err()
		})
		if took != 30*time.Second {
			t.Errorf("the handler had %v, want 30s", took)
		}
	})
}

func TestRunEndsWhatIsInHandWhenItsContextEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := open(t, memledger.New(), queue.Options{})
		send(t, q, "g", "x")
		send(t, q, "g", "y")
		handled := run(t, q, 1, 5*time.Second, func(ctx context.Context, _ queue.Message) error {
			<-time.After(20 * time.Second)
			return ctx.Err()
		})
		if diff := cmp.Diff([]string{"x"}, handled); diff != "" {
			t.Errorf("handled (-want +got):\n%s", diff)
		}
		wantDepth(t, q, 1)
	})
}

func TestRunOutlivesAStoreThatFailsForAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memledger.New()
		q := open(t, store, queue.Options{})
		send(t, q, "g", "x")
		store.SetFaults(func(string, []ledger.Op) memledger.Fault { return memledger.Fault{Lost: memledger.ErrInjected} })
		time.AfterFunc(10*time.Minute, func() { store.SetFaults(nil) })
		handled := run(t, q, 1, 20*time.Minute, func(context.Context, queue.Message) error { return nil })
		if diff := cmp.Diff([]string{"x"}, handled); diff != "" {
			t.Errorf("handled (-want +got):\n%s", diff)
		}
		wantDepth(t, q, 0)
	})
}
