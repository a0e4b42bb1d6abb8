package local

import (
	"context"
	"errors"
	"fmt"

	"github.com/cinegit/guardian/internal/dispatch"
	"github.com/cinegit/guardian/internal/queue"
)

// handle handles one queued message. It may come again after a crash: nothing is done twice.
func (g *Guardian) handle(ctx context.Context, m queue.Message) error {
	e := g.engine()
	d := dispatch.Dispatcher{
		Flow: e.flow, Start: g.machine().Start, Look: e.rec.Target,
		Wake:  func(incident string) { g.runner.Wake(incident) },
		Count: g.metrics.dispatched,
	}
	err := d.Handle(ctx, m.Body)
	if errors.Is(err, dispatch.ErrUnprocessable) {
		return fmt.Errorf("%w: %w", queue.ErrUnprocessable, err)
	}
	return err
}
