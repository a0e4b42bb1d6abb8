package queue_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cinegit/guardian/internal/adapter/boltledger"
	"github.com/cinegit/guardian/internal/adapter/memledger"
	"github.com/cinegit/guardian/internal/ledger"
	"github.com/cinegit/guardian/internal/queue"
)

func open(t *testing.T, store ledger.Store, o queue.Options) *queue.Queue {
	t.Helper()
	o.Log = slog.New(slog.DiscardHandler)
	q, err := queue.Open(t.Context(), store, "alerts", o)
	if err != nil {
		t.Fatal(err)
	}
	return q
}

func send(t *testing.T, q *queue.Queue, group, body string) {
	t.Helper()
	if isNew, err := q.Send(t.Context(), queue.Message{GroupID: group, Body: []byte(body)}); err != nil || !isNew {
		t.Fatalf("Send = %t, %v", isNew, err)
	}
}

func receive(t *testing.T, q *queue.Queue, limit int) []queue.Message {
	t.Helper()
	got, err := q.Receive(t.Context(), limit)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func bodies(messages []queue.Message) []string {
	var out []string
	for _, m := range messages {
		out = append(out, string(m.Body))
	}
	return out
}

func wantBodies(t *testing.T, got []queue.Message, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, bodies(got)); diff != "" {
		t.Fatalf("messages (-want +got):\n%s", diff)
	}
}

func wantDepth(t *testing.T, q *queue.Queue, want int) {
	t.Helper()
	if got, err := q.Depth(t.Context()); got != want || err != nil {
		t.Fatalf("Depth = %d, %v, want %d", got, err, want)
	}
}

// nothingToReceive waits an hour of virtual time in vain.
func nothingToReceive(t *testing.T, q *queue.Queue) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
	defer cancel()
	if got, err := q.Receive(ctx, 10); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("Receive = %q, %v, want nothing", bodies(got), err)
	}
}

func TestAGroupIsHandedOutOneByOneInItsOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := open(t, memledger.New(), queue.Options{VisibilityTimeout: 24 * time.Hour})
		for _, body := range []string{"a1", "b1", "a2", "b2", "a3"} {
			send(t, q, body[:1], body)
		}
		first := receive(t, q, 10)
		wantBodies(t, first, "a1", "b1")
		nothingToReceive(t, q)
		if err := q.Delete(t.Context(), first[0]); err != nil {
			t.Fatal(err)
		}
		second := receive(t, q, 10)
		wantBodies(t, second, "a2")
		wantDepth(t, q, 4)
		if err := q.Delete(t.Context(), second[0]); err != nil {
			t.Fatal(err)
		}
		wantBodies(t, receive(t, q, 1), "a3")
	})
}

func TestADeduplicationIDIsNewOnceAWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := open(t, memledger.New(), queue.Options{DeduplicationWindow: 5 * time.Minute})
		for _, tt := range []struct {
			id    string
			after time.Duration
			want  bool
		}{
			{"x", 0, true}, {"x", 0, false}, {"y", 0, true}, {"x", 5*time.Minute - 1, false}, {"x", 1, true}, {"", 0, true}, {"", 0, true},
			{strings.Repeat("long", 1000), 0, true}, {strings.Repeat("long", 1000), 0, false}, {strings.Repeat("long", 1001), 0, true},
		} {
			<-time.After(tt.after)
			isNew, err := q.Send(t.Context(), queue.Message{GroupID: "g", DeduplicationID: tt.id})
			if err != nil || isNew != tt.want {
				t.Errorf("Send of %.10q after %v = %t, %v, want %t", tt.id, tt.after, isNew, err, tt.want)
			}
		}
		wantDepth(t, q, 7)
	})
}

