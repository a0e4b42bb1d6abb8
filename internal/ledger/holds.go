package ledger

import (
	"context"
	"fmt"
	"slices"
	"time"
)

func breakerKey() Key { return Key{"breaker", "fleet"} }

// Act is one incident's first change of a target.
type Act struct {
	Target   Target    `json:"target"`
	Incident string    `json:"incident"`
	At       time.Time `json:"at"`
}

// Breaker remembers the latest acts over the whole fleet, for cooldown and fleet limits. It is
// one record, so that two incidents cannot both be the last that is allowed.
type Breaker struct {
	Acts    []Act `json:"acts"` // oldest first
	Version int64 `json:"-"`
}

// Breaker reads it.
func (l *Ledger) Breaker(ctx context.Context) (Breaker, error) {
	b, version, _, err := read[Breaker](ctx, l.Store, breakerKey())
	b.Version = version
	return b, err
}

// With gives the breaker with one more act, forgetting those before since.
func (b Breaker) With(act Act, since time.Time) Breaker {
	keep := slices.DeleteFunc(slices.Clone(b.Acts), func(a Act) bool {
		return a.At.Before(since) || a.Incident == act.Incident
	})
	return Breaker{Acts: append(keep, act), Version: b.Version}
}

// SetFreeze writes a freeze, replacing the one of the same scope.
func (l *Ledger) SetFreeze(ctx context.Context, f Freeze) error {
	op, err := put(Key{"freeze", f.Service + "/" + f.Stage}, AnyVersion, f)
	if err != nil {
		return err
	}
	op.Expires = f.Until
	return l.Store.Write(ctx, op)
}

// LiftFreeze removes the freeze of a scope; none there is no error.
func (l *Ledger) LiftFreeze(ctx context.Context, service, stage string) error {
	return l.Store.Write(ctx, Op{Kind: OpDelete, Key: Key{"freeze", service + "/" + stage}, Version: AnyVersion})
}

// Freezes gives the freezes that hold now.
func (l *Ledger) Freezes(ctx context.Context, now time.Time) ([]Freeze, error) {
	all, err := list[Freeze](ctx, l.Store, Query{Partition: "freeze"}, 0)
	return slices.DeleteFunc(all, func(f Freeze) bool { return !now.Before(f.Until) }), err
}

// Covers tells whether the freeze speaks of the target.
func (f Freeze) Covers(t Target) bool {
	return (f.Service == "" || f.Service == t.Service) && (f.Stage == "" || f.Stage == t.Stage)
}

func quarantineKey(t Target, release string) Key {
	return Key{"quarantine", t.String() + "/" + release}
}

// QuarantineOp gives the op that writes a quarantine.
func QuarantineOp(q Quarantine) (Op, error) {
	return put(quarantineKey(q.Target, q.Release), AnyVersion, q)
}

// Quarantines gives all that hold now.
func (l *Ledger) Quarantines(ctx context.Context) ([]Quarantine, error) {
	all, err := list[Quarantine](ctx, l.Store, Query{Partition: "quarantine"}, 0)
	return slices.DeleteFunc(all, func(q Quarantine) bool { return !q.LiftedAt.IsZero() }), err
}

func holdKey(t Target) Key { return Key{"hold", t.String()} }

// HoldOp gives the op that remembers auto-sync to give back.
func HoldOp(h Hold) (Op, error) { return put(holdKey(h.Target), AnyVersion, h) }

// DropHoldOp gives the op that forgets it.
func DropHoldOp(t Target) Op {
	return Op{Kind: OpDelete, Key: holdKey(t), Version: AnyVersion}
}

// Holds gives all targets whose auto-sync Guardian has switched off.
func (l *Ledger) Holds(ctx context.Context) ([]Hold, error) {
	return list[Hold](ctx, l.Store, Query{Partition: "hold"}, 0)
}

func revertKey(t Target) Key { return Key{"revert", t.String()} }

// RevertOp gives the op that remembers a target's last revert.
func RevertOp(r Revert) (Op, error) { return put(revertKey(r.Target), AnyVersion, r) }

// DropRevertOp gives the op that forgets it, when it is undone.
func DropRevertOp(t Target) Op {
	return Op{Kind: OpDelete, Key: revertKey(t), Version: AnyVersion}
}

// LastRevert gives a target's last revert; the zero Revert if there was none.
func (l *Ledger) LastRevert(ctx context.Context, t Target) (Revert, error) {
	r, _, _, err := read[Revert](ctx, l.Store, revertKey(t))
	return r, err
}

// Override is a person's decision against a remedy: Guardian does not undo this change there again.
type Override struct {
	Target Target    `json:"target"`
	Change string    `json:"change"` // release identity, or "flag KEY"
	By     string    `json:"by"`
	At     time.Time `json:"at"`
	Why    string    `json:"why"`
}

// OverrideOp gives the op that writes an override.
func OverrideOp(o Override) (Op, error) {
	return put(Key{"override/" + o.Target.String(), o.Change}, AnyVersion, o)
}

// Overrides gives a target's overrides.
func (l *Ledger) Overrides(ctx context.Context, t Target) ([]Override, error) {
	return list[Override](ctx, l.Store, Query{Partition: "override/" + t.String()}, 0)
}

// Write writes ops of this package's …Op functions outside an incident.
func (l *Ledger) Write(ctx context.Context, ops ...Op) error {
	if err := l.Store.Write(ctx, ops...); err != nil {
		return fmt.Errorf("write the ledger: %w", err)
	}
	return nil
}
