package remedy_test

import (
	"testing"
	"time"

	"github.com/cinegit/guardian/internal/flag"
	"github.com/cinegit/guardian/internal/ledger"
	"github.com/cinegit/guardian/internal/sandbox/scenario"
)

func TestAnUnreachableFlagStoreIsTriedAgainAndTheFlagIsPutOnce(t *testing.T) {
	for name, fail := range map[string]func(f *scenario.Flags){
		"before it wrote": func(f *scenario.Flags) { f.Fails = []error{flag.ErrUnavailable, flag.ErrUnavailable} },
		"after it wrote":  func(f *scenario.Flags) { f.Lands = []error{flag.ErrUnavailable} },
		"a lost race":     func(f *scenario.Flags) { f.Fails = []error{flag.ErrConflict} },
	} {
		t.Run(name, func(t *testing.T) {
			w := badFlag(t, rules{})
			fail(w.Flags)
			w.Until(t.Context(), minutes(12))
			wantEnd(t, w, ledger.Healed, "put flag new-ranking to its safe variant off")
			if w.Flags.Kills != 1 {
				t.Errorf("it was written %d times", w.Flags.Kills)
			}
		})
	}
}

// badFlag gives a world in which a flag was flipped and breaks requests, and the alert has just come.
func badFlag(t *testing.T, r rules) *scenario.World {
	t.Helper()
	w := newWorld(t, r)
	w.Argo.Ship(app(), "v41", "ci")
	w.Until(t.Context(), minutes(7))
	w.Metrics.Breaks["new-ranking=on"] = 0.3
	must(t, w.Flags.Set("new-ranking", "on"))
	w.Until(t.Context(), minutes(8.2))
	fire(w)
	return w
}

func TestAFlagStoreThatStaysInAConflictIsGivenUpInTheEnd(t *testing.T) {
	w := badFlag(t, rules{})
	for range 1000 {
		w.Flags.Fails = append(w.Flags.Fails, flag.ErrConflict)
	}
	w.Until(t.Context(), minutes(30))
	wantEnd(t, w, ledger.FailedClean, "no remedy is left")
}

func TestAFlagChangedByAPersonInBetweenIsLeftToThem(t *testing.T) {
	w := badFlag(t, rules{mode: "suggest"})
	w.Until(t.Context(), minutes(8.5))
	must(t, w.Flags.Set("new-ranking", "off"))
	w.Metrics.Breaks["new-ranking=off"] = 0.2 // which does not help
	must(t, w.Answer(t.Context(), latest(t, w).ID, ledger.Approval{Granted: true, By: "alice", At: w.Now()}))
	w.Until(t.Context(), minutes(12))
	wantEnd(t, w, ledger.FailedClean, "somebody changed flag new-ranking to off after the alert began")
	if w.Flags.Kills != 0 {
		t.Error("Guardian wrote the flag")
	}
}

func TestAFlagIsLiveOnlyWhenAnApplicationGetsTheSafeVariant(t *testing.T) {
	w := badFlag(t, rules{})
	w.Flags.Lag = 20 * time.Second
	w.Until(t.Context(), minutes(8.2)+15*time.Second)
	if inc := latest(t, w); inc.Step != ledger.StepSettle {
		t.Errorf("it stands at %s while nobody gets the safe variant", inc.Step)
	}
	w.Until(t.Context(), minutes(12))
	inc := wantEnd(t, w, ledger.Healed, "put flag new-ranking")
	if settled := inc.SettledAt.Sub(inc.ActedAt); settled < 20*time.Second {
		t.Errorf("it was called live after %s", settled)
	}
}
