// Package dispatch handles what intake has queued: it joins alerts to their incidents and starts the state
// machines of new ones, and lets a notification of Argo CD make Guardian look. It decides nothing else.
package dispatch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/cinegit/guardian/events/alertmanager"
	"github.com/cinegit/guardian/events/argocd"
	"github.com/cinegit/guardian/internal/deploy"
	"github.com/cinegit/guardian/internal/intake"
	"github.com/cinegit/guardian/internal/ledger"
	"github.com/cinegit/guardian/internal/remedy"
)

// ErrUnprocessable means that a message can never be handled; the wrapped text says why.
var ErrUnprocessable = errors.New("the message can never be handled")

// Dispatcher handles messages. One may come again after a crash: nothing is done twice.
type Dispatcher struct {
	Flow  *remedy.Flow
	Start func(ctx context.Context, id string) error       // starts an incident's state machine; one that runs or ran is left alone
	Look  func(ctx context.Context, t ledger.Target) error // reads the target's application into the ledger
	Wake  func(incident string)                            // cuts short what waits for the application; nil where nothing can
	Count func(d remedy.Dispatched)
}

// Handle handles the body of one queued message. ErrUnprocessable: nothing mends it. After any other error
// it is to be handled again.
func (d *Dispatcher) Handle(ctx context.Context, body []byte) error {
	var e intake.Envelope
	if err := json.Unmarshal(body, &e); err != nil {
		return fmt.Errorf("envelope: %w: %w", ErrUnprocessable, err)
	}
	switch e.Kind {
	case intake.Alerts:
		m, err := alertmanager.Parse(e.Body)
		return d.alerts(ctx, m, err)
	case intake.AlertList:
		m, err := alertmanager.ParseList(e.Body, e.ReceivedAt)
		return d.alerts(ctx, m, err)
	case intake.ArgoCD:
		n, err := argocd.Parse(e.Body)
		if err != nil {
			return fmt.Errorf("%w: %w", ErrUnprocessable, err)
		}
		d.look(ctx, n)
		return nil
	}
	return fmt.Errorf("%w: unknown kind %.40q", ErrUnprocessable, e.Kind)
}

func (d *Dispatcher) alerts(ctx context.Context, m alertmanager.Message, err error) error {
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUnprocessable, err)
	}
	done, err := d.Flow.Dispatch(ctx, m)
	d.Count(done)
	failed := []error{err}
	for _, id := range done.Opened {
		failed = append(failed, d.Start(ctx, id))
	}
	return errors.Join(failed...)
}

// look reads the application that a notification names, for each target it serves, and wakes what waits
// for it. That it cannot be read is in the ledger, and the reconciler looks again within a minute: the
// notification has done what it can, and an Argo CD that is down fills no queue of dead letters.
func (d *Dispatcher) look(ctx context.Context, n argocd.Notification) {
	p := d.Flow.Policy()
	for _, t := range ledger.Targets(p) {
		_, stage, _ := p.Stage(t.Service, t.Stage)
		if !concerns(n, stage.Application) {
			continue
		}
		if err := d.Look(ctx, t); err != nil {
			d.Flow.Log.WarnContext(ctx, "look", "target", t.String(), "error", err)
		}
		if d.Wake == nil {
			continue
		}
		lease, err := d.Flow.Ledger.Lease(ctx, t)
		if err == nil && lease.Holder != "" {
			d.Wake(lease.Holder)
		}
	}
}

// concerns compares a notification with an application's [namespace/]name. A template that leaves the
// namespace out, or a policy that does, means any.
func concerns(n argocd.Notification, application string) bool {
	ref := deploy.ParseRef(application, "")
	return ref.Name == n.Application && (ref.Namespace == "" || n.Namespace == "" || ref.Namespace == n.Namespace)
}
