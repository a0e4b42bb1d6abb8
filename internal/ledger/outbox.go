package ledger

import (
	"context"
	"time"
)

func outboxKey(id string) Key { return Key{"outbox", id} }

// Outbox gives the messages that some channel has yet to get.
func (l *Ledger) Outbox(ctx context.Context) ([]Message, error) {
	records, err := pages(ctx, l.Store, Query{Partition: "outbox"}, 0)
	if err != nil {
		return nil, err
	}
	out := make([]Message, len(records))
	for i, r := range records {
		if out[i], err = valueOf[Message](r); err != nil {
			return nil, err
		}
		out[i].Version = r.Version
	}
	return out, nil
}

// SaveMessage writes what came of trying to send a message.
func (l *Ledger) SaveMessage(ctx context.Context, m Message) error {
	op, err := put(outboxKey(m.ID), m.Version, m)
	if err != nil {
		return err
	}
	return l.Write(ctx, op)
}

// Told takes a message out of the outbox, and keeps it for a while to look up.
func (l *Ledger) Told(ctx context.Context, m Message, now time.Time) error {
	op, err := put(Key{"told", stamp(now) + "-" + m.ID}, AnyVersion, m)
	if err != nil {
		return err
	}
	op.Expires = now.Add(keepTold)
	return l.Write(ctx, op, Op{Kind: OpDelete, Key: outboxKey(m.ID), Version: m.Version})
}
