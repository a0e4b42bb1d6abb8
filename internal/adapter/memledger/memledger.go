// Package memledger is a ledger.Store in memory, for tests and simulations. It can be made to fail,
// so that a test sees what its subject does when a write is lost, or lands without saying so.
package memledger

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/cinegit/guardian/internal/ledger"
)

// Store is a ledger.Store in memory. The zero Store is empty and ready.
type Store struct {
	mu         sync.Mutex
	partitions map[string][]ledger.Record // each in the order of Sort
	faults     Faults
	writes     int
}

// New gives an empty store.
func New() *Store { return &Store{} }

// Get implements ledger.Store.
func (s *Store) Get(ctx context.Context, key ledger.Key) (ledger.Record, error) {
	fault := s.fault("get", nil)
	if err := cmp.Or(ctx.Err(), ledger.CheckKey(key), fault.Lost, fault.Landed); err != nil {
		return ledger.Record{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	at, found := s.find(key)
	if !found {
		return ledger.Record{}, fmt.Errorf("%s/%s: %w", key.Partition, key.Sort, ledger.ErrNotFound)
	}
	return copied(s.partitions[key.Partition][at]), nil
}

// Write implements ledger.Store.
func (s *Store) Write(ctx context.Context, ops ...ledger.Op) error {
	if err := cmp.Or(ctx.Err(), ledger.CheckBatch(ops)); err != nil {
		return err
	}
	fault := s.fault("write", ops)
	if fault.Lost != nil {
		return fault.Lost
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, op := range ops {
		if err := s.check(op); err != nil {
			return err
		}
	}
	for _, op := range ops {
		s.apply(op)
	}
	s.writes++
	return fault.Landed
}

// List implements ledger.Store.
func (s *Store) List(ctx context.Context, q ledger.Query) ([]ledger.Record, error) {
	fault := s.fault("list", nil)
	if err := cmp.Or(ctx.Err(), ledger.CheckQuery(q), fault.Lost, fault.Landed); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	records := s.partitions[q.Partition]
	after, found := s.find(ledger.Key{Partition: q.Partition, Sort: q.After})
	var out []ledger.Record
	if q.Descending {
		if q.After == "" {
			after = len(records)
		}
		for i := after - 1; i >= 0 && len(out) < q.Limit; i-- {
			out = append(out, copied(records[i]))
		}
		return out, nil
	}
	if found {
		after++
	}
	for i := after; i < len(records) && len(out) < q.Limit; i++ {
		out = append(out, copied(records[i]))
	}
	return out, nil
}

// Writes tells how many batches have landed.
func (s *Store) Writes() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.writes
}

func (s *Store) find(key ledger.Key) (at int, found bool) {
	return slices.BinarySearchFunc(s.partitions[key.Partition], key.Sort, func(r ledger.Record, sort string) int {
		return cmp.Compare(r.Key.Sort, sort)
	})
}

func (s *Store) version(key ledger.Key) int64 {
	at, found := s.find(key)
	if !found {
		return 0
	}
	return s.partitions[key.Partition][at].Version
}

func (s *Store) check(op ledger.Op) error {
	if has := s.version(op.Key); op.Version != ledger.AnyVersion && op.Version != has {
		return fmt.Errorf("%s/%s has version %d, not %d: %w", op.Key.Partition, op.Key.Sort, has, op.Version, ledger.ErrConflict)
	}
	return nil
}

func (s *Store) apply(op ledger.Op) {
	if s.partitions == nil {
		s.partitions = map[string][]ledger.Record{}
	}
	records := s.partitions[op.Key.Partition]
	at, found := s.find(op.Key)
	switch {
	case op.Kind == ledger.OpPut && found:
		records[at] = stored(op, records[at].Version+1)
	case op.Kind == ledger.OpPut:
		s.partitions[op.Key.Partition] = slices.Insert(records, at, stored(op, 1))
	case op.Kind == ledger.OpDelete && found:
		s.partitions[op.Key.Partition] = slices.Delete(records, at, at+1)
	}
}

func stored(op ledger.Op, version int64) ledger.Record {
	return ledger.Record{Key: op.Key, Version: version, Value: bytes.Clone(op.Value), Expires: op.Expires}
}

func copied(r ledger.Record) ledger.Record {
	r.Value = bytes.Clone(r.Value)
	return r
}
