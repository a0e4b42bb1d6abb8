// Package outbox delivers what waits in the ledger to be told. A channel that fails holds back neither
// another channel nor a remedy; what it missed is tried again later.
package outbox

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/cinegit/guardian/internal/adapter/notify"
	"github.com/cinegit/guardian/internal/ledger"
)

// MostTries is how often a message is tried before it is given up: with the waits between, about a day.
const MostTries = 30

// atOnce is how many messages are sent at the same time.
const atOnce = 8

// What came of a message at a channel.
const (
	Sent    = "sent"
	Refused = "refused" // for good
	Failed  = "failed"  // it is tried again
)

// Outbox delivers.
type Outbox struct {
	Ledger   *ledger.Ledger
	Channels []notify.Channel
	Count    func(channel, outcome string) // Sent, Refused or Failed
	Now      func() time.Time
	Log      *slog.Logger
}

// Deliver sends once what is due. What a channel failed at is logged and tried again later; the error is
// one of the ledger's.
func (o Outbox) Deliver(ctx context.Context) error {
	messages, err := o.Ledger.Outbox(ctx)
	if err != nil {
		return err
	}
	var some errgroup.Group
	some.SetLimit(atOnce)
	failed := make([]error, len(messages))
	for i, m := range messages {
		if m.NextTry.After(o.Now()) {
			continue
		}
		some.Go(func() error {
			if err := o.deliver(ctx, m); err != nil {
				failed[i] = fmt.Errorf("message %s: %w", m.ID, err)
			}
			return nil
		})
	}
	_ = some.Wait() // what failed is kept by its place
	return errors.Join(failed...)
}

func (o Outbox) deliver(ctx context.Context, m ledger.Message) error {
	channels := slices.DeleteFunc(slices.Clone(o.Channels), func(ch notify.Channel) bool {
		return slices.Contains(m.SentTo, ch.Name())
	})
	missing, asked := 0, time.Duration(0)
	for i, err := range sendAll(ctx, channels, m) {
		name := channels[i].Name()
		switch {
		case err == nil:
			o.Count(name, Sent)
			m.SentTo = append(m.SentTo, name)
		case errors.Is(err, notify.ErrPermanent):
			o.Count(name, Refused)
			o.warn(ctx, Refused, name, err)
			m.SentTo = append(m.SentTo, name)
		default:
			o.Count(name, Failed)
			o.warn(ctx, Failed, name, err)
			missing++
			asked = max(asked, retryAfter(err))
		}
	}
	// Who has it must be written even at the end, or it is told again after the next start.
	write := context.WithoutCancel(ctx)
	if missing == 0 {
		return o.Ledger.Told(write, m, o.Now())
	}
	if ctx.Err() == nil { // what is cut off was no try
		m.Tries++
		m.NextTry = o.Now().Add(max(asked, min(time.Second<<min(m.Tries, 12), time.Hour)))
	}
	if m.Tries >= MostTries {
		o.Log.ErrorContext(ctx, "message given up", "message", m.ID, "tries", m.Tries)
		return o.Ledger.Told(write, m, o.Now())
	}
	return o.Ledger.SaveMessage(write, m)
}

// sendAll sends to all channels at once and gives what came of each.
func sendAll(ctx context.Context, channels []notify.Channel, m ledger.Message) []error {
	out := make([]error, len(channels))
	var all sync.WaitGroup
	for i, ch := range channels {
		all.Go(func() { out[i] = ch.Send(ctx, m) })
	}
	all.Wait()
	return out
}

// retryAfter is how long a receiver asked to be left alone; zero if it did not.
func retryAfter(err error) time.Duration {
	var answer *notify.Error
	if errors.As(err, &answer) {
		return answer.RetryAfter
	}
	return 0
}

func (o Outbox) warn(ctx context.Context, outcome, channel string, err error) {
	if ctx.Err() == nil {
		o.Log.WarnContext(ctx, "message not delivered", "outcome", outcome, "channel", channel, "error", err)
	}
}
