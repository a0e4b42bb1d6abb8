package flagtest

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cinegit/guardian/internal/flag"
)

func readsAsItStands(t *testing.T, factory Factory) {
	s := factory(t, timeline(), other())
	got := read(t, s, "timeline")
	if got.Key != "timeline" || got.Serving != "fast" || got.Enabled || !got.Targeted || got.Version == "" {
		t.Errorf("got %+v", got)
	}
	if diff := cmp.Diff([]string{"fast", "off", "slow"}, got.Variants); diff != "" {
		t.Error(diff)
	}
	all, err := s.All(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(all, func(a, b flag.Definition) int { return strings.Compare(a.Key, b.Key) })
	want := []flag.Definition{read(t, s, "other"), got}
	if diff := cmp.Diff(want, all); diff != "" {
		t.Errorf("All and Flag do not agree: %s", diff)
	}
}

func unknownFlag(t *testing.T, factory Factory) {
	s := factory(t, timeline())
	_, err := s.Flag(t.Context(), "timelime")
	wantErr(t, err, flag.ErrNotFound, "timelime", "timeline")
	before := read(t, s, "timeline")
	before.Key = "timelime"
	_, err = s.Kill(t.Context(), before, "off")
	wantErr(t, err, flag.ErrNotFound, "timelime")
}

func killMakesSafe(t *testing.T, factory Factory) {
	s := factory(t, timeline(), other())
	before, beside := read(t, s, "timeline"), read(t, s, "other")
	written := kill(t, s, before, "off")
	if !written.Safe("off") {
		t.Errorf("it is not safe: %+v", written)
	}
	if diff := cmp.Diff(written, read(t, s, "timeline")); diff != "" {
		t.Errorf("Kill gave something else than it wrote: %s", diff)
	}
	if written.Version == before.Version {
		t.Error("the version has not changed")
	}
	wantAsBefore(t, s, beside)
}

func killOfSafe(t *testing.T, factory Factory) {
	s := factory(t, Flag{Key: "timeline", Variants: []string{"off", "on"}, Serving: "off"})
	before := read(t, s, "timeline")
	if diff := cmp.Diff(before, kill(t, s, before, "off")); diff != "" {
		t.Error(diff)
	}
}

func killAgain(t *testing.T, factory Factory) {
	s := factory(t, timeline())
	before := read(t, s, "timeline")
	first := kill(t, s, before, "off")
	if diff := cmp.Diff(first, kill(t, s, before, "off")); diff != "" {
		t.Error(diff)
	}
}

func killToUnknownVariant(t *testing.T, factory Factory) {
	s := factory(t, timeline())
	before := read(t, s, "timeline")
	_, err := s.Kill(t.Context(), before, "of")
	wantErr(t, err, flag.ErrNoVariant, "timeline", `"of"`, "fast, off, slow")
	wantAsBefore(t, s, before)
}

func killOfChanged(t *testing.T, factory Factory) {
	s := factory(t, timeline())
	before := read(t, s, "timeline")
	changed := kill(t, s, before, "slow")
	_, err := s.Kill(t.Context(), before, "off")
	wantErr(t, err, flag.ErrConflict, "timeline")
	wantAsBefore(t, s, changed)
}

func killBesideOthers(t *testing.T, factory Factory) {
	s := factory(t, timeline(), other())
	before := read(t, s, "timeline")
	beside := kill(t, s, read(t, s, "other"), "b")
	if written := kill(t, s, before, "off"); !written.Safe("off") {
		t.Errorf("it is not safe: %+v", written)
	}
	wantAsBefore(t, s, beside)
}

func restoreEveryByte(t *testing.T, factory Factory) {
	s := factory(t, other(), timeline())
	before := read(t, s, "timeline")
	written := kill(t, s, before, "off")
	beside := kill(t, s, read(t, s, "other"), "b")
	// Both images come from the ledger, which keeps them as JSON.
	if err := s.Restore(t.Context(), throughJSON(t, before), throughJSON(t, written)); err != nil {
		t.Fatal(err)
	}
	wantAsBefore(t, s, before)
	wantAsBefore(t, s, beside)
}

func restoreAgain(t *testing.T, factory Factory) {
	s := factory(t, timeline())
	before := read(t, s, "timeline")
	written := kill(t, s, before, "off")
	for range 2 {
		if err := s.Restore(t.Context(), before, written); err != nil {
			t.Fatal(err)
		}
	}
	wantAsBefore(t, s, before)
}

func restoreOfChanged(t *testing.T, factory Factory) {
	s := factory(t, timeline())
	before := read(t, s, "timeline")
	written := kill(t, s, before, "off")
	changed := kill(t, s, written, "slow")
	wantErr(t, s.Restore(t.Context(), before, written), flag.ErrConflict, "timeline")
	wantAsBefore(t, s, changed)
}

func cancelled(t *testing.T, factory Factory) {
	s := factory(t, timeline())
	before := read(t, s, "timeline")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := s.Kill(ctx, before, "off")
	wantErr(t, err, context.Canceled)
	wantErr(t, err, flag.ErrUnavailable)
	wantAsBefore(t, s, before)
}

func killsAtOnce(t *testing.T, factory Factory) {
	s := factory(t, timeline())
	before := read(t, s, "timeline")
	results := make([]error, len(before.Variants))
	var wg sync.WaitGroup
	for i, variant := range before.Variants {
		wg.Go(func() { _, results[i] = s.Kill(t.Context(), before, variant) })
	}
	wg.Wait()
	now := read(t, s, "timeline")
	for i, variant := range before.Variants {
		if now.Safe(variant) {
			if results[i] != nil {
				t.Errorf("%s won with the error %v", variant, results[i])
			}
			continue
		}
		if !errors.Is(results[i], flag.ErrConflict) {
			t.Errorf("%s lost with the error %v", variant, results[i])
		}
	}
	if !now.Enabled || now.Targeted {
		t.Errorf("nobody won: %+v", now)
	}
}

// writersAtOnce flips each of several flags back and forth while another is killed.
func writersAtOnce(t *testing.T, factory Factory) {
	flags := []Flag{timeline()}
	for _, key := range []string{"w1", "w2", "w3", "w4"} {
		flags = append(flags, Flag{Key: key, Variants: []string{"a", "b"}, Serving: "a"})
	}
	s := factory(t, flags...)
	var wg sync.WaitGroup
	for _, f := range flags[1:] {
		wg.Go(func() { flip(t, s, f.Key) })
	}
	before := read(t, s, "timeline")
	written := kill(t, s, before, "off")
	wg.Wait()
	wantAsBefore(t, s, written)
	for _, f := range flags[1:] {
		if got := read(t, s, f.Key); got.Serving != "b" {
			t.Errorf("the last change of %s is lost: %+v", f.Key, got)
		}
	}
}

// flip ends with variant b served.
func flip(t *testing.T, s flag.Store, key string) {
	now, err := s.Flag(t.Context(), key)
	for _, variant := range []string{"b", "a", "b", "a", "b"} {
		if err != nil {
			break
		}
		now, err = s.Kill(t.Context(), now, variant)
	}
	if err != nil {
		t.Errorf("flip %s: %v", key, err)
	}
}
