package flagd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/cinegit/guardian/internal/flag"
)

// Source keeps the text of one flagd document.
type Source interface {
	// Name is what people call the document, for messages.
	Name() string
	// Read gives the document as it is now. Errors wrap one of package flag's.
	Read(ctx context.Context) (Revision, error)
	// Replace puts next into the place of what was read, and of nothing else: ErrMoved says that
	// the document is not that any more and that nothing was written. Other errors wrap one of
	// package flag's; after flag.ErrUnavailable the document may have been replaced all the same.
	Replace(ctx context.Context, was Revision, next []byte) error
}

// Revision is a document as it stood at one moment.
type Revision struct {
	Text     []byte
	Modified time.Time // zero is unknown
	Mark     string    // by which its source knows this revision again
}

// ErrMoved says that a document is not what a change was computed from.
var ErrMoved = errors.New("the document has changed")

// Store keeps flags in a flagd definition document. It implements flag.Store, and may be used by
// many goroutines and by several processes at once.
type Store struct {
	source Source
	turn   flag.Turn
}

var _ flag.Store = (*Store)(nil)

// New makes a store of the JSON document on disk at path. A symbolic link is followed anew by every
// call, as Kubernetes replaces mounted documents by moving a link. The document is not read yet.
func New(path string) *Store { return NewStore(&file{path: path}) }

// NewStore makes a store of the document that a source keeps. It is not read yet.
func NewStore(source Source) *Store {
	return &Store{source: source, turn: flag.NewTurn()}
}

// Document reads the whole document: its text, and the version that its flags carry, which is
// its SHA-256.
func (s *Store) Document(ctx context.Context) (text []byte, version string, err error) {
	_, d, err := s.load(ctx)
	return d.text, d.version, err
}

// Flag reads one flag. Its Modified is when the document was last changed.
func (s *Store) Flag(ctx context.Context, key string) (flag.Definition, error) {
	_, d, err := s.load(ctx)
	if err != nil {
		return flag.Definition{}, err
	}
	m, err := d.at(key)
	if err != nil {
		return flag.Definition{}, err
	}
	return d.definition(m)
}

// All reads every flag, in the document's order.
func (s *Store) All(ctx context.Context) ([]flag.Definition, error) {
	_, d, err := s.load(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]flag.Definition, 0, len(d.flags))
	for _, m := range d.flags {
		def, err := d.definition(m)
		if err != nil {
			return nil, err
		}
		out = append(out, def)
	}
	return out, nil
}

// Kill makes every caller get the safe variant: the flag is enabled, the variant becomes its
// default, and its targeting goes. A flag that is so already, also because an earlier Kill of the
// same before made it so, is given back without a write.
func (s *Store) Kill(ctx context.Context, before flag.Definition, safe string) (flag.Definition, error) {
	wanted, err := killed(before.Key, before.Raw, safe)
	if err != nil {
		return flag.Definition{}, fmt.Errorf("kill flag: %w", err)
	}
	written, err := s.change(ctx, before.Key, func(now flag.Definition) ([]byte, error) {
		switch {
		case flag.Equal(now.Raw, wanted):
			return now.Raw, nil
		case !now.Same(before):
			return nil, flag.ErrConflict
		}
		return killed(now.Key, now.Raw, safe)
	})
	if err != nil {
		return flag.Definition{}, fmt.Errorf("kill flag %s: %w", before.Key, err)
	}
	return written, nil
}

// Restore puts before back, byte for byte, if the flag is still as written says. A flag that is
// as before already is left alone.
func (s *Store) Restore(ctx context.Context, before, written flag.Definition) error {
	if !json.Valid(before.Raw) {
		return fmt.Errorf("restore flag %s: %w: its before-image is not JSON", before.Key, flag.ErrInvalid)
	}
	_, err := s.change(ctx, before.Key, func(now flag.Definition) ([]byte, error) {
		switch {
		case now.Same(before):
			return now.Raw, nil
		case !now.Same(written):
			return nil, flag.ErrConflict
		}
		return before.Raw, nil
	})
	if errors.Is(err, flag.ErrNotFound) {
		err = fmt.Errorf("%w: %w", flag.ErrConflict, err)
	}
	if err != nil {
		return fmt.Errorf("restore flag %s: %w", before.Key, err)
	}
	return nil
}

// attempts is how often a change is computed anew because others keep writing the document.
const attempts = 20

// change puts what edit makes of a flag into the document. It is computed anew whenever the
// document has changed meanwhile, so that edit may run several times.
func (s *Store) change(ctx context.Context, key string, edit func(flag.Definition) ([]byte, error)) (flag.Definition, error) {
	done, err := s.turn.Take(ctx)
	if err != nil {
		return flag.Definition{}, err
	}
	defer done()
	for range attempts {
		written, err := s.try(ctx, key, edit)
		if !errors.Is(err, ErrMoved) {
			return written, err
		}
	}
	return flag.Definition{}, fmt.Errorf("%w: %s is being written all the time", flag.ErrConflict, s.source.Name())
}

func (s *Store) try(ctx context.Context, key string, edit func(flag.Definition) ([]byte, error)) (flag.Definition, error) {
	was, d, err := s.load(ctx)
	if err != nil {
		return flag.Definition{}, err
	}
	m, err := d.at(key)
	if err != nil {
		return flag.Definition{}, err
	}
	now, err := d.definition(m)
	if err != nil {
		return flag.Definition{}, err
	}
	raw, err := edit(now)
	if err != nil || string(raw) == string(now.Raw) {
		return now, err
	}
	next := apply(d.text, []splice{{m.value, m.end, raw}})
	if _, err := parse(s.source.Name(), next, time.Time{}); err != nil {
		return flag.Definition{}, fmt.Errorf("not written, as it would break the document: %w", err)
	}
	if err := s.source.Replace(ctx, was, next); err != nil {
		return flag.Definition{}, err
	}
	return s.readBack(ctx, key, raw)
}

// readBack tells whether a flag that was just written is in force: a writer that does not
// compare may have put a document into place that it had read before.
func (s *Store) readBack(ctx context.Context, key string, raw []byte) (flag.Definition, error) {
	written, err := s.Flag(context.WithoutCancel(ctx), key)
	if err != nil {
		return flag.Definition{}, fmt.Errorf("written, but cannot be read back: %w", err)
	}
	if !flag.Equal(written.Raw, raw) {
		return flag.Definition{}, fmt.Errorf("%w: another writer replaced it at once", flag.ErrConflict)
	}
	return written, nil
}

// load reads the document.
func (s *Store) load(ctx context.Context) (Revision, document, error) {
	if err := ctx.Err(); err != nil {
		return Revision{}, document{}, fmt.Errorf("%w: %w", flag.ErrUnavailable, err)
	}
	was, err := s.source.Read(ctx)
	if err != nil {
		return Revision{}, document{}, err
	}
	d, err := parse(s.source.Name(), was.Text, was.Modified)
	return was, d, err
}
