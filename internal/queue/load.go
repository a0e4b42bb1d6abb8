package queue

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/cinegit/guardian/internal/ledger"
)

// refresh reads the store again after a write of which nobody knows whether it landed.
func (q *Queue) refresh(ctx context.Context) error {
	q.mu.Lock()
	stale := q.stale
	q.stale = false
	q.mu.Unlock()
	if !stale {
		return nil
	}
	err := q.load(ctx)
	if err != nil {
		q.mu.Lock()
		q.stale = true
		q.mu.Unlock()
	}
	return err
}

// load adds the messages in the store that are not known yet.
func (q *Queue) load(ctx context.Context) error {
	return q.each(ctx, q.messages, func(m Message) {
		q.mu.Lock()
		defer q.mu.Unlock()
		q.groups.add(&entry{
			id: m.ID, group: m.GroupID, receives: m.Receives, reason: m.Reason, recovered: true,
		})
		if n, err := strconv.ParseInt(m.ID, 10, 64); err == nil {
			q.lastID = max(q.lastID, n)
		}
	})
}

// page is small because a message may be a megabyte.
const page = 20

func (q *Queue) each(ctx context.Context, partition string, visit func(Message)) error {
	query := ledger.Query{Partition: partition, Limit: page}
	for {
		records, err := q.store.List(ctx, query)
		if err != nil {
			return fmt.Errorf("list the queue: %w", err)
		}
		for _, r := range records {
			var m Message
			if err := json.Unmarshal(r.Value, &m); err != nil {
				return fmt.Errorf("decode message %s: %w", r.Key.Sort, err)
			}
			visit(m)
		}
		if len(records) < query.Limit {
			return nil
		}
		query.After = records[len(records)-1].Key.Sort
	}
}

// shortened makes a key of a text of any length.
func shortened(text string) string {
	if len(text) <= ledger.MaxSort/2 {
		return text
	}
	sum := sha256.Sum256([]byte(text))
	return "sha256:" + hex.EncodeToString(sum[:])
}

func firstPart(text string) string { return text[:min(len(text), 1000)] }
