package flagd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/lockedfile"

	"github.com/cinegit/guardian/internal/flag"
)

// lockWait bounds the wait for another Guardian's change, which takes milliseconds.
const lockWait = 5 * time.Second

// file is a document on disk. The mark of a revision is the file that it really was.
type file struct{ path string }

// Name implements Source, as do the two methods below.
func (f *file) Name() string { return f.path }

// Read reads the document. YAML is refused: no edit would keep its layout.
func (f *file) Read(context.Context) (Revision, error) {
	if ext := strings.ToLower(filepath.Ext(f.path)); ext == ".yaml" || ext == ".yml" {
		return Revision{}, fmt.Errorf("%w: %s is YAML, which Guardian cannot edit without losing its layout: convert it to JSON",
			flag.ErrInvalid, f.path)
	}
	target, err := filepath.EvalSymlinks(f.path)
	if err != nil {
		return Revision{}, fmt.Errorf("%w: %w", flag.ErrUnavailable, err)
	}
	info, err := os.Stat(target)
	if err != nil {
		return Revision{}, fmt.Errorf("%w: %w", flag.ErrUnavailable, err)
	}
	if !info.Mode().IsRegular() {
		return Revision{}, fmt.Errorf("%w: %s is not a file", flag.ErrInvalid, f.path)
	}
	text, err := os.ReadFile(target)
	if err != nil {
		return Revision{}, fmt.Errorf("%w: %w", flag.ErrUnavailable, err)
	}
	return Revision{Text: text, Modified: info.ModTime(), Mark: target}, nil
}

// Replace puts a new text into the place of the old one, durably and at once: a reader gets the one
// or the other.
func (f *file) Replace(ctx context.Context, was Revision, next []byte) error {
	unlock, err := f.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	temp, err := prepare(was.Mark, next)
	if err != nil {
		return fmt.Errorf("%w: write beside the document: %w", flag.ErrUnavailable, err)
	}
	if err := f.place(temp, was); err != nil {
		_ = os.Remove(temp)
		return err
	}
	return nil
}

// lock keeps other Guardians from changing the document. It is a lock of the operating system on
// a file of its own, beside the document: the document's own file is replaced by every change, and
// a lock of the system ends with the process that holds it, so that none is ever left behind.
func (f *file) lock(ctx context.Context) (unlock func(), err error) {
	ctx, cancel := context.WithTimeout(ctx, lockWait)
	defer cancel()
	target, err := filepath.EvalSymlinks(f.path)
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

func (f *file) place(temp string, was Revision) error {
	target, err := filepath.EvalSymlinks(f.path)
	if err != nil {
		return fmt.Errorf("%w: %w", flag.ErrUnavailable, err)
	}
	now, err := os.ReadFile(target)
	if err != nil {
		return fmt.Errorf("%w: %w", flag.ErrUnavailable, err)
	}
	if target != was.Mark || !bytes.Equal(now, was.Text) {
		return ErrMoved
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
