package reconcile_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cinegit/guardian/internal/adapter/memledger"
	"github.com/cinegit/guardian/internal/flag"
	"github.com/cinegit/guardian/internal/ledger"
	"github.com/cinegit/guardian/internal/policy"
	"github.com/cinegit/guardian/internal/reconcile"
	"github.com/cinegit/guardian/internal/sandbox/scenario"
)

// store holds one flag, or cannot be read.
type store struct {
	now  flag.Definition
	down error
}

func (s store) Flag(context.Context, string) (flag.Definition, error) { return s.now, s.down }

// flagged gives a reconciler of one flag over an empty ledger.
func flagged(l *memledger.Store) *reconcile.Reconciler {
	p := &policy.Policy{Services: map[string]policy.Service{"review": {Flags: map[string]policy.Flag{"new-ranking": {Safe: "off"}}}}}
	return &reconcile.Reconciler{
		Policy: func() *policy.Policy { return p }, Ledger: &ledger.Ledger{Store: l}, Now: scenario.Start, Log: slog.New(slog.DiscardHandler),
	}
}

func definition(raw string) flag.Definition {
	return flag.Definition{Key: "new-ranking", Raw: json.RawMessage(raw), Serving: raw, Enabled: true}
}

func encoded(t *testing.T, d flag.Definition) json.RawMessage {
	t.Helper()
	raw, err := json.Marshal(d)
	must(t, err)
	return raw
}

func TestAChangeIsGuardiansOnlyIfItWroteOrUndidJustThat(t *testing.T) {
	on, off, half := definition(`"on"`), definition(`"off"`), definition(`"half"`)
	other := off
	other.Key = "other"
	flip := func(change func(e *ledger.Effect)) ledger.Effect {
		e := ledger.Effect{Kind: ledger.EffectFlag, Before: encoded(t, on), After: encoded(t, off)}
		if change != nil {
			change(&e)
		}
		return e
	}
	for name, tt := range map[string]struct {
		now    flag.Definition
		effect ledger.Effect
		ours   bool
	}{
		"what it wrote":                    {off, flip(nil), true},
		"what was before":                  {on, flip(nil), false},
		"what it put back":                 {on, flip(func(e *ledger.Effect) { e.UndoneAt = scenario.Start() }), true},
		"something else":                   {half, flip(func(e *ledger.Effect) { e.UndoneAt = scenario.Start() }), false},
		"another flag's, written alike":    {off, flip(func(e *ledger.Effect) { e.After = encoded(t, other) }), false},
		"another flag's, put back alike":   {off, flip(func(e *ledger.Effect) { e.Before, e.After, e.UndoneAt = encoded(t, other), nil, scenario.Start() }), false},
		"an effect whose answer is lost":   {off, flip(func(e *ledger.Effect) { e.After = nil }), false},
		"an effect that is no flag's":      {off, flip(func(e *ledger.Effect) { e.Kind = ledger.EffectPin }), false},
		"a before-image that is not known": {on, flip(func(e *ledger.Effect) { e.Before, e.UndoneAt = nil, scenario.Start() }), false},
	} {
		for _, ended := range []bool{false, true} {
			r := flagged(memledger.New())
			l := r.Ledger
			r.Flags = store{now: definition(`"first"`)}
			must(t, r.ServiceFlags(t.Context(), "review"))
			inc, err := l.Open(t.Context(), ledger.Incident{ID: "i", Target: review(), Effects: []ledger.Effect{tt.effect}}, ledger.Lease{Target: review()})
			must(t, err)
			if ended {
				inc.End = ledger.Healed
				_, err = l.Commit(t.Context(), ledger.Change{Incident: inc})
				must(t, err)
			}
			r.Flags = store{now: tt.now}
			must(t, r.ServiceFlags(t.Context(), "review"))
			all, err := l.FlagChanges(t.Context(), "new-ranking", time.Time{})
			must(t, err)
			if len(all) != 1 || (all[0].By == "i") != tt.ours {
				t.Errorf("%s (ended: %t): %+v", name, ended, all)
			}
		}
	}
}

