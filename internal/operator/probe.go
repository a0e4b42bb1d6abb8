package operator

import (
	"context"
	"sync"
	"time"

	"github.com/cinegit/guardian/internal/api"
)

// Probe asks one connection whether it works.
type Probe struct {
	Name string
	Ask  func(ctx context.Context) error
}

// AskAll asks all at once, each for at most so long, and gives the answers in their order.
func AskAll(ctx context.Context, probes []Probe, timeout time.Duration) []api.Connection {
	out := make([]api.Connection, len(probes))
	var all sync.WaitGroup
	for i, p := range probes {
		all.Go(func() {
			ctx, cancel := context.WithTimeout(ctx, timeout)
			defer cancel()
			out[i] = api.Connection{Name: p.Name, OK: true}
			if err := p.Ask(ctx); err != nil {
				out[i].OK, out[i].Why = false, err.Error()
			}
		})
	}
	all.Wait()
	return out
}
