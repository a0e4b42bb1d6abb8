package memledger

import (
	"errors"
	"sync/atomic"

	"github.com/cinegit/guardian/internal/ledger"
)

// ErrInjected is the error of the faults that this package makes.
var ErrInjected = errors.New("injected fault")

// Fault is what goes wrong with one call; the zero Fault is nothing. With Lost the call has no
// effect; with Landed it has its whole effect, and the caller is told an error all the same.
type Fault struct{ Lost, Landed error }

// Faults decides what goes wrong with a call. op is "get", "list" or "write"; ops are those of a
// write. It may be called from many goroutines at once.
type Faults func(op string, ops []ledger.Op) Fault

// SetFaults makes calls fail from now on as f says; nil ends it.
func (s *Store) SetFaults(f Faults) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = f
}

func (s *Store) fault(op string, ops []ledger.Op) Fault {
	s.mu.Lock()
	f := s.faults
	s.mu.Unlock()
	if f == nil {
		return Fault{}
	}
	return f(op, ops)
}

// How says in which way an injected write fails.
type How bool

// The ways.
const (
	Lost   How = false // nothing was written
	Landed How = true  // all was written, but the writer is told an error
)

func (h How) fault() Fault {
	if h == Landed {
		return Fault{Landed: ErrInjected}
	}
	return Fault{Lost: ErrInjected}
}

// FailWrite fails the write numbered n (from 0) and no other call.
func FailWrite(n int, how How) Faults {
	var writes atomic.Int64
	return func(op string, _ []ledger.Op) Fault {
		if op == "write" && writes.Add(1)-1 == int64(n) {
			return how.fault()
		}
		return Fault{}
	}
}

// CrashAtWrite fails the write numbered n (from 0) and every call after it, as if the process had
// been killed there. SetFaults(nil) is the restart.
func CrashAtWrite(n int, how How) Faults {
	var writes atomic.Int64
	var dead atomic.Bool
	return func(op string, _ []ledger.Op) Fault {
		if dead.Load() {
			return Fault{Lost: ErrInjected}
		}
		if op != "write" || writes.Add(1)-1 < int64(n) {
			return Fault{}
		}
		dead.Store(true)
		return how.fault()
	}
}