func TestOfManyWhoSendTheSameOneIsNew(t *testing.T) {
	q := open(t, memledger.New(), queue.Options{})
	news := make(chan bool, 20)
	var all sync.WaitGroup
	for range cap(news) {
		all.Go(func() {
			isNew, err := q.Send(t.Context(), queue.Message{GroupID: "g", DeduplicationID: "same"})
			if err != nil {
				t.Error(err)
			}
			news <- isNew
		})
	}
	all.Wait()
	close(news)
	count := 0
	for isNew := range news {
		if isNew {
			count++
		}
	}
	if count != 1 {
		t.Errorf("%d sends were new, want 1", count)
	}
	wantDepth(t, q, 1)
}

func TestAMessageWithoutGroupIsRefused(t *testing.T) {
	q := open(t, memledger.New(), queue.Options{})
	if _, err := q.Send(t.Context(), queue.Message{Body: []byte("x")}); !errors.Is(err, queue.ErrNoGroup) {
		t.Errorf("error %v, want ErrNoGroup", err)
	}
}

func TestReceiveIsWokenBySend(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := open(t, memledger.New(), queue.Options{})
		start := time.Now()
		time.AfterFunc(3*time.Second, func() {
			if _, err := q.Send(context.Background(), queue.Message{GroupID: "g", Body: []byte("x")}); err != nil {
				t.Error(err)
			}
		})
		wantBodies(t, receive(t, q, 1), "x")
		if waited := time.Since(start); waited != 3*time.Second {
			t.Errorf("woken after %v, want 3s", waited)
		}
	})
}

func TestAMessageComesAgainAfterItsVisibilityTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := open(t, memledger.New(), queue.Options{VisibilityTimeout: time.Minute})
		send(t, q, "g", "x")
		start := time.Now()
		first := receive(t, q, 1)[0]
		again := receive(t, q, 1)[0]
		if waited := time.Since(start); waited != time.Minute {
			t.Errorf("came again after %v, want 1m", waited)
		}
		if again.Receives != 2 || again.Reason == "" {
			t.Errorf("receives %d, reason %q, want 2 and a reason", again.Receives, again.Reason)
		}
		if err := q.Delete(t.Context(), first); !errors.Is(err, queue.ErrStaleReceipt) {
			t.Errorf("Delete with the first receipt: %v, want ErrStaleReceipt", err)
		}
		if err := q.Return(t.Context(), first, errors.New("late")); !errors.Is(err, queue.ErrStaleReceipt) {
			t.Errorf("Return with the first receipt: %v, want ErrStaleReceipt", err)
		}
		if err := q.Delete(t.Context(), again); err != nil {
			t.Error(err)
		}
		wantDepth(t, q, 0)
	})
}

func TestAReturnedMessageBacksOffAndDies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := open(t, memledger.New(), queue.Options{MaxReceives: 5, FirstBackoff: time.Second, MaxBackoff: 5 * time.Second})
		send(t, q, "g", "bad")
		send(t, q, "g", "good")
		var waits []time.Duration
		for last := time.Now(); ; last = time.Now() {
			m := receive(t, q, 1)[0]
			if string(m.Body) == "good" {
				break
			}
			waits = append(waits, time.Since(last))
			if err := q.Return(t.Context(), m, fmt.Errorf("no luck, time %d", m.Receives)); err != nil {
				t.Fatal(err)
			}
		}
		want := []time.Duration{0, time.Second, 2 * time.Second, 4 * time.Second, 5 * time.Second}
		if diff := cmp.Diff(want, waits); diff != "" {
			t.Errorf("waits (-want +got):\n%s", diff)
		}
		dead, err := q.Dead(t.Context())
		if err != nil || len(dead) != 1 {
			t.Fatalf("Dead = %v, %v", dead, err)
		}
		if d := dead[0]; string(d.Body) != "bad" || d.Receives != 5 || d.Reason != "no luck, time 5" || d.DeadAt.IsZero() {
			t.Errorf("dead message %+v", d)
		}
		wantDepth(t, q, 1)
	})
}

