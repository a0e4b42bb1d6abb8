package local

import (
	"context"
	"net/http"
	"strconv"

	"github.com/cinegit/guardian/internal/bearer"
	"github.com/cinegit/guardian/internal/intake"
	"github.com/cinegit/guardian/internal/policy"
	"github.com/cinegit/guardian/internal/queue"
)

// intake takes webhooks into the queue, by the tokens of the policy in force.
func (g *Guardian) intake() *intake.Intake {
	return &intake.Intake{
		Authorize: func(r *http.Request) error {
			return g.tokens().Any(r, references(g.engine().policy.Server.WebhookTokens))
		},
		Queue: kept{g.queue},
		Count: func(sender string, status int) {
			g.metrics.webhooks.WithLabelValues(sender, strconv.Itoa(status)).Inc()
		},
		Log: g.log,
	}
}

// kept is the queue as intake sees it.
type kept struct{ queue *queue.Queue }

func (k kept) Send(ctx context.Context, m intake.Message) error {
	_, err := k.queue.Send(ctx, queue.Message{GroupID: m.Group, DeduplicationID: m.ID, Body: m.Body})
	return err
}

// tokens checks bearer tokens.
func (g *Guardian) tokens() bearer.Check {
	return bearer.Check{
		Resolve: func(ctx context.Context, ref string) (string, error) {
			return g.secrets.Resolve(ctx, policy.Secret(ref))
		},
		Log: g.log,
	}
}

func references(refs []policy.Secret) []string {
	out := make([]string, 0, len(refs))
	for _, ref := range refs {
		out = append(out, string(ref))
	}
	return out
}
