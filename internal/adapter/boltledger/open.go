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

// openBolt opens the file. bbolt panics on some damage, and faults on pages that are not there.
func openBolt(path string, wait time.Duration) (db *bolt.DB, err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer recoverDamage(&err)
	db, err = bolt.Open(path, 0o600, &bolt.Options{Timeout: wait, FreelistType: bolt.FreelistMapType})
	var errno syscall.Errno
	if err == nil || errors.As(err, &errno) || errors.Is(err, bolterrors.ErrTimeout) {
		return db, err
	}
	return nil, fmt.Errorf("%w (%w)", ErrDamaged, err)
}

func recoverDamage(err *error) {
	if r := recover(); r != nil {
		*err = fmt.Errorf("%w (%v)", ErrDamaged, r)
	}
}

// prepare reads the whole file once, and makes its buckets where it is new.
func prepare(db *bolt.DB, path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	fresh := false
	err = db.View(func(tx *bolt.Tx) error {
		if tx.Size() > info.Size() {
			return fmt.Errorf("%w (%d of %d bytes are there)", ErrDamaged, info.Size(), tx.Size())
		}
		var err error
		fresh, err = readThrough(tx)
		return err
	})
	if err != nil || !fresh {
		return err
	}
	return create(db, path)
}

// readThrough visits every record, so that damage shows at the start and not in the middle of a
// remedy. It runs in this goroutine, unlike bbolt's own check, because a fault in another one ends
// the program.
func readThrough(tx *bolt.Tx) (fresh bool, err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer recoverDamage(&err)
	records, index := tx.Bucket(recordsBucket()), tx.Bucket(expiryBucket())
	if records == nil && index == nil {
		return true, nil
	}
	if records == nil || index == nil {
		return false, fmt.Errorf("%w (a bucket is missing)", ErrDamaged)
	}
	err = records.ForEachBucket(func(partition []byte) error {
		return records.Bucket(partition).ForEach(func(_, raw []byte) error {
			_, err := decodeHead(raw)
			return err
		})
	})
	if err != nil {
		return false, fmt.Errorf("%w (%w)", ErrDamaged, err)
	}
	return false, index.ForEach(func(raw, _ []byte) error {
		_, err := decodeExpiry(raw)
		return err
	})
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
