package flagd

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/cinegit/guardian/internal/flag"
)

const two = `{"flags": {"a": {"state": "DISABLED", "variants": {"off": 0}, "defaultVariant": "off"}, "b": {"n": 1}}}`

func newStore(t *testing.T) (*Store, *file) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "flags.json")
	if err := os.WriteFile(path, []byte(two), 0o600); err != nil {
		t.Fatal(err)
	}
	f := &file{path}
	return NewStore(f), f
}

// foreign changes the document as somebody without the lock does, by a rename.
func foreign(t *testing.T, f *file, from, to string) {
	t.Helper()
	text, err := os.ReadFile(f.path)
	if err != nil {
		t.Fatal(err)
	}
	temp := f.path + ".foreign"
	if err := os.WriteFile(temp, bytes.Replace(text, []byte(from), []byte(to), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(temp, f.path); err != nil {
		t.Fatal(err)
	}
}

func TestAWriterInBetweenIsNotOverwritten(t *testing.T) {
	s, f := newStore(t)
	runs := 0
	written, err := s.change(t.Context(), "a", func(now flag.Definition) ([]byte, error) {
		if runs++; runs == 1 {
			foreign(t, f, `"n": 1`, `"n": 2`)
		}
		return killed("a", now.Raw, "off")
	})
	if err != nil {
		t.Fatal(err)
	}
	b, err := s.Flag(t.Context(), "b")
	if err != nil {
		t.Fatal(err)
	}
	if runs != 2 || !written.Safe("off") || string(b.Raw) != `{"n": 2}` {
		t.Errorf("after %d runs a is %+v and b is %s", runs, written, b.Raw)
	}
}

func TestAWriterOfTheSameFlagInBetweenWins(t *testing.T) {
	s, f := newStore(t)
	before, err := s.Flag(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	first := true
	_, err = s.change(t.Context(), "a", func(now flag.Definition) ([]byte, error) {
		if !now.Same(before) {
			return nil, flag.ErrConflict
		}
		if first {
			foreign(t, f, `"off": 0`, `"off": 7`)
		}
		first = false
		return killed("a", now.Raw, "off")
	})
	if !errors.Is(err, flag.ErrConflict) {
		t.Errorf("error is %v", err)
	}
	if now, _ := s.Flag(t.Context(), "a"); !bytes.Contains(now.Raw, []byte(`"off": 7`)) || now.Enabled {
		t.Errorf("the other writer's flag is %s", now.Raw)
	}
}

func TestADocumentThatNeverRestsIsAConflict(t *testing.T) {
	s, f := newStore(t)
	runs := 0
	_, err := s.change(t.Context(), "a", func(now flag.Definition) ([]byte, error) {
		runs++
		foreign(t, f, `"n": `, `"n": 1`)
		return killed("a", now.Raw, "off")
	})
	if !errors.Is(err, flag.ErrConflict) || runs != attempts {
		t.Errorf("error is %v after %d runs", err, runs)
	}
}

func TestALinkThatMovesInBetweenIsSeen(t *testing.T) {
	_, old := newStore(t)
	_, next := newStore(t)
	link := filepath.Join(t.TempDir(), "flags.json")
	point := func(to string) {
		_ = os.Remove(link)
		if err := os.Symlink(to, link); err != nil {
			t.Fatal(err)
		}
	}
	point(old.path)
	s := New(link)
	_, err := s.change(t.Context(), "a", func(now flag.Definition) ([]byte, error) {
		point(next.path)
		return killed("a", now.Raw, "off")
	})
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]bool{old.path: false, next.path: true} {
		if got, err := New(path).Flag(t.Context(), "a"); err != nil || got.Enabled != want {
			t.Errorf("%s: %+v, %v", path, got, err)
		}
	}
}

func TestAChangeThatIsReplacedAtOnceIsAConflict(t *testing.T) {
	s, _ := newStore(t)
	if _, err := s.readBack(t.Context(), "a", []byte(`{"state": "ENABLED"}`)); !errors.Is(err, flag.ErrConflict) {
		t.Errorf("error is %v", err)
	}
}

func TestALockThatIsHeldEndsWithTheCall(t *testing.T) {
	_, f := newStore(t)
	unlock, err := f.lock(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if _, err := f.lock(ctx); !errors.Is(err, flag.ErrUnavailable) {
		t.Errorf("error is %v", err)
	}
}
