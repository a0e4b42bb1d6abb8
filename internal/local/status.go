package local

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/cinegit/guardian/internal/api"
	"github.com/cinegit/guardian/internal/ledger"
	"github.com/cinegit/guardian/internal/policy"
)

func (g *Guardian) getStatus(r *http.Request, _ string) (any, error) {
	ctx, e := r.Context(), g.engine()
	s := api.Status{
		Version: g.options.Version, Now: time.Now(), Started: g.started, Mode: e.policy.Mode,
		Policy:      api.PolicyStatus{File: g.options.Config, LoadedAt: e.loadedAt, Problem: g.policyProblem()},
		Connections: g.probeAll(ctx),
	}
	var err error
	if s.Queue, err = g.queued(ctx); err != nil {
		return nil, err
	}
	if s.Open, err = g.ledger.OpenIncidents(ctx); err != nil {
		return nil, err
	}
	if s.Freezes, err = g.ledger.Freezes(ctx, s.Now); err != nil {
		return nil, err
	}
	if s.Quarantines, err = g.ledger.Quarantines(ctx); err != nil {
		return nil, err
	}
	if s.Holds, err = g.ledger.Holds(ctx); err != nil {
		return nil, err
	}
	if s.Ignored, err = g.ledger.Ignored(ctx, 5); err != nil {
		return nil, err
	}
	for _, t := range targets(e.policy) {
		target, err := g.target(ctx, e.policy, t, s)
		if err != nil {
			return nil, err
		}
		s.Targets = append(s.Targets, target)
	}
	return s, nil
}

func (g *Guardian) queued(ctx context.Context) (api.Queue, error) {
	depth, err := g.queue.Depth(ctx)
	if err != nil {
		return api.Queue{}, err
	}
	dead, err := g.queue.Dead(ctx)
	return api.Queue{Depth: depth, Dead: len(dead)}, err
}

func (g *Guardian) target(ctx context.Context, p *policy.Policy, t ledger.Target, s api.Status) (api.Target, error) {
	_, stage, _ := p.Stage(t.Service, t.Stage)
	out := api.Target{Target: t, Mode: p.ModeFor(policy.Rule{}, t.Service, t.Stage), Application: stage.Application}
	seen, err := g.ledger.Seen(ctx, t)
	if err != nil {
		return out, err
	}
	out.Health, out.Sync, out.Trouble, out.SeenAt = seen.Application.Health, seen.Application.SyncStatus, seen.Trouble, seen.At
	runs, err := g.ledger.Releases(ctx, t)
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

// targets are all targets of a policy: services by name, stages in the order of promotion.
func targets(p *policy.Policy) []ledger.Target {
	var out []ledger.Target
	for name, service := range p.Services {
		for _, stage := range service.Stages {
			out = append(out, ledger.Target{Service: name, Stage: stage.Name})
		}
	}
	slices.SortStableFunc(out, func(a, b ledger.Target) int { return strings.Compare(a.Service, b.Service) })
	return out
}
