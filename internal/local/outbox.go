package local

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/cinegit/guardian/internal/adapter/notify"
	"github.com/cinegit/guardian/internal/ledger"
)

// mostTries is how often a message is tried before it is given up: with the waits between, about a day.
const mostTries = 30

// deliver sends what waits in the outbox. A channel that fails holds back neither another channel nor a
// remedy; what it missed is tried again later.
func (g *Guardian) deliver(ctx context.Context) {
	messages, err := g.ledger.Outbox(ctx)
	if err != nil {
		g.warn(ctx, "outbox", "ledger", err)
		return
	}
	var some errgroup.Group
	some.SetLimit(workers)
	for _, m := range messages {
		if m.NextTry.After(time.Now()) {
			continue
		}
		some.Go(func() error {
			if err := g.deliverOne(ctx, m); err != nil {
				g.warn(ctx, "outbox", m.ID, err)
			}
			return nil
		})
	}
	_ = some.Wait() // nothing in it fails
}

func (g *Guardian) deliverOne(ctx context.Context, m ledger.Message) error {
	channels := slices.DeleteFunc(slices.Clone(g.engine().channels), func(ch notify.Channel) bool {
		return slices.Contains(m.SentTo, ch.Name())
	})
	missing, asked := 0, time.Duration(0)
	for i, err := range sendAll(ctx, channels, m) {
		name := channels[i].Name()
		switch {
		case err == nil:
			g.metrics.messages.WithLabelValues(name, "sent").Inc()
			m.SentTo = append(m.SentTo, name)
		case errors.Is(err, notify.ErrPermanent):
			g.metrics.messages.WithLabelValues(name, "refused").Inc()
			g.warn(ctx, "message refused", name, err)
			m.SentTo = append(m.SentTo, name)
		default:
			g.metrics.messages.WithLabelValues(name, "failed").Inc()
			g.warn(ctx, "message failed", name, err)
			missing++
			asked = max(asked, retryAfter(err))
		}
	}
	// Who has it must be written even at the end, or it is told again after the next start.
	write := context.WithoutCancel(ctx)
	if missing == 0 || m.Tries >= mostTries {
		return g.ledger.Told(write, m, time.Now())
	}
	if ctx.Err() == nil {
		m.Tries++
		m.NextTry = time.Now().Add(max(asked, min(time.Second<<min(m.Tries, 12), time.Hour)))
	}
	return g.ledger.SaveMessage(write, m)
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