func TestAnUnprocessableMessageDiesAtOnce(t *testing.T) {
	q := open(t, memledger.New(), queue.Options{})
	send(t, q, "g", "junk")
	m := receive(t, q, 1)[0]
	if err := q.Return(t.Context(), m, fmt.Errorf("not JSON: %w", queue.ErrUnprocessable)); err != nil {
		t.Fatal(err)
	}
	if dead, err := q.Dead(t.Context()); err != nil || len(dead) != 1 {
		t.Errorf("Dead = %v, %v, want the message", dead, err)
	}
	wantDepth(t, q, 0)
}

func TestWhatWasSentComesAfterARestartInItsOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memledger.New()
		q := open(t, store, queue.Options{})
		for i := range 50 {
			send(t, q, "g", strconv.Itoa(i))
		}
		receive(t, q, 1) // in flight when the process is killed

		q = open(t, store, queue.Options{})
		send(t, q, "g", "50")
		for i := range 51 {
			got := receive(t, q, 1)
			wantBodies(t, got, strconv.Itoa(i))
			if err := q.Delete(t.Context(), got[0]); err != nil {
				t.Fatal(err)
			}
		}
		wantDepth(t, q, 0)
	})
}

func TestAMessageThatKillsTheProcessDies(t *testing.T) {
	store := memledger.New()
	send(t, open(t, store, queue.Options{}), "g", "poison")
	const most = 3
	for range most {
		q := open(t, store, queue.Options{MaxReceives: most})
		wantBodies(t, receive(t, q, 1), "poison")
	}
	q := open(t, store, queue.Options{MaxReceives: most})
	send(t, q, "g", "next")
	wantBodies(t, receive(t, q, 1), "next")
	dead, err := q.Dead(t.Context())
	if err != nil || len(dead) != 1 || dead[0].Receives != most || dead[0].Reason == "" {
		t.Errorf("Dead = %+v, %v, want the poison with %d receives and a reason", dead, err, most)
	}
}

func TestASendThatMayHaveLandedIsNeitherLostNorDoubled(t *testing.T) {
	for _, how := range []memledger.How{memledger.Lost, memledger.Landed} {
		t.Run(fmt.Sprintf("landed %t", how), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store := memledger.New()
				q := open(t, store, queue.Options{VisibilityTimeout: 24 * time.Hour})
				store.SetFaults(memledger.FailWrite(0, how))
				m := queue.Message{GroupID: "g", DeduplicationID: "d", Body: []byte("x")}
				if _, err := q.Send(t.Context(), m); !errors.Is(err, memledger.ErrInjected) {
					t.Fatalf("Send: %v", err)
				}
				isNew, err := q.Send(t.Context(), m)
				if err != nil || isNew == bool(how) {
					t.Fatalf("second Send = %t, %v", isNew, err)
				}
				wantBodies(t, receive(t, q, 1), "x")
				nothingToReceive(t, q)
				wantDepth(t, q, 1)
			})
		})
	}
}

func TestASendIsOneWriteAndAMegabyteIsNoTrouble(t *testing.T) {
	store := memledger.New()
	q := open(t, store, queue.Options{})
	body := bytes.Repeat([]byte{0xff}, 1<<20)
	if _, err := q.Send(t.Context(), queue.Message{GroupID: "g", DeduplicationID: "d", Body: body}); err != nil {
		t.Fatal(err)
	}
	m := receive(t, q, 1)[0]
	if !bytes.Equal(m.Body, body) {
		t.Error("the body came back changed")
	}
	if got := store.Writes(); got != 1 {
		t.Errorf("%d writes until the message is in hand, want 1", got)
	}
}

func TestTheQueueSurvivesOnDisk(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.db")
	for round := range 3 {
		store, err := boltledger.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		q := open(t, store, queue.Options{})
		wantDepth(t, q, round)
		send(t, q, "g", strconv.Itoa(round))
		wantBodies(t, receive(t, q, 1), "0")
		if err := store.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
