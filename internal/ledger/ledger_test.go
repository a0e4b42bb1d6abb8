package ledger_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

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

func TestReleasesAreListedTheNewestFirstAndOneOfThemIsChangedInPlace(t *testing.T) {
	l, _ := fresh()
	for i := range 3 {
		r := ledger.Release{Target: prod(), Label: fmt.Sprint("v", i), From: noon().Add(time.Duration(i) * time.Hour)}
		r.Entry.ID = int64(i)
		must(t, l.SaveSeen(t.Context(), ledger.Seen{Target: prod(), At: noon()}, noon(), r))
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

func TestWhatWasSeenIsKeptForAsLongAsSomebodyLooks(t *testing.T) {
	l, store := fresh()
	for _, now := range []time.Time{noon(), noon().Add(time.Hour)} { // the second look failed, and knows only of the first
		must(t, l.SaveSeen(t.Context(), ledger.Seen{Target: prod(), At: noon()}, now))
		r, err := store.Get(t.Context(), ledger.Key{Partition: "seen", Sort: prod().String()})
		if want := now.AddDate(0, 0, 30); err != nil || !r.Expires.Equal(want) {
			t.Errorf("written at %s it is kept until %s, want %s: %v", now, r.Expires, want, err)
		}
	}
}

func TestReleasesAreGivenSinceAMoment(t *testing.T) {
	l, _ := fresh()
	for i := range 205 { // more than one page
		r := ledger.Release{Target: prod(), Label: fmt.Sprint("v", i), From: noon().Add(time.Duration(i) * time.Hour)}
		must(t, l.SaveSeen(t.Context(), ledger.Seen{Target: prod(), At: noon()}, noon(), r))
	}
	got, err := l.ReleasesSince(t.Context(), prod(), noon().Add(2*time.Hour))
	if err != nil || len(got) != 203 || got[0].Label != "v2" || got[202].Label != "v204" {
		t.Errorf("got %d releases, %v", len(got), err)
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
	must(t, l.SaveMessage(t.Context(), ledger.Message{ID: "m2"}))
	if err := l.SaveMessage(t.Context(), ledger.Message{ID: "m2"}); !errors.Is(err, ledger.ErrConflict) {
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
