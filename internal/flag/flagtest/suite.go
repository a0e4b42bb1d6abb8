// Package flagtest holds the contract of flag.Store as tests, for every store to run.
package flagtest

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cinegit/guardian/internal/flag"
)

// Flag is a flag that a factory puts into its store.
type Flag struct {
	Key      string
	Variants []string // their values are the store's choice
	Serving  string
	Disabled bool
	Targeted bool // some rule gives some callers another variant
}

// Factory makes a store that holds the flags and nothing else. What it starts, it ends with the test.
type Factory func(t *testing.T, flags ...Flag) flag.Store

// Run checks a store against the contract of flag.Store.
func Run(t *testing.T, factory Factory) {
	tests := map[string]func(*testing.T, Factory){
		"a flag is read as it stands":                           readsAsItStands,
		"an unknown flag is not found":                          unknownFlag,
		"a kill makes a flag safe and leaves others":            killMakesSafe,
		"a kill of a safe flag writes nothing":                  killOfSafe,
		"a kill can be done again":                              killAgain,
		"a kill to an unknown variant is refused":               killToUnknownVariant,
		"a kill of a changed flag is a conflict":                killOfChanged,
		"a kill outlives changes of other flags":                killBesideOthers,
		"a restore brings back every byte":                      restoreEveryByte,
		"a restore can be done again":                           restoreAgain,
		"a restore of a changed flag is a conflict":             restoreOfChanged,
		"a cancelled call changes nothing":                      cancelled,
		"of kills at once only one wins":                        killsAtOnce,
		"writers of different flags lose nothing to each other": writersAtOnce,
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) { test(t, factory) })
	}
}

func timeline() Flag {
	return Flag{Key: "timeline", Variants: []string{"fast", "off", "slow"}, Serving: "fast", Disabled: true, Targeted: true}
}

func other() Flag {
	return Flag{Key: "other", Variants: []string{"a", "b"}, Serving: "a", Targeted: true}
}

func read(t *testing.T, s flag.Store, key string) flag.Definition {
	t.Helper()
	d, err := s.Flag(t.Context(), key)
	if err != nil {
		t.Fatalf("read %s: %v", key, err)
	}
	return d
}

func kill(t *testing.T, s flag.Store, before flag.Definition, safe string) flag.Definition {
	t.Helper()
	d, err := s.Kill(t.Context(), before, safe)
	if err != nil {
		t.Fatalf("kill %s: %v", before.Key, err)
	}
	return d
}

func wantErr(t *testing.T, err, want error, words ...string) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("error is %v, want one of %q", err, want)
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("error %q does not say %q", err, word)
		}
	}
}

// wantAsBefore checks that a flag's text has not changed at all.
func wantAsBefore(t *testing.T, s flag.Store, before flag.Definition) {
	t.Helper()
	if diff := cmp.Diff(string(before.Raw), string(read(t, s, before.Key).Raw)); diff != "" {
		t.Errorf("%s has changed: %s", before.Key, diff)
	}
}

// throughJSON keeps a definition as the ledger does.
func throughJSON(t *testing.T, d flag.Definition) (out flag.Definition) {
	t.Helper()
	data, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &out); err != nil {
		t.Fatal(err)
	}
	return out
}
