// Package ledgertest holds the contract of ledger.Store as tests: every store runs them.
package ledgertest

import (
	"context"
	"errors"
	"testing"

	"github.com/cinegit/guardian/internal/ledger"
)

// Run checks that stores from open keep the contract. open gives an empty store each time, and
// closes it with the test.
func Run(t *testing.T, open func(t *testing.T) ledger.Store) {
	t.Helper()
	for name, test := range map[string]func(*testing.T, ledger.Store){
		"a missing record is not found":                    missingRecord,
		"versions start at one and go up by one":           versionsGoUp,
		"a delete starts versions anew":                    deleteRestartsVersions,
		"a condition that does not hold is a conflict":     conditions,
		"a batch is all or nothing":                        allOrNothing,
		"a check guards a batch and changes nothing":       checksGuard,
		"values are the caller's to change":                valuesAreCopies,
		"an expiry comes back as it was written":           expiryComesBack,
		"a value may be empty or as large as is sure":      valueSizes,
		"a larger value stands or is told as too large":    largeValues,
		"a list is in bytewise order of one partition":     listOrder,
		"a list can be read page by page in both orders":   listPages,
		"a page may start after a key that is not there":   listAfterMissing,
		"one of many racing writers wins":                  oneWinner,
		"increments of many writers are all counted":       noLostUpdate,
		"malformed batches and queries are refused":        malformed,
		"a cancelled context is heard":                     cancelled,
		"batches of a hundred ops are taken":               biggestBatch,
		"any history of calls answers as a model does":     likeAModel,
		"partitions whose names begin alike are separate":  partitionsApart,
		"a condition is on the record, not on its expiry":  expiredStillCounts,
		"deleting what is not there with any is no error":  deleteMissing,
		"keys may hold any characters":                     keyCharacters,
		"a batch may touch several partitions":             manyPartitions,
		"a failed batch leaves the store ready for others": readyAfterConflict,
	} {
		t.Run(name, func(t *testing.T) { test(t, open(t)) })
	}
}

// Snapshots checks what a store in one process promises beyond the contract: a List sees a batch whole or
// not at all. DynamoDB does not.
func Snapshots(t *testing.T, open func(t *testing.T) ledger.Store) {
	t.Helper()
	noTornReads(t, open(t))
}

// Reopen checks that what was written stands after the store was closed and opened again. open
// opens the same data every time; closeStore closes what it gave.
func Reopen(t *testing.T, open func(t *testing.T) ledger.Store, closeStore func(t *testing.T, s ledger.Store)) {
	t.Helper()
	store := open(t)
	write(t, store, put("p", "a", 0, "one"), put("q", "b", 0, "two"))
	write(t, store, put("p", "a", 1, "three"), del("q", "b", 1))
	closeStore(t, store)

	store = open(t)
	defer closeStore(t, store)
	wantRecord(t, store, "p", "a", 2, "three")
	wantMissing(t, store, "q", "b")
	wantConflict(t, store, put("p", "a", 1, "late"))
}

func put(partition, sort string, version int64, value string) ledger.Op {
	return ledger.Op{
		Kind: ledger.OpPut, Key: ledger.Key{Partition: partition, Sort: sort}, Version: version, Value: []byte(value),
	}
}

func del(partition, sort string, version int64) ledger.Op {
	return ledger.Op{Kind: ledger.OpDelete, Key: ledger.Key{Partition: partition, Sort: sort}, Version: version}
}

func check(partition, sort string, version int64) ledger.Op {
	return ledger.Op{Kind: ledger.OpCheck, Key: ledger.Key{Partition: partition, Sort: sort}, Version: version}
}

func write(t *testing.T, s ledger.Store, ops ...ledger.Op) {
	t.Helper()
	if err := s.Write(t.Context(), ops...); err != nil {
		t.Fatalf("Write: %v", err)
	}
}

func wantRecord(t *testing.T, s ledger.Store, partition, sort string, version int64, value string) {
	t.Helper()
	r, err := s.Get(t.Context(), ledger.Key{Partition: partition, Sort: sort})
	if err != nil {
		t.Fatalf("Get %s/%s: %v", partition, sort, err)
	}
	if r.Key != (ledger.Key{Partition: partition, Sort: sort}) || r.Version != version || string(r.Value) != value {
		t.Fatalf("Get %s/%s = %q version %d, want %q version %d", partition, sort, r.Value, r.Version, value, version)
	}
}

func wantMissing(t *testing.T, s ledger.Store, partition, sort string) {
	t.Helper()
	if _, err := s.Get(t.Context(), ledger.Key{Partition: partition, Sort: sort}); !errors.Is(err, ledger.ErrNotFound) {
		t.Fatalf("Get %s/%s: error %v, want ErrNotFound", partition, sort, err)
	}
}

func wantConflict(t *testing.T, s ledger.Store, ops ...ledger.Op) {
	t.Helper()
	if err := s.Write(t.Context(), ops...); !errors.Is(err, ledger.ErrConflict) {
		t.Fatalf("Write: error %v, want ErrConflict", err)
	}
}

// sorts lists a partition in pages of limit and gives the sort keys in the order they came.
func sorts(ctx context.Context, t *testing.T, s ledger.Store, q ledger.Query) []string {
	t.Helper()
	var out []string
	for {
		records, err := s.List(ctx, q)
		if err != nil {
			t.Fatalf("List: %v", err)
		}
		if len(records) > q.Limit {
			t.Fatalf("List gave %d records, limit %d", len(records), q.Limit)
		}
		for _, r := range records {
			out = append(out, r.Key.Sort)
		}
		if len(records) < q.Limit {
			return out
		}
		q.After = records[len(records)-1].Key.Sort
	}
}
