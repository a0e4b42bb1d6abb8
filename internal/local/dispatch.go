package local

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/cinegit/guardian/events/alertmanager"
	"github.com/cinegit/guardian/events/argocd"
	"github.com/cinegit/guardian/internal/queue"
)

// handle handles one queued message. It may come again after a crash: nothing is done twice.
func (g *Guardian) handle(ctx context.Context, m queue.Message) error {
	var e envelope
	if err := json.Unmarshal(m.Body, &e); err != nil {
		return fmt.Errorf("envelope: %w: %w", queue.ErrUnprocessable, err)
	}
	switch e.Kind {
	case kindAlerts:
		parsed, err := alertmanager.Parse(e.Body)
		return g.dispatch(ctx, parsed, err)
	case kindAlertList:
		parsed, err := alertmanager.ParseList(e.Body, e.ReceivedAt)
		return g.dispatch(ctx, parsed, err)
	case kindArgoCD:
		n, err := argocd.Parse(e.Body)
		if err != nil {
			return fmt.Errorf("%w: %w", queue.ErrUnprocessable, err)
		}
		return g.look(ctx, n)
	}
	return fmt.Errorf("%w: unknown kind %q", queue.ErrUnprocessable, e.Kind)
}

func (g *Guardian) dispatch(ctx context.Context, m alertmanager.Message, err error) error {
	if err != nil {
		return fmt.Errorf("%w: %w", queue.ErrUnprocessable, err)
	}
	d, err := g.engine().flow.Dispatch(ctx, m)
	for _, id := range d.Opened {
		if err := g.start(ctx, id); err != nil {
			return err
		}
	}
	g.metrics.dispatched(d)
	return err
}

// start starts an incident's state machine; one that runs already is left alone.
func (g *Guardian) start(ctx context.Context, id string) error {
	_, err := g.runner.Start(ctx, id, map[string]string{"id": id})
	return err
}

// look reads the application that a notification names, for each target it serves, and wakes what waits
// for it.
func (g *Guardian) look(ctx context.Context, n argocd.Notification) error {
	e := g.engine()
	var failed []error
	for _, t := range targets(e.policy) {
		_, stage, _ := e.policy.Stage(t.Service, t.Stage)
		if !concerns(n, stage.Application) {
			continue
		}
		if err := e.rec.Target(ctx, t); err != nil {
			failed = append(failed, err)
		}
		lease, err := g.ledger.Lease(ctx, t)
		if err == nil && lease.Holder != "" {
			g.runner.Wake(lease.Holder)
		}
	}
	return errors.Join(failed...)
}

// concerns compares a notification with an application's [namespace/]name. A template that leaves the
// namespace out, or a policy that does, means any.
func concerns(n argocd.Notification, application string) bool {
	return application == n.Application || application == n.Namespace+"/"+n.Application
}

// startOpen starts the state machines of all open incidents, of which some may have died between their
// opening and their start.
func (g *Guardian) startOpen(ctx context.Context) error {
	open, err := g.ledger.OpenIncidents(ctx)
	if err != nil {
		return err
	}
	var failed []error
	for _, inc := range open {
		failed = append(failed, g.start(ctx, inc.ID))
	}
	return errors.Join(failed...)
}
