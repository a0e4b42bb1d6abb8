package ledger

import (
	"context"
	"fmt"
	"time"
)

func outboxKey(id string) Key { return Key{"outbox", id} }

// Outbox gives the messages that some channel has yet to get.
func (l *Ledger) Outbox(ctx context.Context) ([]Message, error) {
	records, err := l.Store.List(ctx, Query{Partition: "outbox", Limit: page})
	if err != nil {
		return nil, fmt.Errorf("list outbox: %w", err)
	}
	out := make([]Message, 0, len(records))
	for _, r := range records {
		m, version, ok, err := read[Message](ctx, l.Store, r.Key)
		if err != nil {
			return nil, err
		}
		if ok {
			m.Version = version
			out = append(out, m)
		}
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
