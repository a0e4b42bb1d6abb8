package unleash_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cinegit/guardian/internal/adapter/flagapi/faulty"
	"github.com/cinegit/guardian/internal/adapter/unleash"
	"github.com/cinegit/guardian/internal/flag"
	"github.com/cinegit/guardian/internal/flag/flagtest"
)

func merge() flagtest.Flag {
	return flagtest.Flag{Key: "merge", Variants: []string{"a", "b"}, Serving: "a"}
}

// theirs is a strategy that somebody else adds.
func (s *server) theirs(f *toggle) {
	s.add(f, map[string]any{"name": "default", "title": "theirs", "sortOrder": 5.0})
}

// standing lists the titles of a flag's strategies in their order.
func (s *server) standing(key string) []any {
	s.mu.Lock()
	defer s.mu.Unlock()
	var titles []any
	for _, strategy := range s.flags[key].strategies {
		titles = append(titles, strategy["title"])
	}
	return titles
}

func TestAStrategyOfSomebodyElseInBetweenStandsAndOursDoesNot(t *testing.T) {
	store, s, served := newStore(t, merge())
	before := read(t, store, "merge")
	served.Before(isWrite, func() { s.change("merge", s.theirs) })
	if _, err := store.Kill(t.Context(), before, "b"); !errors.Is(err, flag.ErrConflict) {
		t.Errorf("error is %v", err)
	}
	if diff := cmp.Diff([]any{nil, "theirs"}, s.standing("merge")); diff != "" || !s.flags["merge"].enabled {
		t.Errorf("enabled %v, strategies: %s", s.flags["merge"].enabled, diff)
	}
}

func TestAFlagThatSomebodySwitchesOffInBetweenStaysOff(t *testing.T) {
	store, s, served := newStore(t, merge())
	before := read(t, store, "merge")
	served.Before(isWrite, func() { s.change("merge", func(f *toggle) { f.enabled = false }) })
	if _, err := store.Kill(t.Context(), before, "b"); !errors.Is(err, flag.ErrConflict) {
		t.Errorf("error is %v", err)
	}
	if diff := cmp.Diff([]any{nil}, s.standing("merge")); diff != "" || s.flags["merge"].enabled {
		t.Errorf("enabled %v, strategies: %s", s.flags["merge"].enabled, diff)
	}
}

func TestSwitchingOffLeavesWhatSomebodyElseWroteInBetween(t *testing.T) {
	store, s, served := newStore(t, merge())
	before := read(t, store, "merge")
	served.Before(isWrite, func() { s.change("merge", s.theirs) })
	if _, err := store.Kill(t.Context(), before, "off"); !errors.Is(err, flag.ErrConflict) {
		t.Errorf("error is %v", err)
	}
	if diff := cmp.Diff([]any{nil, "theirs"}, s.standing("merge")); diff != "" {
		t.Error(diff)
	}
}

func TestOfTwoGuardiansAtMostOneWinsAndNothingIsLeftOfTheOther(t *testing.T) {
	for range 50 {
		s := newServer(flagtest.Flag{Key: "merge", Variants: []string{"a", "b", "c"}, Serving: "a"})
		served := faulty.Serve(t, s.handler())
		one, two := unleash.New(config(served.URL)), unleash.New(config(served.URL))
		before := read(t, one, "merge")
		results := map[string]error{}
		lost := make(chan error)
		go func() { _, err := two.Kill(t.Context(), before, "c"); lost <- err }()
		_, results["b"] = one.Kill(t.Context(), before, "b")
		results["c"] = <-lost
		now, winners := read(t, one, "merge"), 0
		for variant, err := range results {
			switch {
			case err == nil && now.Safe(variant):
				winners++
			case !errors.Is(err, flag.ErrConflict):
				t.Errorf("%s ends with %v, the flag as %s", variant, err, now.Words())
			}
		}
		if winners == 0 && !now.Same(before) || len(s.standing("merge")) != 1+winners {
			t.Errorf("%d won, what stands is %v", winners, s.standing("merge"))
		}
	}
}

func TestARestoreTakesOutOnlyWhatTheKillPutIn(t *testing.T) {
	store, s, served := newStore(t, merge())
	before := read(t, store, "merge")
	written := kill(t, store, before, "b")
	served.Before(isWrite, func() { s.change("merge", s.theirs) })
	if err := store.Restore(t.Context(), before, written); !errors.Is(err, flag.ErrConflict) {
		t.Errorf("error is %v", err)
	}
	if diff := cmp.Diff([]any{nil, "theirs"}, s.standing("merge")); diff != "" {
		t.Error(diff)
	}
}

func TestARestoreOfWhatGuardianDidNotWriteIsAConflict(t *testing.T) {
	store, s, _ := newStore(t, merge())
	before := read(t, store, "merge")
	s.change("merge", func(f *toggle) { f.strategies[0]["parameters"].(map[string]any)["rollout"] = "10" })
	theirs := read(t, store, "merge")
	if err := store.Restore(t.Context(), before, theirs); !errors.Is(err, flag.ErrConflict) {
		t.Errorf("error is %v", err)
	}
	if !read(t, store, "merge").Same(theirs) {
		t.Error("it was changed all the same")
	}
}

func TestImagesThatAreNoneAreRefused(t *testing.T) {
	store, _, _ := newStore(t, merge())
	now, bad := read(t, store, "merge"), flag.Definition{Key: "merge", Raw: []byte(`{"enabled": `)}
	if err := store.Restore(t.Context(), bad, now); !errors.Is(err, flag.ErrInvalid) {
		t.Errorf("restore gave %v", err)
	}
	if _, err := store.Kill(t.Context(), bad, "b"); !errors.Is(err, flag.ErrInvalid) {
		t.Errorf("kill gave %v", err)
	}
}
