package outbox_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cinegit/guardian/internal/adapter/memledger"
	"github.com/cinegit/guardian/internal/adapter/notify"
	"github.com/cinegit/guardian/internal/ledger"
	"github.com/cinegit/guardian/internal/outbox"
)

// channel notes whom it told what, unless it fails.
type channel struct {
	name  string
	fails func(ctx context.Context) error // nil never fails

	mu   sync.Mutex
	told []string
}

func (c *channel) Name() string { return c.name }

func (c *channel) Send(ctx context.Context, m ledger.Message) error {
	if c.fails != nil {
		if err := c.fails(ctx); err != nil {
			return err
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.told = append(c.told, m.ID)
	return nil
}

func always(err error) func(context.Context) error {
	return func(context.Context) error { return err }
}

// office is an outbox with a clock that the test moves.
type office struct {
	outbox.Outbox
	store *memledger.Store
	now   time.Time
	log   bytes.Buffer

	mu      sync.Mutex
	counted map[string]int
}

func open(t *testing.T, channels ...notify.Channel) *office {
	t.Helper()
	o := &office{store: memledger.New(), now: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC), counted: map[string]int{}}
	o.Outbox = outbox.Outbox{
		Ledger: &ledger.Ledger{Store: o.store}, Channels: channels, Log: slog.New(slog.NewTextHandler(&o.log, nil)),
		Now: func() time.Time { return o.now },
		Count: func(channel, outcome string) {
			o.mu.Lock()
			defer o.mu.Unlock()
			o.counted[channel+" "+outcome]++
		},
	}
	return o
}

// put lets messages wait.
func (o *office) put(t *testing.T, messages ...ledger.Message) {
	t.Helper()
	for _, m := range messages {
		must(t, o.Ledger.SaveMessage(t.Context(), m))
	}
}

// waiting gives what waits.
func (o *office) waiting(t *testing.T) []ledger.Message {
	t.Helper()
	messages, err := o.Ledger.Outbox(t.Context())
	must(t, err)
	return messages
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestEveryChannelIsToldOnceAndThenNothingWaits(t *testing.T) {
	one, two := &channel{name: "one"}, &channel{name: "two"}
	o := open(t, one, two)
	for i := range 20 { // more than are sent at the same time
		o.put(t, ledger.Message{ID: fmt.Sprint(i)})
	}
	must(t, o.Deliver(t.Context()))
	must(t, o.Deliver(t.Context()))
	if len(one.told) != 20 || len(two.told) != 20 || len(o.waiting(t)) != 0 {
		t.Errorf("told %d and %d, %d wait", len(one.told), len(two.told), len(o.waiting(t)))
	}
	if diff := cmp.Diff(map[string]int{"one sent": 20, "two sent": 20}, o.counted); diff != "" {
		t.Error(diff)
	}
}

func TestAChannelThatFailsIsTriedAgainAloneAndOneThatRefusesIsNot(t *testing.T) {
	failing, refusing, well := &channel{name: "failing", fails: always(errors.New("no route"))}, &channel{name: "refusing"}, &channel{name: "well"}
	refusing.fails = always(fmt.Errorf("no such room: %w", notify.ErrPermanent))
	o := open(t, failing, refusing, well)
	o.put(t, ledger.Message{ID: "m"})
	must(t, o.Deliver(t.Context()))
	m := o.waiting(t)[0]
	if diff := cmp.Diff([]string{"refusing", "well"}, m.SentTo); diff != "" || m.Tries != 1 {
		t.Errorf("%d tries, %s", m.Tries, diff)
	}
	o.now = m.NextTry
	failing.fails = nil
	must(t, o.Deliver(t.Context()))
	want := map[string]int{"failing failed": 1, "failing sent": 1, "refusing refused": 1, "well sent": 1}
	if diff := cmp.Diff(want, o.counted); diff != "" || len(o.waiting(t)) != 0 {
		t.Errorf("%d wait, %s", len(o.waiting(t)), diff)
	}
	if log := o.log.String(); !strings.Contains(log, "no such room") || !strings.Contains(log, "no route") {
		t.Errorf("the log says %s", log)
	}
}

func TestTheWaitsGrowToAnHourAndAMessageIsGivenUpAfterItsTries(t *testing.T) {
	c := &channel{name: "c", fails: always(errors.New("no route"))}
	o := open(t, c)
	o.put(t, ledger.Message{ID: "m", NextTry: o.now})
	var waits []time.Duration
	for m := o.waiting(t); len(m) > 0; m = o.waiting(t) {
		o.now = o.now.Add(-time.Nanosecond)
		must(t, o.Deliver(t.Context())) // too early: not a try
		o.now = o.now.Add(time.Nanosecond)
		must(t, o.Deliver(t.Context()))
		if m = o.waiting(t); len(m) > 0 {
			waits = append(waits, m[0].NextTry.Sub(o.now))
			o.now = m[0].NextTry
		}
	}
	if len(waits) != outbox.MostTries-1 || waits[0] != 2*time.Second || waits[1] != 4*time.Second || waits[len(waits)-1] != time.Hour {
		t.Errorf("waits %s", waits)
	}
	if o.counted["c failed"] != outbox.MostTries || !strings.Contains(o.log.String(), "message given up") {
		t.Errorf("tried %d times: %s", o.counted["c failed"], &o.log)
	}
}

func TestAReceiverThatAsksToBeLeftAloneIs(t *testing.T) {
	c := &channel{name: "c", fails: always(&notify.Error{Status: 429, RetryAfter: 5 * time.Minute})}
	o := open(t, c, &channel{name: "d", fails: always(errors.New("no route"))})
	o.put(t, ledger.Message{ID: "m"})
	must(t, o.Deliver(t.Context()))
	if wait := o.waiting(t)[0].NextTry.Sub(o.now); wait != 5*time.Minute {
		t.Errorf("tried again after %s", wait)
	}
}

func TestManyThatCannotBeDeliveredHoldBackNoOther(t *testing.T) {
	c := &channel{name: "c"}
	o := open(t, c)
	for i := range 450 {
		o.put(t, ledger.Message{ID: fmt.Sprintf("a%03d", i), Tries: 20, NextTry: o.now.Add(time.Minute)})
	}
	o.put(t, ledger.Message{ID: "page"})
	must(t, o.Deliver(t.Context()))
	if diff := cmp.Diff([]string{"page"}, c.told); diff != "" || len(o.waiting(t)) != 450 {
		t.Errorf("%d wait, %s", len(o.waiting(t)), diff)
	}
}

func TestWhatCannotBeWrittenIsToldAgainRatherThanNever(t *testing.T) {
	for how, want := range map[memledger.How]int{memledger.Lost: 2, memledger.Landed: 1} {
		c, other := &channel{name: "c"}, &channel{name: "other"}
		o := open(t, c, other)
		o.put(t, ledger.Message{ID: "m"})
		o.store.SetFaults(memledger.FailWrite(0, how))
		if err := o.Deliver(t.Context()); !errors.Is(err, memledger.ErrInjected) || !strings.Contains(err.Error(), "message m") {
			t.Errorf("landed %t: %v", how, err)
		}
		must(t, o.Deliver(t.Context()))
		if len(c.told) != want || len(other.told) != want || len(o.waiting(t)) != 0 {
			t.Errorf("landed %t: told %d and %d times, %d wait", how, len(c.told), len(other.told), len(o.waiting(t)))
		}
	}
}

func TestAMessageThatCannotBeWrittenHoldsBackNoOther(t *testing.T) {
	c := &channel{name: "c"}
	o := open(t, c)
	for i := range 12 {
		o.put(t, ledger.Message{ID: fmt.Sprint(i)})
	}
	o.store.SetFaults(memledger.FailWrite(3, memledger.Lost))
	err := o.Deliver(t.Context())
	if !errors.Is(err, memledger.ErrInjected) || len(c.told) != 12 || len(o.waiting(t)) != 1 {
		t.Errorf("told %d, %d wait: %v", len(c.told), len(o.waiting(t)), err)
	}
}

func TestTwoWhoDeliverAtOnceLoseNothing(t *testing.T) {
	var both sync.WaitGroup
	both.Add(2)
	c := &channel{name: "c", fails: func(context.Context) error { both.Done(); both.Wait(); return nil }}
	o := open(t, c)
	o.put(t, ledger.Message{ID: "m"})
	failed := make([]error, 2)
	var all sync.WaitGroup
	for i := range failed {
		all.Go(func() { failed[i] = o.Deliver(t.Context()) })
	}
	all.Wait()
	if err := errors.Join(failed...); !errors.Is(err, ledger.ErrConflict) || failed[0] != nil && failed[1] != nil {
		t.Errorf("the one says %v, the other %v", failed[0], failed[1])
	}
	if len(o.waiting(t)) != 0 || len(c.told) != 2 {
		t.Errorf("told %d times, %d wait", len(c.told), len(o.waiting(t)))
	}
}

func TestWhenTheProcessEndsWhoHasItIsWrittenAndWhatWasCutOffIsNoTry(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	var told sync.WaitGroup
	told.Add(1)
	quick := &channel{name: "quick", fails: func(context.Context) error { told.Done(); return nil }}
	slow := &channel{name: "slow", fails: func(ctx context.Context) error { told.Wait(); cancel(); <-ctx.Done(); return ctx.Err() }}
	o := open(t, quick, slow)
	o.put(t, ledger.Message{ID: "m", Tries: outbox.MostTries - 1})
	must(t, o.Deliver(ctx))
	left := o.waiting(t)
	if len(left) != 1 || left[0].Tries != outbox.MostTries-1 || !left[0].NextTry.IsZero() || o.log.Len() != 0 {
		t.Fatalf("left %+v: %s", left, &o.log)
	}
	if diff := cmp.Diff([]string{"quick"}, left[0].SentTo); diff != "" {
		t.Error(diff)
	}
}

func TestWithoutALedgerNobodyIsTold(t *testing.T) {
	c := &channel{name: "c"}
	o := open(t, c)
	o.put(t, ledger.Message{ID: "m"})
	o.store.SetFaults(memledger.CrashAtWrite(0, memledger.Lost))
	_ = o.Ledger.SaveMessage(t.Context(), ledger.Message{ID: "n"}) // the crash
	if err := o.Deliver(t.Context()); !errors.Is(err, memledger.ErrInjected) || len(c.told) != 0 {
		t.Errorf("told %v: %v", c.told, err)
	}
}

func TestAFewMessagesAreSentAtOnceAndNoMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var now, most atomic.Int64
		c := &channel{name: "c", fails: func(context.Context) error {
			at := now.Add(1)
			defer now.Add(-1)
			for seen := most.Load(); at > seen && !most.CompareAndSwap(seen, at); seen = most.Load() {
			}
			<-time.After(time.Second)
			return nil
		}}
		o := open(t, c)
		for i := range 20 {
			o.put(t, ledger.Message{ID: fmt.Sprint(i)})
		}
		start := time.Now()
		must(t, o.Deliver(t.Context()))
		if most.Load() != 8 || time.Since(start) != 3*time.Second || len(c.told) != 20 {
			t.Errorf("%d at once, %s, told %d", most.Load(), time.Since(start), len(c.told))
		}
	})
}
