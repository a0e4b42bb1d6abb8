// Package boltledger is the ledger.Store of one process: one bbolt file.
//
// Bucket "records" holds a bucket for each partition, in it the records by sort key. Bucket
// "expiry" orders the keys of records that expire by when they do, so that Sweep finds them
// without reading the others.
package boltledger

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/cinegit/guardian/internal/ledger"
)

// Store is a ledger.Store in a file. Writes that come at the same time share one commit, hence
// one wait for the disk; a write that comes alone commits at once.
type Store struct {
	db   *bolt.DB
	turn chan struct{} // holds one token; whoever has it commits for all that are pending

	mu      sync.Mutex
	pending []*batch
}

// batch is one Write that waits for its commit.
type batch struct {
	ops  []ledger.Op
	err  error // set before done is closed
	done chan struct{}
}

// maxGroup bounds the bytes of values in one commit, so that a storm of large records does not
// hold the file for long. One batch may have more.
const maxGroup = 8 << 20

// Close closes the file when the calls in progress have ended. Calls after it fail.
func (s *Store) Close() error {
	if err := s.db.Close(); err != nil {
		return explain(s.db.Path(), err)
	}
	return nil
}

// Size gives the bytes of the data in the file, free pages included.
func (s *Store) Size() (int64, error) {
	var size int64
	err := s.db.View(func(tx *bolt.Tx) error {
		size = tx.Size()
		return nil
	})
	return size, explain(s.db.Path(), err)
}

// Get implements ledger.Store.
func (s *Store) Get(ctx context.Context, key ledger.Key) (ledger.Record, error) {
	if err := cmp.Or(ctx.Err(), ledger.CheckKey(key)); err != nil {
		return ledger.Record{}, err
	}
	var record ledger.Record
	err := s.view(key.Partition, func(b *bolt.Bucket) error {
		raw := b.Get([]byte(key.Sort))
		if raw == nil {
			return ledger.ErrNotFound
		}
		var err error
		record, err = decode(key, raw)
		return err
	})
	if err != nil {
		return ledger.Record{}, fmt.Errorf("%s/%s: %w", key.Partition, key.Sort, err)
	}
	return record, nil
}

// List implements ledger.Store.
func (s *Store) List(ctx context.Context, q ledger.Query) ([]ledger.Record, error) {
	if err := cmp.Or(ctx.Err(), ledger.CheckQuery(q)); err != nil {
		return nil, err
	}
	var out []ledger.Record
	err := s.view(q.Partition, func(b *bolt.Bucket) error {
		c := b.Cursor()
		k, v := first(c, q)
		for ; k != nil && len(out) < q.Limit; k, v = next(c, q) {
			record, err := decode(ledger.Key{Partition: q.Partition, Sort: string(k)}, v)
			if err != nil {
				return err
			}
			out = append(out, record)
		}
		return nil
	})
	if err != nil && !errors.Is(err, ledger.ErrNotFound) {
		return nil, fmt.Errorf("list %s: %w", q.Partition, err)
	}
	return out, nil
}

// view reads one partition; ledger.ErrNotFound if it is empty.
func (s *Store) view(partition string, read func(*bolt.Bucket) error) error {
	err := s.db.View(func(tx *bolt.Tx) error {
		b := tx.Bucket(recordsBucket()).Bucket([]byte(partition))
		if b == nil {
			return ledger.ErrNotFound
		}
		return read(b)
	})
	if errors.Is(err, ledger.ErrNotFound) {
		return err
	}
	return explain(s.db.Path(), err)
}

func first(c *bolt.Cursor, q ledger.Query) (k, v []byte) {
	after := []byte(q.After)
	if q.Descending {
		if q.After == "" {
			return c.Last()
		}
		if k, _ := c.Seek(after); k == nil {
			return c.Last()
		}
		return c.Prev()
	}
	k, v = c.Seek(after)
	if q.After != "" && bytes.Equal(k, after) {
		return c.Next()
	}
	return k, v
}

func next(c *bolt.Cursor, q ledger.Query) (k, v []byte) {
	if q.Descending {
		return c.Prev()
	}
	return c.Next()
}

// Sweep drops at most limit records that had expired by now, and tells how many it dropped. When it
// dropped limit there may be more.
func (s *Store) Sweep(ctx context.Context, now time.Time, limit int) (dropped int, err error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	due, err := s.expired(now, limit)
	if err != nil || len(due) == 0 {
		return 0, err
	}
	err = s.update(func(tx *bolt.Tx) error {
		for _, e := range due {
			landed, err := drop(tx, e)
			if err != nil {
				return err
			}
			dropped += landed
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("sweep: %w", err)
	}
	return dropped, nil
}
