// Package queue is a durable queue over a ledger.Store, in the words of SQS FIFO
// (https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/FIFO-queues-understanding-logic.html):
// messages of one group are handled one after the other in the order they were sent, groups at the
// same time; a message is handed out until it is deleted, and dead after too many times.
//
// One Queue object at a time may use a name in a store: what is in flight is known to it alone. A
// message is on the disk when Send returns, and comes again after the process was killed.
package queue

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/cinegit/guardian/internal/ledger"
)

// Message is what is sent and received.
type Message struct {
	GroupID         string `json:"groupID"`                   // messages of one group keep their order
	DeduplicationID string `json:"deduplicationID,omitempty"` // sent again within the window it is no new message; empty is always new
	Body            []byte `json:"body"`

	// Set by the queue.
	ID       string    `json:"id"`
	SentAt   time.Time `json:"sentAt"`
	Receives int       `json:"receives"`         // how often it was handed out, this time included
	Reason   string    `json:"reason,omitempty"` // why it was not handled the last time
	DeadAt   time.Time `json:"deadAt,omitzero"`
}

// Options of a queue; a zero field has the value given beside it.
type Options struct {
	VisibilityTimeout   time.Duration // how long a handler may work on a message before it is handed out again; 1m
	DeduplicationWindow time.Duration // 5m
	MaxReceives         int           // a message handed out so often is dead; 10
	FirstBackoff        time.Duration // before the second try; doubled for each further one; 1s
	MaxBackoff          time.Duration // 1m
	KeepDead            time.Duration // 14 days
	Log                 *slog.Logger  // slog.Default()
}

func (o Options) withDefaults() Options {
	o.VisibilityTimeout = cmp.Or(o.VisibilityTimeout, time.Minute)
	o.DeduplicationWindow = cmp.Or(o.DeduplicationWindow, 5*time.Minute)
	o.MaxReceives = cmp.Or(o.MaxReceives, 10)
	o.FirstBackoff = cmp.Or(o.FirstBackoff, time.Second)
	o.MaxBackoff = cmp.Or(o.MaxBackoff, time.Minute)
	o.KeepDead = cmp.Or(o.KeepDead, 14*24*time.Hour)
	o.Log = cmp.Or(o.Log, slog.Default())
	return o
}

// Errors of a queue.
var (
	ErrNoGroup       = errors.New("a message needs a group ID")
	ErrStaleReceipt  = errors.New("the message was handed out again since")
	ErrUnprocessable = errors.New("the message can never be handled") // a handler's error that wraps it makes the message dead at once
)

// Queue is one queue. Its methods may be called at once from many goroutines.
type Queue struct {
	store    ledger.Store
	messages string // partitions
	dedup    string
	dead     string
	options  Options

	mu      sync.Mutex
	groups  groups
	lastID  int64
	stale   bool          // the store may hold messages that groups does not
	changed chan struct{} // closed, and replaced, when there may be more to receive
}

// Open opens the queue of that name and finds the messages that wait in it.
func Open(ctx context.Context, store ledger.Store, name string, options Options) (*Queue, error) {
	q := &Queue{
		store:    store,
		messages: "queue/" + name + "/messages",
		dedup:    "queue/" + name + "/deduplication",
		dead:     "queue/" + name + "/dead",
		options:  options.withDefaults(),
		groups:   groups{},
		changed:  make(chan struct{}),
	}
	if err := q.load(ctx); err != nil {
		return nil, fmt.Errorf("open queue %s: %w", name, err)
	}
	return q, nil
}

// Send puts a message into the queue; isNew is false if one of the same deduplication ID was sent
// within the window. After an error the message may be in the queue all the same: sending it again
// with its deduplication ID is safe.
func (q *Queue) Send(ctx context.Context, m Message) (isNew bool, err error) {
	if m.GroupID == "" {
		return false, ErrNoGroup
	}
	for {
		isNew, err = q.trySend(ctx, m)
		if !errors.Is(err, ledger.ErrConflict) {
			return isNew, err
		}
	}
}

// trySend fails with ledger.ErrConflict when another Send of the same deduplication ID was faster.
func (q *Queue) trySend(ctx context.Context, m Message) (isNew bool, err error) {
	m.SentAt, m.Receives, m.Reason, m.DeadAt = time.Now(), 0, "", time.Time{}
	m.ID = q.nextID(m.SentAt)
	put, err := q.putOp(q.messages, m, 0)
	if err != nil {
		return false, err
	}
	ops := []ledger.Op{put}
	if m.DeduplicationID != "" {
		op, live, err := q.dedupOp(ctx, m)
		if err != nil || live {
			return false, err
		}
		ops = append(ops, op)
	}
	err = q.store.Write(ctx, ops...)
	if errors.Is(err, ledger.ErrConflict) {
		return false, err
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.announce()
	if err != nil {
		q.stale = true
		return false, fmt.Errorf("send to the queue: %w", err)
	}
	q.groups.add(&entry{id: m.ID, group: m.GroupID})
	return true, nil
}

// dedupOp gives the op that remembers the message's deduplication ID; live if that is remembered.
func (q *Queue) dedupOp(ctx context.Context, m Message) (op ledger.Op, live bool, err error) {
	key := ledger.Key{Partition: q.dedup, Sort: shortened(m.DeduplicationID)}
	has, err := q.store.Get(ctx, key)
	if err != nil && !errors.Is(err, ledger.ErrNotFound) {
		return ledger.Op{}, false, fmt.Errorf("look for a duplicate: %w", err)
	}
	if has.Version != 0 && m.SentAt.Before(has.Expires) {
		return ledger.Op{}, true, nil
	}
	return ledger.Op{
		Kind: ledger.OpPut, Key: key, Version: has.Version, Value: []byte(m.ID),
		Expires: m.SentAt.Add(q.options.DeduplicationWindow),
	}, false, nil
}

func (q *Queue) putOp(partition string, m Message, version int64) (ledger.Op, error) {
	raw, err := json.Marshal(m)
	if err != nil {
		return ledger.Op{}, fmt.Errorf("encode message: %w", err)
	}
	return ledger.Op{Kind: ledger.OpPut, Key: ledger.Key{Partition: partition, Sort: m.ID}, Version: version, Value: raw}, nil
}

// nextID gives an ID greater than every earlier one, also than those of an earlier run.
func (q *Queue) nextID(now time.Time) string {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.lastID = max(q.lastID+1, now.UnixNano())
	return fmt.Sprintf("%020d", q.lastID)
}

// announce wakes whoever waits in Receive. The lock is held.
func (q *Queue) announce() {
	close(q.changed)
	q.changed = make(chan struct{})
}

// Depth tells how many messages wait or are being handled.
func (q *Queue) Depth(ctx context.Context) (int, error) {
	if err := q.refresh(ctx); err != nil {
		return 0, err
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.groups.depth(), nil
}

// Dead gives the messages that were given up, oldest first.
func (q *Queue) Dead(ctx context.Context) ([]Message, error) {
	var out []Message
	err := q.each(ctx, q.dead, func(m Message) { out = append(out, m) })
	return out, err
}