func TestAChangeIsDatedByItsStoreUnlessThatDoesNotKnowOrIsAhead(t *testing.T) {
	now := scenario.Start()
	for name, tt := range map[string]struct{ modified, want time.Time }{
		"unknown":   {time.Time{}, now},
		"a while":   {now.Add(-time.Minute), now.Add(-time.Minute)},
		"just now":  {now, now},
		"the clock": {now.Add(time.Hour), now},
	} {
		r := flagged(memledger.New())
		for _, raw := range []string{`"on"`, `"off"`} {
			d := definition(raw)
			d.Modified = tt.modified
			r.Flags = store{now: d}
			must(t, r.ServiceFlags(t.Context(), "review"))
		}
		all, err := r.Ledger.FlagChanges(t.Context(), "new-ranking", time.Time{})
		must(t, err)
		want := []ledger.FlagChange{{Flag: "new-ranking", At: tt.want, From: `"on"`, To: `"off"`}}
		if diff := cmp.Diff(want, all); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestAFlagIsWrittenOnlyWhenItSaysSomethingNew(t *testing.T) {
	l := memledger.New()
	r := flagged(l)
	for i, step := range []struct {
		flags  store
		fails  bool
		writes int
	}{
		{store{now: definition(`"on"`)}, false, 1}, {store{now: definition(`"on"`)}, false, 1},
		{store{down: errors.New("no route")}, true, 2}, {store{down: errors.New("no route")}, true, 2}, {store{down: errors.New("refused")}, true, 3},
		{store{now: definition(`"on"`)}, false, 4}, {store{now: definition(`"off"`)}, false, 5},
	} {
		r.Flags = step.flags
		err := r.ServiceFlags(t.Context(), "review")
		seen, _, failed := r.Ledger.FlagSeen(t.Context(), "new-ranking")
		must(t, failed)
		trouble := ""
		if step.fails {
			trouble = step.flags.down.Error()
		}
		if (err != nil) != step.fails || l.Writes() != step.writes || seen.Trouble != trouble || seen.Flag != "new-ranking" || seen.Serving == "" {
			t.Errorf("look %d: %v, %d writes, seen %+v", i, err, l.Writes(), seen)
		}
	}
	all, err := r.Ledger.FlagChanges(t.Context(), "new-ranking", time.Time{})
	if err != nil || len(all) != 1 || all[0].To != `"off"` {
		t.Errorf("changes are %+v, %v", all, err)
	}
}

func TestWhatAnotherIncidentDidLaterDoesNotMakeAChangeSomebodyElses(t *testing.T) {
	r := flagged(memledger.New())
	on, off := definition(`"on"`), definition(`"off"`)
	r.Flags = store{now: on}
	must(t, r.ServiceFlags(t.Context(), "review"))
	other := &ledger.FlagChange{Flag: "new-ranking", At: scenario.Start(), From: `"x"`, To: `"on"`, By: "another"}
	must(t, r.Ledger.SaveFlag(t.Context(), ledger.FlagSeen{Flag: "new-ranking", Digest: "x", Serving: `"on"`}, other))
	effect := ledger.Effect{Kind: ledger.EffectFlag, Before: encoded(t, on), After: encoded(t, off), DecidedAt: scenario.Start().Add(-time.Minute)}
	_, err := r.Ledger.Open(t.Context(), ledger.Incident{ID: "i", Target: review(), Effects: []ledger.Effect{effect}}, ledger.Lease{Target: review()})
	must(t, err)
	r.Now = func() time.Time { return scenario.Start().Add(time.Minute) }
	r.Flags = store{now: off}
	must(t, r.ServiceFlags(t.Context(), "review"))
	all, err := r.Ledger.FlagChanges(t.Context(), "new-ranking", time.Time{})
	if err != nil || len(all) != 2 || all[0].By != "i" {
		t.Errorf("changes are %+v, %v", all, err)
	}
}
