package scenario

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/cinegit/guardian/events/alertmanager"
	"github.com/cinegit/guardian/internal/adapter/memledger"
	"github.com/cinegit/guardian/internal/health"
	"github.com/cinegit/guardian/internal/ledger"
	"github.com/cinegit/guardian/internal/policy"
	"github.com/cinegit/guardian/internal/reconcile"
	"github.com/cinegit/guardian/internal/remedy"
	"github.com/cinegit/guardian/internal/remedy/remedytest"
)

// reconciles is how often the world reads Argo CD and the flags by itself.
const reconciles = time.Minute

// World is everything around the flow, and the flow. It is one line of events: what happens, happens
// one after the other, so that a run can be repeated. Use it from one goroutine.
type World struct {
	Argo    *remedytest.ArgoCD
	Metrics *Metrics
	Flags   *Flags
	Store   *memledger.Store
	Ledger  *ledger.Ledger
	Flow    *remedy.Flow
	Rec     *reconcile.Reconciler
	Switch  *Switch

	// Shuffle picks which of n events that are due at the same moment comes first; nil takes the oldest.
	Shuffle func(n int) int
	// OnError hears of every error of a step; nil hears nothing.
	OnError func(id string, step ledger.Step, err error)

	policy   *policy.Policy
	now      time.Time
	agenda   []event
	machines map[string]*machine
	inbox    []alertmanager.Message // webhooks that are queued and not yet dispatched
	dead     bool
	Crashes  int           // how often the process died and began anew
	Downtime time.Duration // until it does
}

type event struct {
	at     time.Time
	inside bool // of the process: gone when it dies
	do     func(ctx context.Context)
}

// Start is when every World begins.
func Start() time.Time { return time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC) }

// New makes a world under a policy. Its flag document lies in dir; the stages' applications are
// there, without a release, and with the behaviour that apps gives them.
func New(dir string, p *policy.Policy, log *slog.Logger, apps ...remedytest.App) (*World, error) {
	w := &World{policy: p, now: Start(), machines: map[string]*machine{}, Store: memledger.New(), Switch: &Switch{May: true}}
	w.Ledger = &ledger.Ledger{Store: w.Store}
	w.Argo = remedytest.New(w.Now)
	for _, name := range w.applications() {
		i := slices.IndexFunc(apps, func(a remedytest.App) bool { return a.Name == name })
		if i < 0 {
			apps = append(apps, remedytest.App{Name: name})
			i = len(apps) - 1
		}
		w.Argo.Create(apps[i])
	}
	path := filepath.Join(dir, "flags.json")
	if err := os.WriteFile(path, document(p), 0o600); err != nil {
		return nil, fmt.Errorf("flag document: %w", err)
	}
	w.Flags = newFlags(path, w.Now)
	w.Metrics = &Metrics{Breaks: map[string]float64{}, world: w, apps: apps}
	current := func() *policy.Policy { return w.policy }
	judge := health.Judge{Metrics: w.Metrics}
	w.Flow = &remedy.Flow{
		Policy: current, Ledger: w.Ledger, Health: judge, Deployer: w.Argo, Flags: w.Flags, Switch: w.Switch, Now: w.Now, Log: log,
	}
	w.Rec = &reconcile.Reconciler{
		Policy: current, Ledger: w.Ledger, Health: judge, Deployer: w.Argo, Flags: w.Flags, Now: w.Now, Log: log,
	}
	w.later(0, w.slowly)
	return w, nil
}

// Now is the world's time.
func (w *World) Now() time.Time { return w.now }

// Policy gives the policy in force; SetPolicy changes it, as a reload does.
func (w *World) Policy() *policy.Policy { return w.policy }

// SetPolicy puts another policy into force.
func (w *World) SetPolicy(p *policy.Policy) { w.policy = p }

// At lets do happen at a moment after the start, whatever becomes of the process.
func (w *World) At(after time.Duration, do func(ctx context.Context)) {
	w.agenda = append(w.agenda, event{at: Start().Add(after), do: do})
}

// later lets the process do something after a while.
func (w *World) later(wait time.Duration, do func(ctx context.Context)) {
	w.agenda = append(w.agenda, event{at: w.now.Add(wait), inside: true, do: do})
}

// Until lets everything happen that is due up to a moment after the start.
func (w *World) Until(ctx context.Context, after time.Duration) {
	end := Start().Add(after)
	for {
		i := w.due()
		if i < 0 || w.agenda[i].at.After(end) {
			break
		}
		e := w.agenda[i]
		w.agenda = slices.Delete(w.agenda, i, i+1)
		if e.at.After(w.now) {
			w.now = e.at
		}
		e.do(ctx)
		if w.dead {
			w.restart()
		}
	}
	if end.After(w.now) {
		w.now = end
	}
}

// due gives the index of the event that comes next; -1 if there is none.
func (w *World) due() int {
	var first []int
	for i, e := range w.agenda {
		switch {
		case len(first) == 0 || e.at.Before(w.agenda[first[0]].at):
			first = []int{i}
		case e.at.Equal(w.agenda[first[0]].at):
			first = append(first, i)
		}
	}
	switch {
	case len(first) == 0:
		return -1
	case w.Shuffle == nil:
		return first[0]
	}
	return first[w.Shuffle(len(first))]
}

// slowly is what the process does every now and then: read, prove, expire.
func (w *World) slowly(ctx context.Context) {
	for _, t := range w.targets() {
		err := w.Rec.Target(ctx, t)
		if err == nil {
			err = w.Rec.Prove(ctx, t)
		}
		w.trouble(err)
	}
	for _, service := range slices.Sorted(maps.Keys(w.policy.Services)) {
		w.trouble(w.Rec.ServiceFlags(ctx, service))
	}
	w.expire(ctx)
	if !w.dead {
		w.later(reconciles, w.slowly)
	}
}

// Receive takes a webhook into the queue, as intake does before it answers 202.
func (w *World) Receive(m alertmanager.Message) {
	w.inbox = append(w.inbox, m)
	w.later(0, w.dispatch)
}

func (w *World) dispatch(ctx context.Context) {
	if len(w.inbox) == 0 {
		return
	}
	_, err := w.Flow.Dispatch(ctx, w.inbox[0])
	if err != nil {
		w.trouble(err)
		w.later(time.Second, w.dispatch) // the queue gives it again
		return
	}
	w.inbox = w.inbox[1:]
	w.startOpen(ctx)
}

func (w *World) applications() []string {
	var names []string
	for _, s := range w.policy.Services {
		for _, st := range s.Stages {
			names = append(names, st.Application)
		}
	}
	slices.Sort(names)
	return names
}

func (w *World) targets() []ledger.Target {
	var all []ledger.Target
	for name, s := range w.policy.Services {
		for _, st := range s.Stages {
			all = append(all, ledger.Target{Service: name, Stage: st.Name})
		}
	}
	slices.SortFunc(all, func(a, b ledger.Target) int { return strings.Compare(a.String(), b.String()) })
	return all
}
