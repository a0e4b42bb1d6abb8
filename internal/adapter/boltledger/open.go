package boltledger

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"syscall"
	"time"

	bolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
)

// Errors of Open and of every call, to be told by errors.Is.
var (
	ErrInUse   = errors.New("another guardian is running on this data: stop it, or give this one another --data directory")
	ErrDamaged = errors.New("not a guardian ledger, or damaged: put a copy back, or move it away to begin anew")
	ErrNoSpace = errors.New("no space left on the disk")
	ErrDenied  = errors.New("no right to write there: check owner and mode of the file and its directory")
)

// lockWait is how long Open waits for a guardian that is just ending.
const lockWait = 3 * time.Second

// Open opens the ledger in the file at path, and creates it (mode 0600) and its directory (mode
// 0700) where they are missing. It waits up to three seconds for another process to leave the file.
func Open(path string) (*Store, error) { return open(path, lockWait) }

func open(path string, wait time.Duration) (*Store, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, explain(path, err)
	}
	db, err := openBolt(path, wait)
	if err != nil {
		return nil, explain(path, err)
	}
	if err := prepare(db, path); err != nil {
		return nil, errors.Join(explain(path, err), db.Close())
	}
	return &Store{db: db, turn: make(chan struct{}, 1)}, nil
}

// openBolt turns bbolt's panics and faults on a damaged file into ErrDamaged.
func openBolt(path string, wait time.Duration) (db *bolt.DB, err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%w (%v)", ErrDamaged, r)
		}
	}()
	db, err = bolt.Open(path, 0o600, &bolt.Options{Timeout: wait, FreelistType: bolt.FreelistMapType})
	var errno syscall.Errno
	if err == nil || errors.As(err, &errno) || errors.Is(err, bolterrors.ErrTimeout) {
		return db, err
	}
	return nil, fmt.Errorf("%w (%w)", ErrDamaged, err)
}

// prepare checks the whole file and makes its buckets.
func prepare(db *bolt.DB, path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	ready := false
	err = db.View(func(tx *bolt.Tx) error {
		if tx.Size() > info.Size() {
			return fmt.Errorf("%w (%d of %d bytes are there)", ErrDamaged, info.Size(), tx.Size())
		}
		for problem := range tx.Check() {
			err = errors.Join(err, problem)
		}
		ready = tx.Bucket(recordsBucket()) != nil && tx.Bucket(expiryBucket()) != nil
		return err
	})
	if err != nil && !errors.Is(err, ErrDamaged) {
		return fmt.Errorf("%w (%w)", ErrDamaged, err)
	}
	if err != nil || ready {
		return err
	}
	return create(db, path)
}

// create makes the buckets, and makes sure that the new file's name is on the disk too.
func create(db *bolt.DB, path string) error {
	err := db.Update(func(tx *bolt.Tx) error {
		for _, name := range [][]byte{recordsBucket(), expiryBucket()} {
			if _, err := tx.CreateBucketIfNotExists(name); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// explain names the file and, where the cause is one that a person can remove, says how.
func explain(path string, err error) error {
	kind := error(nil)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, bolterrors.ErrTimeout):
		kind = ErrInUse
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT), errors.Is(err, bolterrors.ErrMaxSizeReached):
		kind = ErrNoSpace
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		kind = ErrDenied
	}
	if kind == nil {
		return fmt.Errorf("ledger file %s: %w", path, err)
	}
	return fmt.Errorf("ledger file %s: %w (%w)", path, kind, err)
}
