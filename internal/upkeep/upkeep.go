// Package upkeep sees to it that what was begun is brought to its end, whatever got lost on the way: it
// starts the state machines that were not started, ends questions that nobody answered and incidents that
// nobody works at any more, and sends answers that were recorded but not sent.
package upkeep

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/cinegit/guardian/internal/ledger"
	"github.com/cinegit/guardian/internal/remedy"
)

// Machine carries out the state machines of incidents. Of each incident there is one execution, of the
// incident's ID as its name.
type Machine interface {
	// Start starts an execution; one that runs or ran is left alone.
	Start(ctx context.Context, id string) error
	// Over tells whether the incident's execution has ended, and how.
	Over(ctx context.Context, id string) (over bool, how string, err error)
	// Asking gives the executions that may be waiting for a person's answer.
	Asking(ctx context.Context) (ids []string, err error)
	// Answer ends the wait of a token with its output, JSON. Where nobody waits for it, as it has its
	// answer, there is nothing to do.
	Answer(ctx context.Context, token string, output json.RawMessage) error
	// Heartbeat says that the wait of a token goes on. Nobody waits for it: nothing to do.
	Heartbeat(ctx context.Context, token string) error
}

// Upkeep is what it works with.
type Upkeep struct {
	Flow    *remedy.Flow
	Machine Machine
	Ended   func(a remedy.Answer) // called with an answer that is an incident's end
}

// Run does all of it once. It goes on after what goes wrong; the error tells of all of that.
func (u Upkeep) Run(ctx context.Context) error {
	open, err := u.Flow.Ledger.OpenIncidents(ctx)
	if err != nil {
		return fmt.Errorf("open incidents: %w", err)
	}
	var failed []error
	for _, inc := range open {
		failed = append(failed, u.tend(ctx, inc))
	}
	return errors.Join(append(failed, u.sendAgain(ctx))...)
}

// StartOpen starts the state machines of all open incidents, of which some may have died between their
// opening and their start.
func (u Upkeep) StartOpen(ctx context.Context) error {
	open, err := u.Flow.Ledger.OpenIncidents(ctx)
	if err != nil {
		return fmt.Errorf("open incidents: %w", err)
	}
	var failed []error
	for _, inc := range open {
		failed = append(failed, u.Machine.Start(ctx, inc.ID))
	}
	return errors.Join(failed...)
}

// tend sees to one open incident.
func (u Upkeep) tend(ctx context.Context, inc ledger.Incident) error {
	if err := u.Machine.Start(ctx, inc.ID); err != nil {
		return fmt.Errorf("start %s: %w", inc.ID, err)
	}
	over, how, err := u.Machine.Over(ctx, inc.ID)
	switch {
	case err != nil:
		return fmt.Errorf("execution of %s: %w", inc.ID, err)
	case over:
		return u.giveUp(ctx, inc.ID, how)
	case inc.Step != ledger.StepApprove:
		return nil
	}
	token, next, err := u.Flow.Expire(ctx, inc.ID)
	switch {
	case errors.Is(err, remedy.ErrNotAsking):
		return u.beat(ctx, inc)
	case err != nil:
		return fmt.Errorf("expire %s: %w", inc.ID, err)
	}
	u.Ended(next)
	return u.Send(ctx, inc.ID, token, next)
}

// giveUp ends an incident whose execution ended without ending it, as one does that was stopped by hand or
// whose last step failed too: nobody works at it any more, and while it is open, alerts only join it.
func (u Upkeep) giveUp(ctx context.Context, id, how string) error {
	inc, err := u.Flow.Ledger.Incident(ctx, id)
	if err == nil && inc.End != "" {
		return nil // it came to its end since it was listed
	}
	cause, err := json.Marshal(map[string]string{"Error": "its execution is " + how})
	if err != nil {
		return fmt.Errorf("give %s up: %w", id, err)
	}
	next, err := u.Flow.Handle(ctx, remedy.Task{ID: id, Step: remedy.StepGiveUp, Error: cause})
	if err != nil {
		return fmt.Errorf("give %s up: %w", id, err)
	}
	u.Ended(next)
	return nil
}

func (u Upkeep) beat(ctx context.Context, inc ledger.Incident) error {
	if inc.Token == "" {
		return nil
	}
	if err := u.Machine.Heartbeat(ctx, inc.Token); err != nil {
		return fmt.Errorf("heartbeat of %s: %w", inc.ID, err)
	}
	return nil
}

// sendAgain finds state machines that wait for an answer that was recorded before a crash.
func (u Upkeep) sendAgain(ctx context.Context) error {
	asking, err := u.Machine.Asking(ctx)
	if err != nil {
		return fmt.Errorf("state machines that ask: %w", err)
	}
	var failed []error
	for _, id := range asking {
		token, next, ok, err := u.Flow.Unanswered(ctx, id)
		if err == nil && ok {
			err = u.Send(ctx, id, token, next)
		}
		if err != nil {
			failed = append(failed, fmt.Errorf("answer of %s: %w", id, err))
		}
	}
	return errors.Join(failed...)
}

// Send wakes the state machine that waits with a token. Without one it does not wait yet: when it comes to
// ask, it finds the answer in the ledger, and is sent it by the next Run.
func (u Upkeep) Send(ctx context.Context, id, token string, next remedy.Answer) error {
	if token == "" {
		return nil
	}
	output, err := json.Marshal(next)
	if err != nil {
		return fmt.Errorf("answer of %s: %w", id, err)
	}
	return u.Machine.Answer(ctx, token, output)
}
