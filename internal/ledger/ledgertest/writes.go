package ledgertest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cinegit/guardian/internal/ledger"
)

func missingRecord(t *testing.T, s ledger.Store) {
	wantMissing(t, s, "p", "a")
	write(t, s, put("p", "b", 0, "x"))
	wantMissing(t, s, "p", "a")
}

func versionsGoUp(t *testing.T, s ledger.Store) {
	write(t, s, put("p", "a", 0, "one"))
	wantRecord(t, s, "p", "a", 1, "one")
	write(t, s, put("p", "a", 1, "two"))
	wantRecord(t, s, "p", "a", 2, "two")
	write(t, s, put("p", "a", ledger.AnyVersion, "three"))
	wantRecord(t, s, "p", "a", 3, "three")
	write(t, s, put("p", "new", ledger.AnyVersion, "one"))
	wantRecord(t, s, "p", "new", 1, "one")
}

func deleteRestartsVersions(t *testing.T, s ledger.Store) {
	write(t, s, put("p", "a", 0, "one"))
	write(t, s, put("p", "a", 1, "two"))
	write(t, s, del("p", "a", 2))
	wantMissing(t, s, "p", "a")
	wantConflict(t, s, put("p", "a", 2, "late"))
	write(t, s, put("p", "a", 0, "anew"))
	wantRecord(t, s, "p", "a", 1, "anew")
}

func conditions(t *testing.T, s ledger.Store) {
	wantConflict(t, s, put("p", "a", 1, "too early"))
	wantConflict(t, s, del("p", "a", 1))
	wantConflict(t, s, check("p", "a", 1))
	write(t, s, put("p", "a", 0, "one"))
	wantConflict(t, s, put("p", "a", 0, "again"))
	wantConflict(t, s, put("p", "a", 2, "too late"))
	wantConflict(t, s, del("p", "a", 0))
	wantConflict(t, s, check("p", "a", 0))
	wantRecord(t, s, "p", "a", 1, "one")
}

func allOrNothing(t *testing.T, s ledger.Store) {
	write(t, s, put("p", "a", 0, "one"), put("p", "b", 0, "one"))
	wantConflict(t, s,
		put("p", "c", 0, "new"), put("p", "a", 1, "two"), del("p", "b", 1), put("q", "x", 7, "does not hold"))
	wantRecord(t, s, "p", "a", 1, "one")
	wantRecord(t, s, "p", "b", 1, "one")
	wantMissing(t, s, "p", "c")
	wantMissing(t, s, "q", "x")
}

func checksGuard(t *testing.T, s ledger.Store) {
	write(t, s, put("lease", "x", 0, "mine"))
	write(t, s, check("lease", "x", 1), check("lease", "none", 0), check("lease", "any", ledger.AnyVersion), put("p", "a", 0, "one"))
	wantRecord(t, s, "lease", "x", 1, "mine")
	wantMissing(t, s, "lease", "any")
	write(t, s, put("lease", "x", 1, "yours"))
	wantConflict(t, s, check("lease", "x", 1), put("p", "a", 1, "two"))
	wantRecord(t, s, "p", "a", 1, "one")
	write(t, s, check("lease", "x", 2))
}

