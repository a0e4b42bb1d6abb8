package memledger_test

import (
	"errors"
	"testing"

	"github.com/cinegit/guardian/internal/adapter/memledger"
	"github.com/cinegit/guardian/internal/ledger"
	"github.com/cinegit/guardian/internal/ledger/ledgertest"
)

func TestStoreKeepsTheContract(t *testing.T) {
	ledgertest.Run(t, func(*testing.T) ledger.Store { return memledger.New() })
}

func TestABatchIsSeenWholeOrNotAtAll(t *testing.T) {
	ledgertest.Snapshots(t, func(*testing.T) ledger.Store { return memledger.New() })
}

var key = ledger.Key{Partition: "p", Sort: "a"}

func put() ledger.Op { return ledger.Op{Kind: ledger.OpPut, Key: key, Version: ledger.AnyVersion} }

func version(t *testing.T, s *memledger.Store) int64 {
	t.Helper()
	r, err := s.Get(t.Context(), key)
	if err != nil && !errors.Is(err, ledger.ErrNotFound) {
		t.Fatal(err)
	}
	return r.Version
}

func TestALostWriteLeavesNothingAndALandedOneEverything(t *testing.T) {
	for how, want := range map[memledger.How]int64{memledger.Lost: 2, memledger.Landed: 3} {
		s := memledger.New()
		s.SetFaults(memledger.FailWrite(1, how))
		for i := range 3 {
			err := s.Write(t.Context(), put())
			if failed := errors.Is(err, memledger.ErrInjected); failed != (i == 1) {
				t.Errorf("write %d: error %v", i, err)
			}
		}
		if got := version(t, s); got != want {
			t.Errorf("landed %t: version %d, want %d", how, got, want)
		}
		if got := s.Writes(); int64(got) != want {
			t.Errorf("landed %t: %d writes counted, want %d", how, got, want)
		}
	}
}

func TestAfterACrashNothingWorksUntilTheRestart(t *testing.T) {
	for how, want := range map[memledger.How]int64{memledger.Lost: 1, memledger.Landed: 2} {
		s := memledger.New()
		s.SetFaults(memledger.CrashAtWrite(1, how))
		if err := s.Write(t.Context(), put()); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if err := s.Write(t.Context(), put()); !errors.Is(err, memledger.ErrInjected) {
				t.Errorf("Write after the crash: error %v", err)
			}
		}
		if _, err := s.Get(t.Context(), key); !errors.Is(err, memledger.ErrInjected) {
			t.Errorf("Get after the crash: error %v", err)
		}
		s.SetFaults(nil)
		if got := version(t, s); got != want {
			t.Errorf("landed %t: version %d after the restart, want %d", how, got, want)
		}
	}
}
