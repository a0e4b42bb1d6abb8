package ledger_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cinegit/guardian/internal/adapter/memledger"
	"github.com/cinegit/guardian/internal/deploy"
	"github.com/cinegit/guardian/internal/ledger"
	"github.com/cinegit/guardian/internal/policy"
)

func key(partition, sort string) ledger.Key { return ledger.Key{Partition: partition, Sort: sort} }

func TestABatchThatNoStoreTakesIsMalformed(t *testing.T) {
	put := func(k ledger.Key) ledger.Op { return ledger.Op{Kind: ledger.OpPut, Key: k} }
	many := func(n int) (ops []ledger.Op) {
		for i := range n {
			ops = append(ops, put(key("p", fmt.Sprint(i))))
		}
		return ops
	}
	for name, tt := range map[string]struct {
		ops   []ledger.Op
		taken bool
	}{
		"of nothing":                 {nil, false},
		"of one":                     {many(1), true},
		"of as many as there may be": {many(ledger.MaxOps), true},
		"of one more":                {many(ledger.MaxOps + 1), false},
		"of each kind":               {[]ledger.Op{put(key("p", "a")), {Kind: ledger.OpDelete, Key: key("p", "b")}, {Kind: ledger.OpCheck, Key: key("p", "c")}}, true},
		"of an unknown kind":         {[]ledger.Op{{Kind: "touch", Key: key("p", "a")}}, false},
		"of no kind":                 {[]ledger.Op{{Key: key("p", "a")}}, false},
		"of any version":             {[]ledger.Op{{Kind: ledger.OpPut, Key: key("p", "a"), Version: ledger.AnyVersion}}, true},
		"of a version below":         {[]ledger.Op{{Kind: ledger.OpPut, Key: key("p", "a"), Version: ledger.AnyVersion - 1}}, false},
		"that names a key twice":     {[]ledger.Op{put(key("p", "a")), put(key("p", "b")), put(key("p", "a"))}, false},
		"that names a key alike":     {[]ledger.Op{put(key("p", "a")), put(key("a", "p"))}, true},
		"without a partition":        {[]ledger.Op{put(key("", "a"))}, false},
		"without a sort key":         {[]ledger.Op{put(key("p", ""))}, false},
		"of the longest keys":        {[]ledger.Op{put(key(strings.Repeat("p", ledger.MaxPartition), strings.Repeat("s", ledger.MaxSort)))}, true},
		"of a longer partition":      {[]ledger.Op{put(key(strings.Repeat("p", ledger.MaxPartition+1), "s"))}, false},
		"of a longer sort key":       {[]ledger.Op{put(key("p", strings.Repeat("s", ledger.MaxSort+1)))}, false},
		"of a partition not UTF-8":   {[]ledger.Op{put(key("\xff", "s"))}, false},
		"of a sort key not UTF-8":    {[]ledger.Op{put(key("p", "\xff"))}, false},
	} {
		if err := ledger.CheckBatch(tt.ops); tt.taken != (err == nil) || err != nil && !errors.Is(err, ledger.ErrBatch) {
			t.Errorf("a batch %s: %v", name, err)
		}
	}
}

func TestAQueryNeedsAPartitionAndALimit(t *testing.T) {
	for limit, taken := range map[int]bool{-1: false, 0: false, 1: true, 1000: true} {
		if err := ledger.CheckQuery(ledger.Query{Partition: "p", Limit: limit}); taken != (err == nil) || err != nil && !errors.Is(err, ledger.ErrBatch) {
			t.Errorf("limit %d: %v", limit, err)
		}
	}
	if err := ledger.CheckQuery(ledger.Query{Limit: 1}); !errors.Is(err, ledger.ErrBatch) {
		t.Errorf("without a partition: %v", err)
	}
}

