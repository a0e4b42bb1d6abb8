package scenario

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/cinegit/guardian/internal/adapter/memledger"
	"github.com/cinegit/guardian/internal/ledger"
	"github.com/cinegit/guardian/internal/remedy"
)

// mostTries is how often a step is tried before the incident is given up, as in the state machine's file.
const mostTries = 7

// machine is one run of the state machine: it goes where the answers say.
type machine struct {
	id      string
	step    ledger.Step
	tries   int
	waiting bool // for the answer to an approval
	ended   bool
}

// startOpen starts what is open and has no machine.
func (w *World) startOpen(ctx context.Context) {
	open, err := w.Ledger.OpenIncidents(ctx)
	if err != nil {
		w.trouble(err)
		return
	}
	for _, inc := range open {
		if w.machines[inc.ID] == nil {
			m := &machine{id: inc.ID, step: ledger.StepConfirm}
			w.machines[inc.ID] = m
			w.later(0, func(ctx context.Context) { w.run(ctx, m) })
		}
	}
}

// run runs one step and plans the next.
func (w *World) run(ctx context.Context, m *machine) {
	if m.step == remedy.StepLook {
		w.look(ctx, m.id)
		w.next(m, remedy.Answer{Next: ledger.StepBlame})
		return
	}
	task := remedy.Task{ID: m.id, Step: m.step}
	switch m.step {
	case ledger.StepApprove:
		task.Token = "token-of-" + m.id
	case remedy.StepGiveUp:
		task.Error = json.RawMessage(`{"Error":"Transient","Cause":"injected"}`)
	}
	answer, err := w.Flow.Handle(ctx, task)
	switch {
	case err != nil:
		w.again(m, err)
	case m.step == ledger.StepApprove:
		m.waiting = true
	default:
		w.next(m, answer)
	}
}

func (w *World) next(m *machine, a remedy.Answer) {
	m.tries, m.waiting = 0, false
	if a.End != "" {
		m.ended = true
		return
	}
	m.step = a.Next
	w.later(time.Duration(a.Wait)*time.Second, func(ctx context.Context) { w.run(ctx, m) })
}

// again tries a step once more, later each time, and gives up in the end.
func (w *World) again(m *machine, err error) {
	if w.OnError != nil {
		w.OnError(m.id, m.step, err)
	}
	w.trouble(err)
	if w.dead {
		return
	}
	m.tries++
	if m.tries >= mostTries {
		m.step, m.tries = remedy.StepGiveUp, 0
	}
	w.later(time.Second<<min(m.tries, 5), func(ctx context.Context) { w.run(ctx, m) })
}

// look reads fresh facts. What cannot be read stands in the ledger, for blame to weigh.
func (w *World) look(ctx context.Context, id string) {
	inc, err := w.Ledger.Incident(ctx, id)
	if err != nil {
		w.trouble(err)
		return
	}
	w.trouble(w.Rec.Target(ctx, inc.Target))
	w.trouble(w.Rec.ServiceFlags(ctx, inc.Target.Service))
}

// Answer gives a person's answer to what an incident asks.
func (w *World) Answer(ctx context.Context, id string, a ledger.Approval) error {
	_, answer, err := w.Flow.Approve(ctx, id, a)
	if err != nil {
		w.trouble(err)
		return err
	}
	w.send(id, answer)
	return nil
}

// send wakes a machine that waits for an answer.
func (w *World) send(id string, a remedy.Answer) {
	if m := w.machines[id]; m != nil && m.waiting {
		w.next(m, a)
	}
}

// expire ends questions that nobody answered, and sends answers that a crash kept back.
func (w *World) expire(ctx context.Context) {
	for _, id := range w.waiting() {
		_, answer, err := w.Flow.Expire(ctx, id)
		if err == nil {
			w.send(id, answer)
			continue
		}
		if !errors.Is(err, remedy.ErrNotAsking) {
			w.trouble(err)
			continue
		}
		_, answer, ok, err := w.Flow.Unanswered(ctx, id)
		w.trouble(err)
		if ok {
			w.send(id, answer)
		}
	}
}

func (w *World) waiting() []string {
	var ids []string
	for id, m := range w.machines {
		if m.waiting {
			ids = append(ids, id)
		}
	}
	slices.SortFunc(ids, strings.Compare)
	return ids
}

// trouble ends the process where the ledger has died under it.
func (w *World) trouble(err error) {
	if err == nil || w.dead || !errors.Is(err, memledger.ErrInjected) {
		return
	}
	if _, check := w.Store.Get(context.Background(), ledger.Key{Partition: "alive", Sort: "?"}); errors.Is(check, memledger.ErrInjected) {
		w.dead = true
	}
}

// Kill ends the process as kill -9 does; it begins anew after Downtime.
func (w *World) Kill() { w.dead = true }

// restart begins anew with nothing but the ledger and the queue. Machines start from their beginning,
// which asks most of the flow: each finds where the ledger stands.
func (w *World) restart() {
	w.Store.SetFaults(nil)
	w.dead, w.machines = false, map[string]*machine{}
	w.Crashes++
	w.agenda = slices.DeleteFunc(w.agenda, func(e event) bool { return e.inside })
	w.later(w.Downtime, w.startOpen)
	for range w.inbox {
		w.later(w.Downtime, w.dispatch)
	}
	w.later(w.Downtime, w.slowly)
}
