package boltledger

import (
	"cmp"
	"context"
	"fmt"

	bolt "go.etcd.io/bbolt"

	"github.com/cinegit/guardian/internal/ledger"
)

// Write implements ledger.Store. Once it waits for the disk it no longer hears the context.
func (s *Store) Write(ctx context.Context, ops ...ledger.Op) error {
	if err := cmp.Or(ctx.Err(), ledger.CheckBatch(ops)); err != nil {
		return err
	}
	b := &batch{ops: ops, done: make(chan struct{})}
	s.mu.Lock()
	s.pending = append(s.pending, b)
	s.mu.Unlock()
	for {
		select {
		case <-b.done:
			return b.err
		case s.turn <- struct{}{}:
			s.commit(s.take())
			<-s.turn
		}
	}
}

// take gives the batches of the next commit, oldest first.
func (s *Store) take() []*batch {
	s.mu.Lock()
	defer s.mu.Unlock()
	var n, size int
	for n < len(s.pending) && (n == 0 || size < maxGroup) {
		for _, op := range s.pending[n].ops {
			size += len(op.Value)
		}
		n++
	}
	group := s.pending[:n:n]
	s.pending = s.pending[n:]
	return group
}

// commit writes a group in one transaction and tells each batch what came of it. A batch whose
// conditions do not hold is left out; the others are not touched by that.
func (s *Store) commit(group []*batch) {
	if len(group) == 0 {
		return
	}
	err := s.update(func(tx *bolt.Tx) error {
		for _, b := range group {
			if b.err = check(tx, b.ops); b.err != nil {
				continue
			}
			if err := apply(tx, b.ops); err != nil {
				return err
			}
		}
		return nil
	})
	for _, b := range group {
		if err != nil {
			b.err = fmt.Errorf("write: %w", err)
		}
		close(b.done)
	}
}

// update runs one transaction. bbolt panics on a damaged file; as nobody else could give the turn
// back, that ends here.
func (s *Store) update(fn func(*bolt.Tx) error) (err error) {
	defer recoverDamage(&err)
	return explain(s.db.Path(), s.db.Update(fn))
}

func check(tx *bolt.Tx, ops []ledger.Op) error {
	for _, op := range ops {
		if op.Version == ledger.AnyVersion {
			continue
		}
		has, err := current(tx, op.Key)
		if err != nil {
			return err
		}
		if has.version != op.Version {
			return fmt.Errorf("%s/%s has version %d, not %d: %w",
				op.Key.Partition, op.Key.Sort, has.version, op.Version, ledger.ErrConflict)
		}
	}
	return nil
}

func apply(tx *bolt.Tx, ops []ledger.Op) error {
	for _, op := range ops {
		var err error
		switch op.Kind {
		case ledger.OpPut:
			err = put(tx, op)
		case ledger.OpDelete:
			err = remove(tx, op.Key)
		case ledger.OpCheck: // done
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// current reads the head of a record as it stands in the transaction; the zero head is none.
func current(tx *bolt.Tx, key ledger.Key) (head, error) {
	b := tx.Bucket(recordsBucket()).Bucket([]byte(key.Partition))
	if b == nil {
		return head{}, nil
	}
	raw := b.Get([]byte(key.Sort))
	if raw == nil {
		return head{}, nil
	}
	h, err := decodeHead(raw)
	if err != nil {
		return head{}, fmt.Errorf("%s/%s: %w", key.Partition, key.Sort, err)
	}
	return h, nil
}

func put(tx *bolt.Tx, op ledger.Op) error {
	was, err := current(tx, op.Key)
	if err != nil {
		return err
	}
	now := head{version: was.version + 1, expires: millis(op.Expires)}
	if err := reindex(tx, op.Key, was.expires, now.expires); err != nil {
		return err
	}
	b, err := tx.Bucket(recordsBucket()).CreateBucketIfNotExists([]byte(op.Key.Partition))
	if err != nil {
		return err
	}
	return b.Put([]byte(op.Key.Sort), encode(now, op.Value))
}

// remove deletes a record, and its partition's bucket with the last one.
func remove(tx *bolt.Tx, key ledger.Key) error {
	was, err := current(tx, key)
	if err != nil || was.version == 0 {
		return err
	}
	if err := reindex(tx, key, was.expires, 0); err != nil {
		return err
	}
	records := tx.Bucket(recordsBucket())
	b := records.Bucket([]byte(key.Partition))
	if err := b.Delete([]byte(key.Sort)); err != nil {
		return err
	}
	if k, _ := b.Cursor().First(); k != nil {
		return nil
	}
	return records.DeleteBucket([]byte(key.Partition))
}
