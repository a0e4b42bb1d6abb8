package ledger

import (
	"context"
	"fmt"
	"time"
)

// runs is how many runs of a target are looked at: Argo CD itself keeps ten.
const runs = 100

func releaseKey(r Release) Key {
	return Key{"releases/" + r.Target.String(), fmt.Sprintf("%s-%06d", stamp(r.From), r.Entry.ID)}
}

// Releases gives the newest runs of a target first: which release ran from when to when.
func (l *Ledger) Releases(ctx context.Context, t Target) ([]Release, error) {
	return list[Release](ctx, l.Store, Query{Partition: "releases/" + t.String(), Descending: true}, runs)
}

// ReleasesSince gives all runs of a target that began at a moment or later, the oldest first.
func (l *Ledger) ReleasesSince(ctx context.Context, t Target, since time.Time) ([]Release, error) {
	return list[Release](ctx, l.Store, Query{Partition: "releases/" + t.String(), After: stamp(since)}, 0)
}

// SaveRelease writes what became known of one release.
func (l *Ledger) SaveRelease(ctx context.Context, r Release) error {
	op, err := put(releaseKey(r), AnyVersion, r)
	if err != nil {
		return err
	}
	return l.Write(ctx, op)
}

// FlagSeen is a flag as it was last seen, to tell a change by.
type FlagSeen struct {
	Flag    string `json:"flag"`
	Digest  string `json:"digest"` // of the definition's content
	Serving string `json:"serving"`
	Trouble string `json:"trouble,omitempty"` // why the last read failed; the rest is of the read before, empty if there was none
}

// FlagSeen reads what a flag was when last seen; ok is false if it never was.
func (l *Ledger) FlagSeen(ctx context.Context, key string) (seen FlagSeen, ok bool, err error) {
	seen, _, ok, err = read[FlagSeen](ctx, l.Store, Key{"flag", key})
	return seen, ok, err
}

// SaveFlag records a flag as seen now and, unless it is the first sight, its change.
func (l *Ledger) SaveFlag(ctx context.Context, seen FlagSeen, change *FlagChange) error {
	op, err := put(Key{"flag", seen.Flag}, AnyVersion, seen)
	if err != nil {
		return err
	}
	ops := []Op{op}
	if change != nil {
		op, err := put(Key{"flags/" + change.Flag, stamp(change.At)}, AnyVersion, change)
		if err != nil {
			return err
		}
		ops = append(ops, op)
	}
	if err := l.Store.Write(ctx, ops...); err != nil {
		return fmt.Errorf("save flag %s: %w", seen.Flag, err)
	}
	return nil
}

// FlagChanges gives a flag's changes since a moment, the newest first.
func (l *Ledger) FlagChanges(ctx context.Context, key string, since time.Time) ([]FlagChange, error) {
	all, err := list[FlagChange](ctx, l.Store, Query{Partition: "flags/" + key, Descending: true}, runs)
	if err != nil {
		return nil, err
	}
	for i, c := range all {
		if c.At.Before(since) {
			return all[:i], nil
		}
	}
	return all, nil
}
