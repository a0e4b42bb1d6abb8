package queue

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

// Handler handles one message. It may be called again for one that it has handled before. Its
// context ends with the visibility timeout.
type Handler func(ctx context.Context, m Message) error

// Run hands messages to the handler, at most workers at a time, until ctx ends; then it waits for
// those in hand, which have their visibility timeout to end. A message is deleted when the handler
// returns nil, else returned. A panic of the handler counts as its error.
func (q *Queue) Run(ctx context.Context, handler Handler, workers int) {
	var all sync.WaitGroup
	for range workers {
		all.Go(func() {
			for failures := 0; ctx.Err() == nil; {
				received, err := q.Receive(ctx, 1)
				for _, m := range received {
					q.handle(context.WithoutCancel(ctx), handler, m)
				}
				if err == nil {
					failures = 0
					continue
				}
				if ctx.Err() == nil {
					failures++
					q.options.Log.LogAttrs(ctx, slog.LevelWarn, "cannot read the queue", slog.String("error", err.Error()))
					q.pause(ctx, failures)
				}
			}
		})
	}
	all.Wait()
}

func (q *Queue) pause(ctx context.Context, failures int) {
	timer := time.NewTimer(q.backoff(failures))
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

func (q *Queue) handle(ctx context.Context, handler Handler, m Message) {
	err := q.call(ctx, handler, m)
	if err == nil {
		err = q.Delete(ctx, m)
	}
	if err == nil {
		return
	}
	q.options.Log.LogAttrs(ctx, slog.LevelWarn, "message not handled", logAttrs(m, err)...)
	if err := q.Return(ctx, m, err); err != nil {
		q.options.Log.LogAttrs(ctx, slog.LevelWarn, "message not returned", logAttrs(m, err)...)
	}
}

func (q *Queue) call(ctx context.Context, handler Handler, m Message) (err error) {
	ctx, cancel := context.WithTimeout(ctx, q.options.VisibilityTimeout)
	defer cancel()
	defer func() {
		if r := recover(); r != nil {
			err = errors.Join(err, fmt.Errorf("panic: %v", r))
		}
	}()
	return handler(ctx, m)
}

// logAttrs never holds the body: it may carry what is nobody's to read.
func logAttrs(m Message, err error) []slog.Attr {
	return []slog.Attr{
		slog.String("message", m.ID), slog.String("group", m.GroupID),
		slog.Int("receives", m.Receives), slog.String("error", err.Error()),
	}
}
