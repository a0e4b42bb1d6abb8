package ledger

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// ErrHeld means that somebody else holds the lease.
var ErrHeld = errors.New("the target is held by another change")

// Lease lets one change at a time work on a target. Fence goes up with every taking, so that
// a holder that slept through its lease is refused when it writes.
type Lease struct {
	Target Target    `json:"target"`
	Holder string    `json:"holder"` // an incident's ID; empty is free
	Until  time.Time `json:"until"`
	Fence  int64     `json:"-"` // the record's version
}

func leaseKey(t Target) Key { return Key{"lease", t.String()} }

// Lease reads a target's lease; a free one if nobody ever took it.
func (l *Ledger) Lease(ctx context.Context, t Target) (Lease, error) {
	lease, version, ok, err := read[Lease](ctx, l.Store, leaseKey(t))
	if err != nil {
		return Lease{}, err
	}
	if !ok {
		lease = Lease{Target: t}
	}
	lease.Fence = version
	return lease, nil
}

// Free tells whether holder may take the lease now.
func (l Lease) Free(holder string, now time.Time) bool {
	return l.Holder == "" || l.Holder == holder || now.After(l.Until)
}

// Hold takes or renews a target's lease for holder. It writes only when less than half of ttl is
// left, so that a step that is quick costs nothing. ErrHeld: somebody else has it.
func (l *Ledger) Hold(ctx context.Context, t Target, holder string, now time.Time, ttl time.Duration) (Lease, error) {
	lease, err := l.Lease(ctx, t)
	if err != nil {
		return Lease{}, err
	}
	if !lease.Free(holder, now) {
		return Lease{}, fmt.Errorf("lease on %s: %w (%s)", t, ErrHeld, lease.Holder)
	}
	if lease.Holder == holder && lease.Until.Sub(now) > ttl/2 {
		return lease, nil
	}
	next := lease.Taken(holder, now, ttl)
	op, err := put(leaseKey(t), lease.Fence, next)
	if err != nil {
		return Lease{}, err
	}
	if err := l.Store.Write(ctx, op); err != nil {
		return Lease{}, fmt.Errorf("lease on %s: %w", t, err)
	}
	next.Fence = lease.Fence + 1
	return next, nil
}

// Taken is the lease as holder takes it, to be written with Open.
func (l Lease) Taken(holder string, now time.Time, ttl time.Duration) Lease {
	l.Holder, l.Until = holder, now.Add(ttl)
	return l
}

// FreeOp gives the op that frees the lease, to go with the change that ends its holder. The record
// stays, so that fencing numbers never start anew.
func (l Lease) FreeOp() (Op, error) {
	return put(leaseKey(l.Target), l.Fence, Lease{Target: l.Target})
}
