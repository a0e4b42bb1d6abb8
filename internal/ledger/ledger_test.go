package ledger_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/cinegit/guardian/internal/adapter/memledger"
	"github.com/cinegit/guardian/internal/flag"
	"github.com/cinegit/guardian/internal/ledger"
)

func noon() time.Time { return time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC) }

func prod() ledger.Target { return ledger.Target{Service: "review", Stage: "prod"} }

func fresh() (*ledger.Ledger, *memledger.Store) {
	store := memledger.New()
	return &ledger.Ledger{Store: store}, store
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func incident(id string, at time.Time) ledger.Incident {
	return ledger.Incident{
		ID: id, Target: prod(), OpenedAt: at, StartsAt: at, Step: ledger.StepConfirm, Current: -1,
		Alerts: []ledger.Alert{{Name: "ManyErrors", Fingerprint: "f-" + id, StartsAt: at}},
	}
}

// opened gives a ledger with one open incident that holds the target.
func opened(t *testing.T) (*ledger.Ledger, *memledger.Store, ledger.Incident) {
	t.Helper()
	l, store := fresh()
	lease, err := l.Lease(t.Context(), prod())
	must(t, err)
	inc, err := l.Open(t.Context(), incident("review-prod-1", noon()), lease.Taken("review-prod-1", noon(), time.Hour),
		ledger.Event{At: noon(), Kind: ledger.EventAlert, Text: "it fires"})
	must(t, err)
	return l, store, inc
}

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

func TestTheBreakerForgetsOldActsAndCountsAnIncidentOnce(t *testing.T) {
	act := func(incident string, minute int) ledger.Act {
		return ledger.Act{Target: prod(), Incident: incident, At: noon().Add(time.Duration(minute) * time.Minute)}
	}
	b := ledger.Breaker{Acts: []ledger.Act{act("a", 0), act("b", 10), act("c", 20)}, Version: 7}
	got := b.With(act("b", 30), noon().Add(5*time.Minute))
	if diff := cmp.Diff(ledger.Breaker{Acts: []ledger.Act{act("c", 20), act("b", 30)}, Version: 7}, got); diff != "" {
		t.Error(diff)
	}
	if len(b.Acts) != 3 {
		t.Error("it changed the one that it began with")
	}
}

func TestTwoWhoCountOnTheSameBreakerCannotBothBeTheLast(t *testing.T) {
	l, _, inc := opened(t)
	breaker, err := l.Breaker(t.Context())
	must(t, err)
	next := breaker.With(ledger.Act{Incident: inc.ID}, noon())
	inc, err = l.Commit(t.Context(), ledger.Change{Incident: inc, Breaker: &next})
	must(t, err)
	if _, err := l.Commit(t.Context(), ledger.Change{Incident: inc, Breaker: &next}); !errors.Is(err, ledger.ErrConflict) {
		t.Errorf("got %v", err)
	}
}

func TestFreezesHoldInTheirScopeUntilTheyEnd(t *testing.T) {
	for name, tt := range map[string]struct {
		freeze ledger.Freeze
		covers bool
	}{
		"everything":                   {ledger.Freeze{}, true},
		"the service":                  {ledger.Freeze{Service: "review"}, true},
		"the target":                   {ledger.Freeze{Service: "review", Stage: "prod"}, true},
		"the stage of every service":   {ledger.Freeze{Stage: "prod"}, true},
		"another service":              {ledger.Freeze{Service: "orders"}, false},
		"another stage of the service": {ledger.Freeze{Service: "review", Stage: "dev"}, false},
	} {
		if got := tt.freeze.Covers(prod()); got != tt.covers {
			t.Errorf("%s covers it: %t", name, got)
		}
	}
	l, _ := fresh()
	must(t, l.SetFreeze(t.Context(), ledger.Freeze{Service: "review", Until: noon().Add(time.Hour), Why: "one"}))
	must(t, l.SetFreeze(t.Context(), ledger.Freeze{Service: "review", Until: noon().Add(2 * time.Hour), Why: "two"}))
	must(t, l.SetFreeze(t.Context(), ledger.Freeze{Until: noon().Add(time.Minute)}))
	got, err := l.Freezes(t.Context(), noon().Add(time.Minute))
	if err != nil || len(got) != 1 || got[0].Why != "two" {
		t.Errorf("in force are %+v, %v", got, err)
	}
	must(t, l.LiftFreeze(t.Context(), "review", ""))
	must(t, l.LiftFreeze(t.Context(), "review", ""))
	if got, err = l.Freezes(t.Context(), noon()); err != nil || len(got) != 1 {
		t.Errorf("after lifting: %+v, %v", got, err)
	}
}

func TestAQuarantineHoldsUntilItIsLifted(t *testing.T) {
	l, _ := fresh()
	q := ledger.Quarantine{Target: prod(), Release: "r1", Label: "v42"}
	for range 2 {
		op, err := ledger.QuarantineOp(q)
		must(t, err)
		must(t, l.Write(t.Context(), op))
	}
	if got, err := l.Quarantines(t.Context()); err != nil || len(got) != 1 {
		t.Errorf("got %+v, %v", got, err)
	}
	q.LiftedAt = noon()
	op, err := ledger.QuarantineOp(q)
	must(t, err)
	must(t, l.Write(t.Context(), op))
	if got, err := l.Quarantines(t.Context()); err != nil || len(got) != 0 {
		t.Errorf("lifted: %+v, %v", got, err)
	}
}

func TestHoldsRevertsAndOverridesAreKeptByTarget(t *testing.T) {
	l, _ := fresh()
	ctx := t.Context()
	hold, err := ledger.HoldOp(ledger.Hold{Target: prod(), AutoSync: []byte(`{"prune":true}`)})
	must(t, err)
	revert, err := ledger.RevertOp(ledger.Revert{Target: prod(), To: "r1", At: noon()})
	must(t, err)
	override, err := ledger.OverrideOp(ledger.Override{Target: prod(), Change: "flag x", By: "alice"})
	must(t, err)
	must(t, l.Write(ctx, hold, revert, override))
	holds, err := l.Holds(ctx)
	must(t, err)
	last, err := l.LastRevert(ctx, prod())
	must(t, err)
	overrides, err := l.Overrides(ctx, prod())
	must(t, err)
	if len(holds) != 1 || string(holds[0].AutoSync) != `{"prune":true}` || last.To != "r1" || len(overrides) != 1 {
		t.Errorf("got %+v %+v %+v", holds, last, overrides)
	}
	other := ledger.Target{Service: "review", Stage: "dev"}
	if last, err = l.LastRevert(ctx, other); err != nil || last != (ledger.Revert{}) {
		t.Errorf("another target's revert: %+v, %v", last, err)
	}
	if overrides, err = l.Overrides(ctx, other); err != nil || len(overrides) != 0 {
		t.Errorf("another target's overrides: %+v, %v", overrides, err)
	}
	must(t, l.Write(ctx, ledger.DropHoldOp(prod()), ledger.DropRevertOp(prod())))
	if holds, err = l.Holds(ctx); err != nil || len(holds) != 0 {
		t.Errorf("dropped: %+v, %v", holds, err)
	}
}

func TestReleasesAreListedTheNewestFirstAndOneOfThemIsChangedInPlace(t *testing.T) {
	l, _ := fresh()
	for i := range 3 {
		r := ledger.Release{Target: prod(), Label: fmt.Sprint("v", i), From: noon().Add(time.Duration(i) * time.Hour)}
		r.Entry.ID = int64(i)
		must(t, l.SaveSeen(t.Context(), ledger.Seen{Target: prod(), At: noon()}, r))
	}
	runs, err := l.Releases(t.Context(), prod())
	must(t, err)
	runs[1].ProvenAt = noon()
	must(t, l.SaveRelease(t.Context(), runs[1]))
	again, err := l.Releases(t.Context(), prod())
	must(t, err)
	if diff := cmp.Diff(runs, again); diff != "" || len(again) != 3 || again[0].Label != "v2" {
		t.Errorf("got %+v\n%s", again, diff)
	}
}

func TestFlagChangesAreGivenSinceAMoment(t *testing.T) {
	l, _ := fresh()
	for i := range 4 {
		change := &ledger.FlagChange{Flag: "x", At: noon().Add(time.Duration(i) * time.Hour), To: fmt.Sprint(i)}
		must(t, l.SaveFlag(t.Context(), ledger.FlagSeen{Flag: "x", Digest: fmt.Sprint(i)}, change))
	}
	must(t, l.SaveFlag(t.Context(), ledger.FlagSeen{Flag: "y", Digest: "0"}, nil))
	got, err := l.FlagChanges(t.Context(), "x", noon().Add(2*time.Hour))
	if err != nil || len(got) != 2 || got[0].To != "3" || got[1].To != "2" {
		t.Errorf("got %+v, %v", got, err)
	}
	if got, err = l.FlagChanges(t.Context(), "y", time.Time{}); err != nil || len(got) != 0 {
		t.Errorf("of another: %+v, %v", got, err)
	}
	seen, known, err := l.FlagSeen(t.Context(), "x")
	if err != nil || !known || seen.Digest != "3" {
		t.Errorf("seen %+v, %t, %v", seen, known, err)
	}
}

func TestAMessageWaitsInTheOutboxUntilItIsTold(t *testing.T) {
	l, _, inc := opened(t)
	_, err := l.Commit(t.Context(), ledger.Change{Incident: inc, Messages: []ledger.Message{{ID: "m1", Title: "hello"}}})
	must(t, err)
	box, err := l.Outbox(t.Context())
	if err != nil || len(box) != 1 || box[0].Version != 1 {
		t.Fatalf("outbox %+v, %v", box, err)
	}
	m := box[0]
	m.Tries, m.SentTo = 1, []string{"log"}
	must(t, l.SaveMessage(t.Context(), m))
	if err := l.SaveMessage(t.Context(), m); !errors.Is(err, ledger.ErrConflict) {
		t.Errorf("a second sender saves too: %v", err)
	}
	box, err = l.Outbox(t.Context())
	must(t, err)
	must(t, l.Told(t.Context(), box[0], noon()))
	if box, err = l.Outbox(t.Context()); err != nil || len(box) != 0 {
		t.Errorf("told and still there: %+v, %v", box, err)
	}
	must(t, l.Tell(t.Context(), ledger.Message{ID: "m2"}))
	if err := l.Tell(t.Context(), ledger.Message{ID: "m2"}); !errors.Is(err, ledger.ErrConflict) {
		t.Errorf("told twice: %v", err)
	}
}

func TestIgnoredAlertsAreRecordedHoweverManyComeAtOnce(t *testing.T) {
	l, store := fresh()
	var events []ledger.Event
	for i := range 250 {
		events = append(events, ledger.Event{At: noon(), Text: fmt.Sprint(i), Target: prod()})
	}
	must(t, l.Ignore(t.Context(), noon(), events))
	must(t, l.Ignore(t.Context(), noon().Add(time.Second), nil))
	got, err := l.Ignored(t.Context(), 300)
	must(t, err)
	if len(got) != 250 || got[0].Text != "249" || store.Writes() != 3 {
		t.Errorf("%d ignored, the newest %q, in %d writes", len(got), got[0].Text, store.Writes())
	}
	if got, err = l.Ignored(t.Context(), 10); err != nil || len(got) != 10 {
		t.Errorf("of ten: %d, %v", len(got), err)
	}
}

func TestAStoreThatFailsIsAnErrorAndNeverAnEmptyAnswer(t *testing.T) {
	l, store, inc := opened(t)
	store.SetFaults(func(string, []ledger.Op) memledger.Fault { return memledger.Fault{Lost: memledger.ErrInjected} })
	ctx := t.Context()
	calls := map[string]func() error{
		"Incident":      func() error { _, err := l.Incident(ctx, inc.ID); return err },
		"Incidents":     func() error { _, err := l.Incidents(ctx, 0); return err },
		"OpenIncidents": func() error { _, err := l.OpenIncidents(ctx); return err },
		"EpisodeOf":     func() error { _, err := l.EpisodeOf(ctx, inc.Alerts[0]); return err },
		"Events":        func() error { _, err := l.Events(ctx, inc.ID, -1); return err },
		"Lease":         func() error { _, err := l.Lease(ctx, prod()); return err },
		"Hold":          func() error { _, err := l.Hold(ctx, prod(), "x", noon(), time.Hour); return err },
		"Breaker":       func() error { _, err := l.Breaker(ctx); return err },
		"Quarantines":   func() error { _, err := l.Quarantines(ctx); return err },
		"Overrides":     func() error { _, err := l.Overrides(ctx, prod()); return err },
		"LastRevert":    func() error { _, err := l.LastRevert(ctx, prod()); return err },
		"Holds":         func() error { _, err := l.Holds(ctx); return err },
		"Freezes":       func() error { _, err := l.Freezes(ctx, noon()); return err },
		"Seen":          func() error { _, err := l.Seen(ctx, prod()); return err },
		"Releases":      func() error { _, err := l.Releases(ctx, prod()); return err },
		"FlagChanges":   func() error { _, err := l.FlagChanges(ctx, "x", noon()); return err },
		"FlagSeen":      func() error { _, _, err := l.FlagSeen(ctx, "x"); return err },
		"Outbox":        func() error { _, err := l.Outbox(ctx); return err },
		"Commit":        func() error { _, err := l.Commit(ctx, ledger.Change{Incident: inc}); return err },
		"Ignore":        func() error { return l.Ignore(ctx, noon(), []ledger.Event{{}}) },
	}
	for name, call := range calls {
		if err := call(); !errors.Is(err, memledger.ErrInjected) {
			t.Errorf("%s gives %v", name, err)
		}
	}
}

func TestImagesOfAFlagSurviveTheLedgerByteForByte(t *testing.T) {
	raw := "{\n   \"state\" : \"ENABLED\",\"a\":1.0 }"
	l, _, inc := opened(t)
	before, err := flag.Definition{Key: "x", Raw: []byte(raw)}.MarshalJSON()
	must(t, err)
	inc.Effects = []ledger.Effect{{Kind: ledger.EffectFlag, Before: before, After: before}}
	_, err = l.Commit(t.Context(), ledger.Change{Incident: inc})
	must(t, err)
	got, err := l.Incident(t.Context(), inc.ID)
	must(t, err)
	one, err := got.Effects[0].FlagBefore()
	must(t, err)
	two, err := got.Effects[0].FlagAfter()
	must(t, err)
	if !slices.Equal([]string{string(one.Raw), string(two.Raw)}, []string{raw, raw}) {
		t.Errorf("got %q and %q", one.Raw, two.Raw)
	}
	if _, err := (ledger.Effect{}).FlagBefore(); err == nil {
		t.Error("an image that is not there is read")
	}
}
