package local

import (
	"context"
	"errors"
	"slices"
	"time"

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
	for _, m := range messages {
		if m.NextTry.After(time.Now()) {
			continue
		}
		if err := g.deliverOne(ctx, m); err != nil {
			g.warn(ctx, "outbox", m.ID, err)
		}
	}
}

func (g *Guardian) deliverOne(ctx context.Context, m ledger.Message) error {
	missing, asked := 0, time.Duration(0)
	for _, ch := range g.engine().channels {
		if slices.Contains(m.SentTo, ch.Name()) {
			continue
		}
		err := ch.Send(ctx, m)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		switch {
		case err == nil:
			g.metrics.messages.WithLabelValues(ch.Name(), "sent").Inc()
			m.SentTo = append(m.SentTo, ch.Name())
		case errors.Is(err, notify.ErrPermanent):
			g.metrics.messages.WithLabelValues(ch.Name(), "refused").Inc()
			g.warn(ctx, "message refused", ch.Name(), err)
		default:
			g.metrics.messages.WithLabelValues(ch.Name(), "failed").Inc()
			g.warn(ctx, "message failed", ch.Name(), err)
			missing++
			asked = max(asked, retryAfter(err))
		}
	}
	if missing == 0 || m.Tries >= mostTries {
		return g.ledger.Told(ctx, m, time.Now())
	}
	m.Tries++
	m.NextTry = time.Now().Add(max(asked, min(time.Second<<min(m.Tries, 12), time.Hour)))
	return g.ledger.SaveMessage(ctx, m)
}

// retryAfter is how long a receiver asked to be left alone; zero if it did not.
func retryAfter(err error) time.Duration {
	var answer *notify.Error
	if errors.As(err, &answer) {
		return answer.RetryAfter
	}
	return 0
}
