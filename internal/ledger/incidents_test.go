package ledger_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/cinegit/guardian/internal/ledger"
)

func TestAnIncidentIsReadAsItWasWritten(t *testing.T) {
	l, _, inc := opened(t)
	inc.Step, inc.Reason = ledger.StepBlame, "because"
	inc.Effects = []ledger.Effect{{Kind: ledger.EffectPin, What: "pin", Before: []byte(`{"a":1}`), DecidedAt: noon()}}
	inc, err := l.Commit(t.Context(), ledger.Change{Incident: inc})
	must(t, err)
	got, err := l.Incident(t.Context(), inc.ID)
	must(t, err)
	if diff := cmp.Diff(inc, got); diff != "" {
		t.Error(diff)
	}
	if _, err := l.Incident(t.Context(), "none"); !errors.Is(err, ledger.ErrNotFound) {
		t.Errorf("got %v", err)
	}
}

func TestAnIncidentIsOpenedOnceAndAnEpisodeTakenUpOnce(t *testing.T) {
	l, store, _ := opened(t)
	writes := store.Writes()
	lease, err := l.Lease(t.Context(), prod())
	must(t, err)
	if _, err := l.Open(t.Context(), incident("review-prod-1", noon()), lease.Taken("review-prod-1", noon(), time.Hour)); !errors.Is(err, ledger.ErrConflict) {
		t.Errorf("the same incident again: %v", err)
	}
	same := incident("review-prod-2", noon())
	same.Alerts[0].Fingerprint = "f-review-prod-1"
	if _, err := l.Open(t.Context(), same, lease.Taken("review-prod-2", noon(), time.Hour)); !errors.Is(err, ledger.ErrConflict) {
		t.Errorf("the same episode again: %v", err)
	}
	lease.Fence--
	if _, err := l.Open(t.Context(), incident("review-prod-3", noon()), lease.Taken("review-prod-3", noon(), time.Hour)); !errors.Is(err, ledger.ErrConflict) {
		t.Errorf("with a lease that has moved on: %v", err)
	}
	if store.Writes() != writes {
		t.Error("something of it was written")
	}
	if id, err := l.EpisodeOf(t.Context(), incident("review-prod-1", noon()).Alerts[0]); err != nil || id != "review-prod-1" {
		t.Errorf("the episode is of %q, %v", id, err)
	}
	if id, err := l.EpisodeOf(t.Context(), incident("x", noon()).Alerts[0]); err != nil || id != "" {
		t.Errorf("an unknown episode is of %q, %v", id, err)
	}
}

func TestAnIncidentThatIsListedBeforeItCanBeReadIsLeftOutOfTheList(t *testing.T) {
	l, store, inc := opened(t)
	must(t, store.Write(t.Context(), ledger.Op{Kind: ledger.OpPut, Key: ledger.Key{Partition: "open", Sort: "early"}, Value: []byte(`"early"`)}))
	open, err := l.OpenIncidents(t.Context())
	must(t, err)
	if len(open) != 1 || open[0].ID != inc.ID {
		t.Errorf("open are %v, want %s alone", open, inc.ID)
	}
}

func TestOfTwoWhoChangeAnIncidentTheSecondIsRefusedWhole(t *testing.T) {
	l, _, inc := opened(t)
	first, second := inc, inc
	first.Step = ledger.StepBlame
	_, err := l.Commit(t.Context(), ledger.Change{Incident: first, Events: []ledger.Event{{Text: "first"}}})
	must(t, err)
	quarantine, err := ledger.QuarantineOp(ledger.Quarantine{Target: prod(), Release: "r"})
	must(t, err)
	_, err = l.Commit(t.Context(), ledger.Change{Incident: second, Events: []ledger.Event{{Text: "second"}}, Also: []ledger.Op{quarantine}})
	if !errors.Is(err, ledger.ErrConflict) {
		t.Errorf("got %v", err)
	}
	quarantines, err := l.Quarantines(t.Context())
	must(t, err)
	events, err := l.Events(t.Context(), inc.ID, -1)
	must(t, err)
	if len(quarantines) != 0 || len(events) != 2 || events[1].Text != "first" {
		t.Errorf("it left %v and %v", quarantines, events)
	}
}

func TestAChangeIsRefusedOnceTheLeaseIsLost(t *testing.T) {
	l, _, inc := opened(t)
	lease, err := l.Hold(t.Context(), prod(), inc.ID, noon(), time.Hour)
	must(t, err)
	_, err = l.Hold(t.Context(), prod(), "undo x", noon().Add(2*time.Hour), time.Hour) // it slept through its lease
	must(t, err)
	if _, err := l.Commit(t.Context(), ledger.Change{Incident: inc, Lease: &lease}); !errors.Is(err, ledger.ErrConflict) {
		t.Errorf("got %v", err)
	}
}

