package flagd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/rogpeppe/go-internal/lockedfile"

	"github.com/cinegit/guardian/internal/flag"
)

// lockWait bounds the wait for another Guardian's change, which takes milliseconds.
const lockWait = 5 * time.Second

// errMoved says that the document is not what the change was computed from.
var errMoved = errors.New("the document has changed")

// lock keeps other Guardians from changing the document. It is a lock of the operating system on
// a file of its own, beside the document: the document's own file is replaced by every change, and
// a lock of the system ends with the process that holds it, so that none is ever left behind.
func (s *Store) lock(ctx context.Context) (unlock func(), err error) {
	ctx, cancel := context.WithTimeout(ctx, lockWait)
	defer cancel()
	target, err := filepath.EvalSymlinks(s.path)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", flag.ErrUnavailable, err)
	}
	type result struct {
		unlock func()
		err    error
	}
	got := make(chan result, 1)
	go func() {
		unlock, err := lockedfile.MutexAt(beside(target, ".lock")).Lock()
		got <- result{unlock, err}
	}()
	select {
	case r := <-got:
		if r.err != nil {
			return nil, fmt.Errorf("%w: lock the document: %w", flag.ErrUnavailable, r.err)
		}
		return r.unlock, nil
	case <-ctx.Done():
		go func() { // the lock may still be given
			if r := <-got; r.err == nil {
				r.unlock()
			}
		}()
		return nil, fmt.Errorf("%w: lock the document: %w", flag.ErrUnavailable, ctx.Err())
	}
}

// beside names a hidden file in the same directory.
func beside(target, suffix string) string {
	return filepath.Join(filepath.Dir(target), "."+filepath.Base(target)+suffix)
}

// replace puts a new text into the place of the expected one, durably and at once: a reader gets
// the one or the other. It gives errMoved, and leaves the document alone, if it is not as expected.
func (s *Store) replace(target string, expected, next []byte) error {
	temp, err := prepare(target, next)
	if err != nil {
		return fmt.Errorf("%w: write beside the document: %w", flag.ErrUnavailable, err)
	}
	if err := s.place(temp, target, expected); err != nil {
		_ = os.Remove(temp)
		return err
	}
	return nil
}

func (s *Store) place(temp, target string, expected []byte) error {
	nowTarget, err := filepath.EvalSymlinks(s.path)
	if err != nil {
		return fmt.Errorf("%w: %w", flag.ErrUnavailable, err)
	}
	now, err := os.ReadFile(nowTarget)
	if err != nil {
		return fmt.Errorf("%w: %w", flag.ErrUnavailable, err)
	}
	if nowTarget != target || !bytes.Equal(now, expected) {
		return errMoved
	}
	if err := os.Rename(temp, target); err != nil {
		return fmt.Errorf("%w: %w", flag.ErrUnavailable, err)
	}
	syncDir(filepath.Dir(target))
	return nil
}

// prepare writes a file that can take the document's place: with its mode and owner.
func prepare(target string, text []byte) (temp string, err error) {
	info, err := os.Stat(target)
	if err != nil {
		return "", err
	}
	f, err := os.CreateTemp(filepath.Dir(target), "."+filepath.Base(target)+".*.tmp")
	if err != nil {
		return "", err
	}
	_, err = f.Write(text)
	err = errors.Join(err, f.Chmod(info.Mode().Perm()), keepOwner(f, info), f.Sync(), f.Close())
	if err != nil {
		_ = os.Remove(f.Name())
		return "", err
	}
	return f.Name(), nil
}

// syncDir makes a rename outlast a power cut. Not every file system can, and the rename stands
// without it, so that a failure changes nothing.
func syncDir(dir string) {
	d, err := os.Open(dir)
	if err != nil {
		return
	}
	_ = d.Sync()
	_ = d.Close()
}
