package operator

import (
	"context"
	"net/http"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/cinegit/guardian/internal/api"
	"github.com/cinegit/guardian/internal/ledger"
	"github.com/cinegit/guardian/internal/policy"
)

func (o *Operator) getStatus(r *http.Request, _ string) (any, error) {
	ctx, p := r.Context(), o.Flow().Policy()
	about, err := o.About(ctx)
	if err != nil {
		return nil, err
	}
	s := api.Status{
		Version: about.Version, Now: time.Now(), Started: about.Started, Mode: p.Mode,
		Policy: about.Policy, Connections: about.Connections, Queue: about.Queue,
	}
	if s.Open, err = o.Ledger.OpenIncidents(ctx); err != nil {
		return nil, err
	}
	if s.Freezes, err = o.Ledger.Freezes(ctx, s.Now); err != nil {
		return nil, err
	}
	if s.Quarantines, err = o.Ledger.Quarantines(ctx); err != nil {
		return nil, err
	}
	if s.Holds, err = o.Ledger.Holds(ctx); err != nil {
		return nil, err
	}
	if s.Ignored, err = o.Ledger.Ignored(ctx, 5); err != nil {
		return nil, err
	}
	s.Targets, err = o.targets(ctx, p, s)
	return s, err
}

// readAtOnce is how many targets are read at the same time: one after the other, those of some hundred
// services would take longer than a function of AWS may.
const readAtOnce = 16

func (o *Operator) targets(ctx context.Context, p *policy.Policy, s api.Status) ([]api.Target, error) {
	all := ledger.Targets(p)
	out := make([]api.Target, len(all))
	some, ctx := errgroup.WithContext(ctx)
	some.SetLimit(readAtOnce)
	for i, t := range all {
		some.Go(func() (err error) {
			out[i], err = o.target(ctx, p, t, s)
			return err
		})
	}
	return out, some.Wait()
}

func (o *Operator) target(ctx context.Context, p *policy.Policy, t ledger.Target, s api.Status) (api.Target, error) {
	_, stage, _ := p.Stage(t.Service, t.Stage)
	out := api.Target{Target: t, Mode: p.ModeFor(policy.Rule{}, t.Service, t.Stage), Application: stage.Application}
	seen, err := o.Ledger.Seen(ctx, t)
	if err != nil {
		return out, err
	}
	out.Health, out.Sync, out.Trouble, out.SeenAt = seen.Application.Health, seen.Application.SyncStatus, seen.Trouble, seen.At
	runs, err := o.Ledger.Releases(ctx, t)
	if err != nil {
		return out, err
	}
	if len(runs) > 0 {
		out.Release, out.Since, out.Proven = runs[0].Label, runs[0].From, runs[0].Proven()
	}
	out.Held = slices.ContainsFunc(s.Holds, func(h ledger.Hold) bool { return h.Target == t })
	for _, inc := range s.Open {
		if inc.Target == t {
			out.Incident = inc.ID
		}
	}
	return out, nil
}