func TestALeaseIsHeldByOneAtATime(t *testing.T) {
	l, store := fresh()
	first, err := l.Hold(t.Context(), prod(), "a", noon(), time.Hour)
	must(t, err)
	if _, err := l.Hold(t.Context(), prod(), "b", noon().Add(59*time.Minute), time.Hour); !errors.Is(err, ledger.ErrHeld) {
		t.Errorf("another takes it: %v", err)
	}
	writes := store.Writes()
	if _, err := l.Hold(t.Context(), prod(), "a", noon().Add(29*time.Minute), time.Hour); err != nil || store.Writes() != writes {
		t.Errorf("a renewal with much time left writes: %v", err)
	}
	renewed, err := l.Hold(t.Context(), prod(), "a", noon().Add(31*time.Minute), time.Hour)
	if err != nil || renewed.Fence <= first.Fence || !renewed.Until.Equal(noon().Add(91*time.Minute)) {
		t.Errorf("renewed %+v, %v", renewed, err)
	}
	free, err := renewed.FreeOp()
	must(t, err)
	must(t, l.Write(t.Context(), free))
	next, err := l.Hold(t.Context(), prod(), "b", noon().Add(32*time.Minute), time.Hour)
	if err != nil || next.Fence <= renewed.Fence {
		t.Errorf("after it was freed %+v, %v", next, err)
	}
	if other, err := l.Hold(t.Context(), ledger.Target{Service: "review", Stage: "dev"}, "a", noon(), time.Hour); err != nil || other.Holder != "a" {
		t.Errorf("another target: %+v, %v", other, err)
	}
}

// Fencing numbers only go up, whoever takes, renews, loses and frees the lease.
func TestFencingNumbersOnlyGoUpAndNoTwoHoldAtOnce(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		l, _ := fresh()
		now, fence, holder, until := noon(), int64(0), "", time.Time{}
		for range rapid.IntRange(1, 30).Draw(rt, "steps") {
			now = now.Add(time.Duration(rapid.IntRange(0, 40).Draw(rt, "minutes")) * time.Minute)
			who := rapid.SampledFrom([]string{"a", "b", "c"}).Draw(rt, "who")
			lease, err := l.Hold(t.Context(), prod(), who, now, time.Hour)
			if errors.Is(err, ledger.ErrHeld) {
				if holder == "" || holder == who || now.After(until) {
					rt.Fatalf("%s is refused a lease that is free", who)
				}
				continue
			}
			if err != nil || holder != "" && holder != who && !now.After(until) || lease.Fence < fence {
				rt.Fatalf("%s takes it from %s with fence %d after %d: %v", who, holder, lease.Fence, fence, err)
			}
			fence, holder, until = lease.Fence, who, lease.Until
			if rapid.Bool().Draw(rt, "free") {
				op, err := lease.FreeOp()
				if err == nil {
					err = l.Write(t.Context(), op)
				}
				if err != nil {
					rt.Fatal(err)
				}
				holder, fence = "", fence+1
			}
		}
	})
}

func TestAnEndedIncidentIsListedAndNoLongerOpen(t *testing.T) {
	l, _, inc := opened(t)
	open, err := l.OpenIncidents(t.Context())
	if err != nil || len(open) != 1 {
		t.Fatalf("open: %v, %v", open, err)
	}
	inc.End = ledger.Healed
	_, err = l.Commit(t.Context(), ledger.Change{Incident: inc})
	must(t, err)
	if open, err = l.OpenIncidents(t.Context()); err != nil || len(open) != 0 {
		t.Errorf("still open: %v, %v", open, err)
	}
	if all, err := l.Incidents(t.Context(), 0); err != nil || len(all) != 1 || all[0].End != ledger.Healed {
		t.Errorf("all: %v, %v", all, err)
	}
}

func TestIncidentsAreListedTheNewestFirst(t *testing.T) {
	l, _ := fresh()
	for i := range 5 {
		lease, err := l.Lease(t.Context(), prod())
		must(t, err)
		id := fmt.Sprintf("i%d", i)
		_, err = l.Open(t.Context(), incident(id, noon().Add(time.Duration(i)*time.Minute)), lease.Taken(id, noon(), time.Hour))
		must(t, err)
	}
	some, err := l.Incidents(t.Context(), 2)
	must(t, err)
	if len(some) != 2 || some[0].ID != "i4" || some[1].ID != "i3" {
		t.Errorf("got %v", some)
	}
}

func TestEventsAreNumberedAndReadFromAnyOne(t *testing.T) {
	l, _, inc := opened(t)
	for i := range 3 {
		var err error
		inc, err = l.Commit(t.Context(), ledger.Change{Incident: inc, Events: []ledger.Event{{Text: fmt.Sprint(i)}, {Text: "and"}}})
		must(t, err)
	}
	all, err := l.Events(t.Context(), inc.ID, -1)
	must(t, err)
	for i, e := range all {
		if e.Seq != i || e.Incident != inc.ID || e.Target != prod() {
			t.Errorf("event %d is %+v", i, e)
		}
	}
	after, err := l.Events(t.Context(), inc.ID, 4)
	if err != nil || len(all) != 7 || len(after) != 2 || after[0].Seq != 5 {
		t.Errorf("%d events, after the fourth %+v, %v", len(all), after, err)
	}
}
