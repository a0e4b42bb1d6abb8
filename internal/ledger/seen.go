package ledger

import (
	"context"
	"time"

	"github.com/cinegit/guardian/internal/deploy"
)

// Seen is what Argo CD said of a target's application when it was last read.
type Seen struct {
	Target      Target             `json:"target"`
	At          time.Time          `json:"at"`
	Application deploy.Application `json:"application"`
	SyncAllowed bool               `json:"syncAllowed"` // by sync windows
	SyncWhy     string             `json:"syncWhy,omitempty"`
	Trouble     string             `json:"trouble,omitempty"` // why the last read failed; the rest is of the read before
	Denied      bool               `json:"denied,omitempty"`  // Trouble will not pass by itself
}

func seenKey(t Target) Key { return Key{"seen", t.String()} }

// Seen gives what a target's application looked like; the zero Seen if it was never read.
func (l *Ledger) Seen(ctx context.Context, t Target) (Seen, error) {
	seen, _, _, err := read[Seen](ctx, l.Store, seenKey(t))
	return seen, err
}

// SaveSeen writes what was read, with the releases that it changes, all or nothing. What nobody reads again
// is forgotten after a while.
func (l *Ledger) SaveSeen(ctx context.Context, seen Seen, now time.Time, releases ...Release) error {
	op, err := put(seenKey(seen.Target), AnyVersion, seen)
	if err != nil {
		return err
	}
	op.Expires = now.Add(keepSeen)
	ops := []Op{op}
	for _, r := range releases {
		op, err := put(releaseKey(r), AnyVersion, r)
		if err != nil {
			return err
		}
		ops = append(ops, op)
	}
	return l.Write(ctx, ops...)
}