func TestWhatOnlyGuardsAgainstRepetitionIsDroppedInTime(t *testing.T) {
	l, store, inc := opened(t)
	later := ledger.Alert{Name: "Slow", Fingerprint: "f2", StartsAt: noon().Add(time.Minute)}
	_, err := l.Commit(t.Context(), ledger.Change{Incident: inc, Episodes: []ledger.Alert{later}})
	must(t, err)
	if id, err := l.EpisodeOf(t.Context(), later); err != nil || id != inc.ID {
		t.Errorf("an episode that joined is of %q, %v", id, err)
	}
	must(t, l.SetFreeze(t.Context(), ledger.Freeze{Service: "review", Until: noon().Add(time.Hour)}))
	must(t, l.Ignore(t.Context(), noon(), []ledger.Event{{Text: "x"}}))
	must(t, l.SaveMessage(t.Context(), ledger.Message{ID: "m"}))
	messages, err := l.Outbox(t.Context())
	must(t, err)
	must(t, l.Told(t.Context(), messages[0], noon()))
	const day, forEver = 24 * time.Hour, time.Duration(0)
	got := map[string][]time.Duration{}
	for _, partition := range []string{"episode", "freeze", "ignored", "told", "incident", "incidents", "open", "lease", "events/" + inc.ID} {
		records, err := store.List(t.Context(), ledger.Query{Partition: partition, Limit: 10})
		must(t, err)
		for _, r := range records {
			kept := forEver
			if !r.Expires.IsZero() {
				kept = r.Expires.Sub(noon())
			}
			got[partition] = append(got[partition], kept)
		}
	}
	want := map[string][]time.Duration{
		"episode": {7 * day, 7 * day}, "freeze": {time.Hour}, "ignored": {30 * day}, "told": {30 * day},
		"incident": {forEver}, "incidents": {forEver}, "open": {forEver}, "lease": {forEver}, "events/" + inc.ID: {forEver},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestTheEventAfterTheFirstIsTheSecond(t *testing.T) {
	l, _, inc := opened(t)
	_, err := l.Commit(t.Context(), ledger.Change{Incident: inc, Events: []ledger.Event{{Text: "second"}}})
	must(t, err)
	if after, err := l.Events(t.Context(), inc.ID, 0); err != nil || len(after) != 1 || after[0].Text != "second" {
		t.Errorf("got %+v, %v", after, err)
	}
}

func TestTheBreakerIsWrittenOnJustWhatWasRead(t *testing.T) {
	l, _, inc := opened(t)
	for range 3 {
		b, err := l.Breaker(t.Context())
		must(t, err)
		next := b.With(ledger.Act{Incident: inc.ID, At: noon()}, noon())
		inc, err = l.Commit(t.Context(), ledger.Change{Incident: inc, Breaker: &next})
		must(t, err)
	}
}

func TestALeaseIsRenewedOnceHalfOfItIsOver(t *testing.T) {
	for left, writes := range map[time.Duration]int{30*time.Minute + time.Nanosecond: 0, 30 * time.Minute: 1} {
		l, store := fresh()
		_, err := l.Hold(t.Context(), prod(), "a", noon(), time.Hour)
		must(t, err)
		before := store.Writes()
		_, err = l.Hold(t.Context(), prod(), "a", noon().Add(time.Hour-left), time.Hour)
		if err != nil || store.Writes()-before != writes {
			t.Errorf("with %s left it writes %d times, %v", left, store.Writes()-before, err)
		}
	}
}

func TestALeaseThatSomebodyTakesAtTheSameMomentIsOnlyHis(t *testing.T) {
	for how, want := range map[string]error{"conflict": ledger.ErrConflict, "lost": memledger.ErrInjected} {
		l, store := fresh()
		store.SetFaults(func(op string, _ []ledger.Op) memledger.Fault {
			return memledger.Fault{Lost: map[string]error{"write": want}[op]}
		})
		if lease, err := l.Hold(t.Context(), prod(), "a", noon(), time.Hour); !errors.Is(err, want) || lease.Holder != "" || !strings.Contains(err.Error(), "lease on review/prod") {
			t.Errorf("%s: %+v, %v", how, lease, err)
		}
	}
}

func TestARecordThatCannotBeReadIsAnErrorThatNamesIt(t *testing.T) {
	for k, read := range map[ledger.Key]func(l *ledger.Ledger) error{
		key("incident", "x"):        func(l *ledger.Ledger) error { _, err := l.Incident(t.Context(), "x"); return err },
		key("lease", "review/prod"): func(l *ledger.Ledger) error { _, err := l.Lease(t.Context(), prod()); return err },
		key("outbox", "m"):          func(l *ledger.Ledger) error { _, err := l.Outbox(t.Context()); return err },
		key("events/x", "0"):        func(l *ledger.Ledger) error { _, err := l.Events(t.Context(), "x", -1); return err },
		key("hold", "review/prod"):  func(l *ledger.Ledger) error { _, err := l.Holds(t.Context()); return err },
	} {
		l, store := fresh()
		must(t, store.Write(t.Context(), ledger.Op{Kind: ledger.OpPut, Key: k, Value: []byte(`"secret`)}))
		if err := read(l); err == nil || !strings.Contains(err.Error(), "decode "+k.Partition+"/"+k.Sort) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%v: %v", k, err)
		}
	}
}

func TestAWriteThatFailsIsAnErrorThatSaysWhatWasWritten(t *testing.T) {
	l, store, inc := opened(t)
	store.SetFaults(func(op string, _ []ledger.Op) memledger.Fault {
		return memledger.Fault{Lost: map[string]error{"write": memledger.ErrInjected}[op]}
	})
	ctx := t.Context()
	for name, call := range map[string]func() error{
		"write the ledger":      func() error { return l.SaveRelease(ctx, ledger.Release{Target: prod()}) },
		"save flag x":           func() error { return l.SaveFlag(ctx, ledger.FlagSeen{Flag: "x"}, nil) },
		"record ignored alerts": func() error { return l.Ignore(ctx, noon(), []ledger.Event{{}}) },
		"incident " + inc.ID:    func() error { _, err := l.Commit(ctx, ledger.Change{Incident: inc}); return err },
		"open incident i":       func() error { _, err := l.Open(ctx, ledger.Incident{ID: "i"}, ledger.Lease{}); return err },
		"":                      func() error { return errors.Join(l.SetFreeze(ctx, ledger.Freeze{}), l.LiftFreeze(ctx, "", "")) },
	} {
		err := call()
		if !errors.Is(err, memledger.ErrInjected) || !strings.Contains(err.Error(), name) {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestARemedyIsToldInWords(t *testing.T) {
	for want, r := range map[string]ledger.Remedy{
		"put flag new-ranking to its safe variant off": {Kind: policy.RemedyFlag, Flag: "new-ranking", Safe: "off"},
		"revert release v42":                           {Kind: policy.RemedyRevert, BadName: "v42"},
		"revert release v42 to v41 (history id 7)":     {Kind: policy.RemedyRevert, BadName: "v42", ToName: "v41", To: &deploy.Entry{ID: 7}},
	} {
		if got := r.What(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestTheNextRemedyIsTheFirstThatIsNeitherTriedNorRefused(t *testing.T) {
	tried, refused, left := ledger.Remedy{Tried: true}, ledger.Remedy{Refused: "no"}, ledger.Remedy{Flag: "x"}
	for want, plan := range map[int][]ledger.Remedy{-1: {tried, refused, {Tried: true, Refused: "no"}}, 0: {left, tried}, 2: {refused, tried, left, left}} {
		if got := ledger.Next(plan); got != want {
			t.Errorf("of %+v it is %d, want %d", plan, got, want)
		}
	}
}

func TestTargetsAreInTheOrderOfServicesAndOfPromotion(t *testing.T) {
	stages := func(names ...string) (s policy.Service) {
		for _, n := range names {
			s.Stages = append(s.Stages, policy.Stage{Name: n})
		}
		return s
	}
	p := &policy.Policy{Services: map[string]policy.Service{"b": stages("staging", "prod", "asia"), "a": stages("prod"), "c": stages(), "aa": stages("dev")}}
	want := []string{"a/prod", "aa/dev", "b/staging", "b/prod", "b/asia"}
	for range 10 { // maps have no order
		var got []string
		for _, target := range ledger.Targets(p) {
			got = append(got, target.String())
		}
		if !slices.Equal(got, want) {
			t.Fatalf("got %v", got)
		}
	}
}

func TestAnIncidentHasActedOnceItHasAnEffect(t *testing.T) {
	if (ledger.Incident{}).Acted() || !(ledger.Incident{Effects: []ledger.Effect{{}}}).Acted() {
		t.Error("it is told otherwise")
	}
}
