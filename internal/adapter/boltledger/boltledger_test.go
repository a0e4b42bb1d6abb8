package boltledger

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/cinegit/guardian/internal/ledger"
	"github.com/cinegit/guardian/internal/ledger/ledgertest"
)

func openAt(t *testing.T, path string) *Store {
	t.Helper()
	s, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func newStore(t *testing.T) *Store {
	t.Helper()
	s := openAt(t, filepath.Join(t.TempDir(), "ledger.db"))
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestStoreKeepsTheContract(t *testing.T) {
	ledgertest.Run(t, func(t *testing.T) ledger.Store {
		t.Helper()
		return newStore(t)
	})
}

func TestABatchIsSeenWholeOrNotAtAll(t *testing.T) {
	ledgertest.Snapshots(t, func(t *testing.T) ledger.Store {
		t.Helper()
		return newStore(t)
	})
}

func TestWhatWasWrittenStandsAfterReopening(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.db")
	open := func(t *testing.T) ledger.Store {
		t.Helper()
		return openAt(t, path)
	}
	ledgertest.Reopen(t, open, func(t *testing.T, s ledger.Store) {
		t.Helper()
		if err := s.(*Store).Close(); err != nil {
			t.Error(err)
		}
	})
}

func op(partition, sort string, expires time.Time) ledger.Op {
	return ledger.Op{
		Kind: ledger.OpPut, Key: ledger.Key{Partition: partition, Sort: sort}, Version: ledger.AnyVersion, Expires: expires,
	}
}

func stands(t *testing.T, s *Store, partition, sort string) bool {
	t.Helper()
	_, err := s.Get(t.Context(), ledger.Key{Partition: partition, Sort: sort})
	if err != nil && !errors.Is(err, ledger.ErrNotFound) {
		t.Fatal(err)
	}
	return err == nil
}

func TestSweepDropsWhatHasExpiredAndNothingElse(t *testing.T) {
	s := newStore(t)
	now := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	write := func(ops ...ledger.Op) {
		t.Helper()
		if err := s.Write(t.Context(), ops...); err != nil {
			t.Fatal(err)
		}
	}
	write(op("p", "due", now), op("p", "later", now.Add(time.Second)), op("p", "never", time.Time{}),
		op("p", "prolonged", now), op("p", "kept", now), op("q", "deleted", now), op("r", "shortened", now.Add(time.Hour)))
	write(op("p", "prolonged", now.Add(time.Hour)), op("p", "kept", time.Time{}),
		ledger.Op{Kind: ledger.OpDelete, Key: ledger.Key{Partition: "q", Sort: "deleted"}, Version: 1}, op("r", "shortened", now))

	if n, err := s.Sweep(t.Context(), now, 10); n != 2 || err != nil {
		t.Errorf("Sweep = %d, %v, want 2", n, err)
	}
	for sort, want := range map[string]bool{"due": false, "later": true, "never": true, "prolonged": true, "kept": true} {
		if got := stands(t, s, "p", sort); got != want {
			t.Errorf("%s stands: %t, want %t", sort, got, want)
		}
	}
	if stands(t, s, "r", "shortened") {
		t.Error("a record whose life was shortened still stands")
	}
}

func TestSweepIsBounded(t *testing.T) {
	s := newStore(t)
	at := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	for i := range 5 {
		if err := s.Write(t.Context(), op("p", strconv.Itoa(i), at.Add(time.Duration(-i)*time.Minute))); err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []int{2, 2, 1, 0} {
		if n, err := s.Sweep(t.Context(), at, 2); n != want || err != nil {
			t.Fatalf("Sweep = %d, %v, want %d", n, err, want)
		}
	}
}

func TestAnEmptiedPartitionLeavesNoBucketBehind(t *testing.T) {
	s := newStore(t)
	for i := range 50 {
		partition := fmt.Sprintf("queue/%d", i)
		if err := s.Write(t.Context(), op(partition, "m", time.Time{})); err != nil {
			t.Fatal(err)
		}
		del := ledger.Op{Kind: ledger.OpDelete, Key: ledger.Key{Partition: partition, Sort: "m"}, Version: 1}
		if err := s.Write(t.Context(), del); err != nil {
			t.Fatal(err)
		}
	}
	tx, err := s.db.Begin(false)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback() }()
	if k, _ := tx.Bucket(recordsBucket()).Cursor().First(); k != nil {
		t.Errorf("bucket %q is left", k)
	}
}

func TestWritesThatComeTogetherShareACommit(t *testing.T) {
	s := newStore(t)
	before := commits(t, s)
	s.turn <- struct{}{} // a commit is in progress
	const writers = 20
	var all sync.WaitGroup
	for i := range writers {
		all.Go(func() {
			if err := s.Write(context.WithoutCancel(t.Context()), op("p", strconv.Itoa(i), time.Time{})); err != nil {
				t.Error(err)
			}
		})
	}
	for waiting := 0; waiting < writers; {
		s.mu.Lock()
		waiting = len(s.pending)
		s.mu.Unlock()
	}
	<-s.turn
	all.Wait()
	if got := commits(t, s) - before; got != 1 {
		t.Errorf("%d commits for %d writers that waited together, want 1", got, writers)
	}
}

func commits(t *testing.T, s *Store) int {
	t.Helper()
	tx, err := s.db.Begin(false)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback() }()
	return tx.ID()
}

func TestASecondGuardianIsToldThatTheDataIsInUse(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.db")
	s := openAt(t, path)
	_, err := open(path, time.Millisecond)
	wantError(t, err, ErrInUse, path)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := openAt(t, path).Close(); err != nil {
		t.Fatal(err)
	}
}

func wantError(t *testing.T, err, want error, path string) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("error %v, want %v", err, want)
	}
	if text := err.Error(); len(text) > 2000 || !strings.Contains(text, path) {
		t.Fatalf("error %q should name %s and be short", text, path)
	}
}