func valuesAreCopies(t *testing.T, s ledger.Store) {
	value := []byte("one")
	key := ledger.Key{Partition: "p", Sort: "a"}
	write(t, s, ledger.Op{Kind: ledger.OpPut, Key: key, Value: value})
	value[0] = 'X'
	wantRecord(t, s, "p", "a", 1, "one")

	got, err := s.Get(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	got.Value[0] = 'X'
	listed, err := s.List(t.Context(), ledger.Query{Partition: "p", Limit: 1})
	if err != nil {
		t.Fatal(err)
	}
	listed[0].Value[1] = 'X'
	write(t, s, put("p", "b", 0, "more")) // whatever memory the store lends out is used again by now
	wantRecord(t, s, "p", "a", 1, "one")
	if string(got.Value) != "Xne" || string(listed[0].Value) != "oXe" {
		t.Fatalf("values changed under their holders: %q, %q", got.Value, listed[0].Value)
	}
}

func expiryComesBack(t *testing.T, s ledger.Store) {
	at := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	op := put("p", "a", 0, "one")
	op.Expires = at
	write(t, s, op, put("p", "b", 0, "never"))
	for sort, want := range map[string]time.Time{"a": at, "b": {}} {
		got, err := s.Get(t.Context(), ledger.Key{Partition: "p", Sort: sort})
		if err != nil {
			t.Fatal(err)
		}
		if !got.Expires.Equal(want) {
			t.Fatalf("Expires of %s = %v, want %v", sort, got.Expires, want)
		}
	}
	write(t, s, put("p", "a", 1, "for ever now"))
	got, err := s.Get(t.Context(), op.Key)
	if err != nil || !got.Expires.IsZero() {
		t.Fatalf("Expires = %v (%v), want never", got.Expires, err)
	}
}

func expiredStillCounts(t *testing.T, s ledger.Store) {
	op := put("p", "a", 0, "one")
	op.Expires = time.Date(2001, 1, 1, 0, 0, 0, 0, time.UTC)
	write(t, s, op)
	switch r, err := s.Get(t.Context(), op.Key); {
	case errors.Is(err, ledger.ErrNotFound):
		write(t, s, put("p", "a", 0, "two"))
	case err != nil:
		t.Fatal(err)
	default:
		wantConflict(t, s, put("p", "a", 0, "two"))
		write(t, s, put("p", "a", r.Version, "two"))
	}
}

func valueSizes(t *testing.T, s ledger.Store) {
	write(t, s, put("p", "empty", 0, ""))
	wantRecord(t, s, "p", "empty", 1, "")
	var ops []ledger.Op
	sure := strings.Repeat("x", ledger.SureValue)
	for i := range ledger.SureBatch / ledger.SureValue {
		ops = append(ops, put("p", fmt.Sprintf("sure%d", i), 0, sure))
	}
	write(t, s, ops...)
	for _, op := range ops {
		wantRecord(t, s, "p", op.Key.Sort, 1, sure)
	}
	notText := "\xff\xfe\x00\x80"
	write(t, s, put("p", "bytes", 0, notText))
	wantRecord(t, s, "p", "bytes", 1, notText)
}

func largeValues(t *testing.T, s ledger.Store) {
	big := strings.Repeat("x", 1<<20)
	switch err := s.Write(t.Context(), put("p", "small", 0, "x"), put("p", "big", 0, big)); {
	case err == nil:
		wantRecord(t, s, "p", "small", 1, "x")
		wantRecord(t, s, "p", "big", 1, big)
	case errors.Is(err, ledger.ErrTooLarge):
		wantMissing(t, s, "p", "small")
		wantMissing(t, s, "p", "big")
	default:
		t.Fatalf("Write: error %v, want none or ErrTooLarge", err)
	}
}

func deleteMissing(t *testing.T, s ledger.Store) {
	write(t, s, del("p", "a", ledger.AnyVersion))
	write(t, s, del("p", "a", 0))
	wantMissing(t, s, "p", "a")
}

func manyPartitions(t *testing.T, s ledger.Store) {
	write(t, s, put("p", "a", 0, "one"), put("q", "a", 0, "two"))
	wantRecord(t, s, "p", "a", 1, "one")
	wantRecord(t, s, "q", "a", 1, "two")
}

func readyAfterConflict(t *testing.T, s ledger.Store) {
	wantConflict(t, s, put("p", "a", 5, "no"))
	write(t, s, put("p", "a", 0, "yes"))
	wantRecord(t, s, "p", "a", 1, "yes")
}

func biggestBatch(t *testing.T, s ledger.Store) {
	var ops []ledger.Op
	for i := range ledger.MaxOps {
		ops = append(ops, put("p", fmt.Sprintf("%03d", i), 0, "x"))
	}
	write(t, s, ops...)
	if got := sorts(t.Context(), t, s, ledger.Query{Partition: "p", Limit: 1000}); len(got) != ledger.MaxOps {
		t.Fatalf("%d records stand, want %d", len(got), ledger.MaxOps)
	}
}

func malformed(t *testing.T, s ledger.Store) {
	tooMany := make([]ledger.Op, 0, ledger.MaxOps+1)
	for i := range ledger.MaxOps + 1 {
		tooMany = append(tooMany, put("p", strconv.Itoa(i), 0, "x"))
	}
	long := string(bytes.Repeat([]byte("k"), 4096))
	for name, ops := range map[string][]ledger.Op{
		"an empty batch":              {},
		"too many ops":                tooMany,
		"a key twice":                 {put("p", "a", 0, "x"), check("p", "a", 0)},
		"an unknown kind":             {{Kind: "increment", Key: ledger.Key{Partition: "p", Sort: "a"}}},
		"an empty partition":          {put("", "a", 0, "x")},
		"an empty sort key":           {put("p", "", 0, "x")},
		"a partition name too long":   {put(long, "a", 0, "x")},
		"a sort key too long":         {put("p", long, 0, "x")},
		"a partition not of text":     {put("\xff", "a", 0, "x")},
		"a sort key not of text":      {put("p", "\xff", 0, "x")},
		"a version that is not there": {put("p", "a", -2, "x")},
	} {
		err := s.Write(t.Context(), ops...)
		if !errors.Is(err, ledger.ErrBatch) {
			t.Errorf("%s: error %v, want ErrBatch", name, err)
		}
	}
	if _, err := s.List(t.Context(), ledger.Query{Partition: "p"}); !errors.Is(err, ledger.ErrBatch) {
		t.Errorf("a list without limit: error %v, want ErrBatch", err)
	}
	if got := sorts(t.Context(), t, s, ledger.Query{Partition: "p", Limit: 9}); len(got) != 0 {
		t.Errorf("refused batches wrote %v", got)
	}
}

func cancelled(t *testing.T, s ledger.Store) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Write(ctx, put("p", "a", 0, "x")); !errors.Is(err, context.Canceled) {
		t.Errorf("Write: error %v, want context.Canceled", err)
	}
	if _, err := s.Get(ctx, ledger.Key{Partition: "p", Sort: "a"}); !errors.Is(err, context.Canceled) {
		t.Errorf("Get: error %v, want context.Canceled", err)
	}
	if _, err := s.List(ctx, ledger.Query{Partition: "p", Limit: 1}); !errors.Is(err, context.Canceled) {
		t.Errorf("List: error %v, want context.Canceled", err)
	}
	wantMissing(t, s, "p", "a")
}
