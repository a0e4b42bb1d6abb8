package queue

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/cinegit/guardian/internal/ledger"
)

// Receive waits for messages and hands out at most limit of them, each of another group. Each is
// out of sight until it is deleted, returned, or its visibility timeout is over. With an error
// there may be messages too.
func (q *Queue) Receive(ctx context.Context, limit int) ([]Message, error) {
	var out []Message
	for len(out) < limit {
		if err := q.refresh(ctx); err != nil {
			return out, err
		}
		e, ok, next, changed := q.take()
		if !ok && len(out) > 0 {
			return out, nil
		}
		if !ok {
			if err := wait(ctx, next, changed); err != nil {
				return nil, err
			}
			continue
		}
		m, ok, err := q.handOut(ctx, e)
		if err != nil {
			return out, err
		}
		if ok {
			out = append(out, m)
		}
	}
	return out, nil
}

func (q *Queue) take() (e entry, ok bool, next time.Time, changed <-chan struct{}) {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := time.Now()
	e, ok, next = q.groups.take(now, now.Add(q.options.VisibilityTimeout))
	return e, ok, next, q.changed
}

func wait(ctx context.Context, next time.Time, changed <-chan struct{}) error {
	var due <-chan time.Time
	if !next.IsZero() {
		timer := time.NewTimer(time.Until(next))
		defer timer.Stop()
		due = timer.C
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-changed:
	case <-due:
	}
	return nil
}

// handOut reads the message of an entry that was taken. ok is false if there is nothing to hand
// out: it is deleted, or was handed out too often and is dead now.
func (q *Queue) handOut(ctx context.Context, e entry) (m Message, ok bool, err error) {
	m, version, err := q.read(ctx, e)
	if errors.Is(err, ledger.ErrNotFound) {
		q.forget(e)
		return Message{}, false, nil
	}
	if err == nil && e.receives > q.options.MaxReceives {
		m.Receives--
		m.Reason = cmp.Or(m.Reason, "it was handed out again and again and never finished")
		return Message{}, false, q.bury(ctx, e, m)
	}
	if err == nil {
		err = q.count(ctx, e, m, version)
	}
	if err != nil {
		q.land(e, entry{id: e.id, group: e.group, receives: e.receives - 1, reason: e.reason, recovered: e.recovered})
		return Message{}, false, fmt.Errorf("receive from the queue: %w", err)
	}
	return m, true, nil
}

func (q *Queue) read(ctx context.Context, e entry) (m Message, version int64, err error) {
	record, err := q.store.Get(ctx, ledger.Key{Partition: q.messages, Sort: e.id})
	if err != nil {
		return Message{}, 0, err
	}
	if err := json.Unmarshal(record.Value, &m); err != nil {
		return Message{}, 0, fmt.Errorf("decode message %s: %w", e.id, err)
	}
	m.Receives, m.Reason = e.receives, e.reason
	return m, record.Version, nil
}

// count writes how often a message was handed out, so that one that kills the process is not tried
// for ever. The first time in the process that it was sent to goes unwritten: it would cost every
// message a wait for the disk, and is counted after the restart.
func (q *Queue) count(ctx context.Context, e entry, m Message, version int64) error {
	if e.receives == 1 && !e.recovered {
		return nil
	}
	op, err := q.putOp(q.messages, m, version)
	if err != nil {
		return err
	}
	return q.store.Write(ctx, op)
}

func (q *Queue) land(e, next entry) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.groups.land(e, next)
	q.announce()
}

func (q *Queue) forget(e entry) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.groups.drop(e)
	q.announce()
}

// flying gives the entry of a message that was handed out; ErrStaleReceipt if it is no longer so.
func (q *Queue) flying(m Message) (entry, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	e := entry{id: m.ID, group: m.GroupID, receives: m.Receives}
	if !q.groups.flying(e) {
		return entry{}, fmt.Errorf("message %s: %w", m.ID, ErrStaleReceipt)
	}
	return e, nil
}

// Delete takes a message that was handled out of the queue. After another error than
// ErrStaleReceipt it may be handed out again.
func (q *Queue) Delete(ctx context.Context, m Message) error {
	e, err := q.flying(m)
	if err != nil {
		return err
	}
	key := ledger.Key{Partition: q.messages, Sort: m.ID}
	if err := q.store.Write(ctx, ledger.Op{Kind: ledger.OpDelete, Key: key, Version: ledger.AnyVersion}); err != nil {
		return fmt.Errorf("delete from the queue: %w", err)
	}
	q.forget(e)
	return nil
}

// Return gives back a message that could not be handled. It is handed out again after a backoff
// that grows with each time; or it is dead, if it was handed out too often or the cause wraps
// ErrUnprocessable.
func (q *Queue) Return(ctx context.Context, m Message, cause error) error {
	e, err := q.flying(m)
	if err != nil {
		return err
	}
	m.Reason = firstPart(cause.Error())
	if m.Receives >= q.options.MaxReceives || errors.Is(cause, ErrUnprocessable) {
		return q.bury(ctx, e, m)
	}
	next := e
	next.reason, next.visibleAt = m.Reason, time.Now().Add(q.backoff(m.Receives))
	q.land(e, next)
	return nil
}

func (q *Queue) backoff(receives int) time.Duration {
	delay := q.options.FirstBackoff
	for range receives - 1 {
		delay = min(2*delay, q.options.MaxBackoff)
	}
	return delay
}

// bury moves a message to the dead ones.
func (q *Queue) bury(ctx context.Context, e entry, m Message) error {
	m.DeadAt = time.Now()
	put, err := q.putOp(q.dead, m, ledger.AnyVersion)
	if err != nil {
		return err
	}
	put.Expires = m.DeadAt.Add(q.options.KeepDead)
	key := ledger.Key{Partition: q.messages, Sort: m.ID}
	if err := q.store.Write(ctx, put, ledger.Op{Kind: ledger.OpDelete, Key: key, Version: ledger.AnyVersion}); err != nil {
		return fmt.Errorf("bury message %s: %w", m.ID, err)
	}
	q.options.Log.LogAttrs(ctx, slog.LevelError, "message given up", logAttrs(m, errors.New(m.Reason))...)
	q.forget(e)
	return nil
}