func TestADamagedFileIsRefusedWithoutTouchingIt(t *testing.T) {
	good := filepath.Join(t.TempDir(), "ledger.db")
	s := openAt(t, good)
	for i := range 200 {
		if err := s.Write(t.Context(), ledger.Op{
			Kind: ledger.OpPut, Key: ledger.Key{Partition: fmt.Sprint("p", i%7), Sort: strconv.Itoa(i)}, Value: make([]byte, 500),
		}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(good)
	if err != nil {
		t.Fatal(err)
	}
	zeroed := append([]byte{}, whole...)
	clear(zeroed[2*os.Getpagesize():])
	for name, content := range map[string][]byte{
		"text":              []byte("apiVersion: guardian/v1\n"),
		"long text":         []byte(fmt.Sprintf("%100000s", "x")),
		"cut in half":       whole[:len(whole)/2],
		"cut to a page":     whole[:os.Getpagesize()],
		"pages overwritten": zeroed,
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "ledger.db")
			if err := os.WriteFile(path, content, 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := Open(path)
			wantError(t, err, ErrDamaged, path)
			after, err := os.ReadFile(path)
			if err != nil || string(after) != string(content) {
				t.Errorf("the file was changed (%v)", err)
			}
		})
	}
}

func TestFileAndDirectoryAreTheOwnersAlone(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "var", "guardian")
	s := openAt(t, filepath.Join(dir, "ledger.db"))
	defer func() { _ = s.Close() }()
	for path, want := range map[string]fs.FileMode{dir: 0o700, filepath.Join(dir, "ledger.db"): 0o600} {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != want {
			t.Errorf("%s has mode %o, want %o", path, got, want)
		}
	}
}

func TestADirectoryThatCannotBeWrittenIsNamed(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root may write everywhere")
	}
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o500); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "ledger.db")
	_, err := Open(path)
	wantError(t, err, ErrDenied, path)
}

func TestCausesThatAPersonCanRemoveAreTold(t *testing.T) {
	for cause, want := range map[error]error{
		syscall.ENOSPC: ErrNoSpace,
		syscall.EDQUOT: ErrNoSpace,
		syscall.EROFS:  ErrDenied,
		syscall.EACCES: ErrDenied,
	} {
		err := explain("/data/ledger.db", &fs.PathError{Op: "write", Path: "x", Err: cause})
		wantError(t, err, want, "/data/ledger.db")
		if !errors.Is(err, cause) {
			t.Errorf("%v hides its cause", err)
		}
	}
}

func TestAPathThroughAFileIsAnErrorThatNamesIt(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Open(filepath.Join(file, "ledger.db"))
	wantError(t, err, syscall.ENOTDIR, file)
}

func TestAClosedStoreAnswersWithErrors(t *testing.T) {
	s := openAt(t, filepath.Join(t.TempDir(), "ledger.db"))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Write(t.Context(), op("p", "a", time.Time{})); err == nil {
		t.Error("Write on a closed store gave no error")
	}
	if _, err := s.Get(t.Context(), ledger.Key{Partition: "p", Sort: "a"}); err == nil || errors.Is(err, ledger.ErrNotFound) {
		t.Errorf("Get on a closed store: %v", err)
	}
}

func TestAFullDiskFailsTheWriteAndNotTheStore(t *testing.T) {
	s := newStore(t)
	s.db.MaxSize = 1 << 20
	big := op("p", "big", time.Time{})
	big.Value = make([]byte, 64<<20)
	err := s.Write(t.Context(), big)
	wantError(t, err, ErrNoSpace, s.db.Path())
	if stands(t, s, "p", "big") {
		t.Error("half a batch landed")
	}
	if err := s.Write(t.Context(), op("p", "small", time.Time{})); err != nil {
		t.Errorf("a small write after it: %v", err)
	}
}

func BenchmarkWrite(b *testing.B) {
	for _, writers := range []int{1, 8, 64} {
		b.Run(fmt.Sprintf("writers=%d", writers), func(b *testing.B) {
			s, err := Open(filepath.Join(b.TempDir(), "ledger.db"))
			if err != nil {
				b.Fatal(err)
			}
			defer func() { _ = s.Close() }()
			work := make(chan int)
			var all sync.WaitGroup
			for range writers {
				all.Go(func() {
					for i := range work {
						o := op(fmt.Sprint("p", i%20), strconv.Itoa(i), time.Time{})
						o.Value = make([]byte, 1024)
						if err := s.Write(b.Context(), o); err != nil {
							b.Error(err)
						}
					}
				})
			}
			for i := 0; b.Loop(); i++ {
				work <- i
			}
			close(work)
			all.Wait()
		})
	}
}
