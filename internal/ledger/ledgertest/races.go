package ledgertest

import (
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"pgregory.net/rapid"

	"github.com/google/go-cmp/cmp"

	"github.com/cinegit/guardian/internal/ledger"
)

const racers = 16

func oneWinner(t *testing.T, s ledger.Store) {
	for round := range 5 {
		var wins atomic.Int64
		var all sync.WaitGroup
		for i := range racers {
			all.Go(func() {
				err := s.Write(t.Context(), put("p", "lease", int64(round), strconv.Itoa(i)), put("won", fmt.Sprintf("%d-%d", round, i), 0, ""))
				switch {
				case err == nil:
					wins.Add(1)
				case !errors.Is(err, ledger.ErrConflict):
					t.Errorf("Write: %v", err)
				}
			})
		}
		all.Wait()
		if wins.Load() != 1 {
			t.Fatalf("round %d: %d writers won, want 1", round, wins.Load())
		}
	}
	if got := sorts(t.Context(), t, s, ledger.Query{Partition: "won", Limit: 100}); len(got) != 5 {
		t.Fatalf("batches that landed: %v, want one a round", got)
	}
}

func noLostUpdate(t *testing.T, s ledger.Store) {
	write(t, s, put("p", "count", 0, "0"))
	key := ledger.Key{Partition: "p", Sort: "count"}
	increment := func() error {
		for {
			r, err := s.Get(t.Context(), key)
			if err != nil {
				return err
			}
			n, err := strconv.Atoi(string(r.Value))
			if err != nil {
				return err
			}
			err = s.Write(t.Context(), put("p", "count", r.Version, strconv.Itoa(n+1)))
			if !errors.Is(err, ledger.ErrConflict) {
				return err
			}
		}
	}
	var all sync.WaitGroup
	for range racers {
		all.Go(func() {
			if err := increment(); err != nil {
				t.Errorf("increment: %v", err)
			}
		})
	}
	all.Wait()
	wantRecord(t, s, "p", "count", racers+1, strconv.Itoa(racers))
}

func noTornReads(t *testing.T, s ledger.Store) {
	write(t, s, put("p", "a", 0, "0"), put("p", "b", 0, "0"))
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := range 50 {
			value := strconv.Itoa(i)
			if err := s.Write(t.Context(), put("p", "a", ledger.AnyVersion, value), put("p", "b", ledger.AnyVersion, value)); err != nil {
				t.Errorf("Write: %v", err)
				return
			}
		}
	}()
	for running := true; running; {
		select {
		case <-done:
			running = false
		default:
		}
		records, err := s.List(t.Context(), ledger.Query{Partition: "p", Limit: 2})
		if err != nil || len(records) != 2 {
			t.Fatalf("List = %v, %v", records, err)
		}
		if string(records[0].Value) != string(records[1].Value) {
			t.Fatalf("half a batch was seen: %q and %q", records[0].Value, records[1].Value)
		}
	}
}

// model is what a store should hold, in the simplest way to say it.
type model map[ledger.Key]ledger.Record

func (m model) write(ops []ledger.Op) error {
	for _, op := range ops {
		if op.Version != ledger.AnyVersion && op.Version != m[op.Key].Version {
			return ledger.ErrConflict
		}
	}
	for _, op := range ops {
		switch op.Kind {
		case ledger.OpPut:
			m[op.Key] = ledger.Record{Key: op.Key, Version: m[op.Key].Version + 1, Value: op.Value}
		case ledger.OpDelete:
			delete(m, op.Key)
		case ledger.OpCheck: // changes nothing
		}
	}
	return nil
}

// likeAModel uses a few keys of a partition of its own in each run, as the store is never emptied.
func likeAModel(t *testing.T, s ledger.Store) {
	var runs int
	rapid.Check(t, func(r *rapid.T) {
		runs++
		m := model{}
		keys := []ledger.Key{}
		for _, sort := range []string{"a", "b", "c"} {
			keys = append(keys, ledger.Key{Partition: fmt.Sprintf("run%d", runs), Sort: sort})
		}
		genOp := rapid.Custom(func(r *rapid.T) ledger.Op {
			op := ledger.Op{
				Kind:    rapid.SampledFrom([]ledger.OpKind{ledger.OpPut, ledger.OpPut, ledger.OpDelete, ledger.OpCheck}).Draw(r, "kind"),
				Key:     rapid.SampledFrom(keys).Draw(r, "key"),
				Version: rapid.Int64Range(-1, 3).Draw(r, "version"),
			}
			if op.Kind == ledger.OpPut {
				op.Value = []byte(rapid.StringN(0, 3, 8).Draw(r, "value"))
			}
			return op
		})
		genBatch := rapid.SliceOfNDistinct(genOp, 1, 3, func(op ledger.Op) ledger.Key { return op.Key })
		for range rapid.IntRange(1, 4).Draw(r, "batches") {
			batch := genBatch.Draw(r, "batch")
			want, got := m.write(batch), s.Write(t.Context(), batch...)
			if !errors.Is(got, want) {
				r.Fatalf("Write(%v) = %v, want %v", batch, got, want)
			}
		}
		for _, key := range keys {
			want := m[key]
			got, err := s.Get(t.Context(), key)
			if err != nil && !errors.Is(err, ledger.ErrNotFound) {
				r.Fatal(err)
			}
			if got.Version != want.Version || string(got.Value) != string(want.Value) {
				r.Fatalf("record differs (-want +got):\n%s", cmp.Diff(want, got))
			}
		}
	})
}
