package remedytest

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/cinegit/guardian/internal/deploy"
)

// How long things take, as measured on Argo CD 2.14 (rounded up).
const (
	starts     = 100 * time.Millisecond // until the controller takes an operation up
	takes      = 400 * time.Millisecond
	stale      = 450 * time.Millisecond // for which health is that of before a sync
	drains     = 2 * time.Second        // until the old pods are gone
	degrades   = 9 * time.Second        // until a bad image is called Degraded
	terminates = 4 * time.Second
	reconciles = 10 * time.Second
)

type app struct {
	ref       deploy.Ref
	owner     string
	sources   json.RawMessage
	automated json.RawMessage
	head      string
	images    map[string][]string // by git revision
	history   []deploy.Entry
	op        *operation

	denied       []string // rights that the token lacks: get, sync, update
	windowClosed bool
	stuck        bool   // syncs that are not rollbacks never end
	fail         string // the next operation fails with this message

	reconciled time.Time // the last time that Argo CD looked before the latest sync ended
	before     []string  // the images that ran then
	health     string    // and the health
	broken     bool      // git head cannot be rendered
}

type operation struct {
	by         string
	automated  bool
	rollback   bool
	revisions  []string
	sources    json.RawMessage
	phase      string
	message    string
	asked, due time.Time
	started    time.Time
	finished   time.Time
}

// spec is the part of an Application's spec that Guardian may change.
type spec struct {
	Spec struct {
		Source     json.RawMessage `json:"source,omitempty"`
		Sources    json.RawMessage `json:"sources,omitempty"`
		SyncPolicy struct {
			Automated json.RawMessage `json:"automated,omitempty"`
		} `json:"syncPolicy"`
	} `json:"spec"`
}

func (p *app) spec() (s spec) {
	s.Spec.SyncPolicy.Automated = p.automated
	if p.multi() {
		s.Spec.Sources = p.sources
	} else {
		s.Spec.Source = p.sources
	}
	return s
}

func (p *app) setSpec(s spec) {
	p.automated, p.sources = s.Spec.SyncPolicy.Automated, s.Spec.Source
	if len(s.Spec.Sources) > 0 {
		p.sources = s.Spec.Sources
	}
}

func (p *app) multi() bool { return len(p.sources) > 0 && p.sources[0] == '[' }

func (p *app) busy() bool { return p.op != nil && p.op.finished.IsZero() }

func (p *app) begin(op operation, now time.Time) {
	op.phase, op.asked, op.due = deploy.PhasePending, now, now.Add(starts)
	p.op = &op
}

// advance lets happen what is due by now, each thing at its own time.
func (p *app) advance(now time.Time) {
	for p.step(now) {
	}
}

func (p *app) step(now time.Time) bool {
	if !p.busy() {
		return p.autoSync(now)
	}
	op := p.op
	if now.Before(op.due) {
		return false
	}
	switch op.phase {
	case deploy.PhasePending:
		op.phase, op.started, op.due = deploy.PhaseRunning, op.due.Truncate(time.Second), op.due.Add(takes)
		return true
	case deploy.PhaseTerminating:
		p.end(deploy.PhaseFailed, "Operation terminated")
		return true
	}
	return p.run(now)
}

func (p *app) run(now time.Time) bool {
	switch op := p.op; {
	case p.windowClosed:
		op.message, op.due = "Sync operation blocked by sync window", now
		return false
	case p.stuck && !op.rollback:
		op.message, op.due = "waiting for completion of hook batch/Job/migrate", now
		return false
	case p.fail != "":
		p.end(deploy.PhaseFailed, p.fail)
		p.fail = ""
		return true
	case p.broken && !op.rollback:
		p.end(deploy.PhaseError, "ComparisonError: cannot parse deployment.yaml")
		return true
	}
	p.deployed()
	return true
}

func (p *app) end(phase, message string) {
	p.op.phase, p.op.message, p.op.finished = phase, message, p.op.due
}

// deployed ends the operation well and appends to the history.
func (p *app) deployed() {
	op := p.op
	p.before, p.health, p.reconciled = p.running(op.due), p.healthAt(op.due), p.reconciledAt(op.due)
	p.end(deploy.PhaseSucceeded, "successfully synced (all tasks run)")
	var id int64
	if n := len(p.history); n > 0 {
		id = p.history[n-1].ID + 1
	}
	p.history = append(p.history, deploy.Entry{
		ID: id, Revisions: op.revisions, Sources: op.sources, StartedAt: op.started,
		DeployedAt: op.finished.Truncate(time.Second), InitiatedBy: op.by, Automated: op.automated,
	})
	if len(p.history) > 10 {
		p.history = p.history[len(p.history)-10:]
	}
}

// autoSync ships what the spec says, once, unless it runs already.
func (p *app) autoSync(now time.Time) bool {
	if p.automated == nil || p.head == "" {
		return false
	}
	want := p.wanted()
	id := deploy.Identity(want.sources, want.revisions)
	if n := len(p.history); n > 0 && p.history[n-1].Identity() == id {
		return false
	}
	if p.op != nil && !p.op.rollback && deploy.Identity(p.op.sources, p.op.revisions) == id {
		return false // tried already
	}
	want.automated = true
	p.begin(want, now)
	return true
}

func (p *app) wanted() operation {
	revisions := []string{p.head}
	if p.multi() {
		revisions = append(revisions, "chart-1.0.0")
	}
	return operation{revisions: revisions, sources: p.sources}
}

// rendered is what an entry's manifests run.
func (p *app) rendered(e deploy.Entry) []string {
	if _, tag, ok := strings.Cut(e.Label(), "="); ok {
		return []string{"registry.example/" + p.ref.Name + ":" + tag}
	}
	return p.images[e.Revisions[0]]
}

// partly gives the images of a sync that has begun and not ended well: some of its pods run already.
func (p *app) partly() []string {
	op := p.op
	if op == nil || op.rollback || op.started.IsZero() || op.phase == deploy.PhaseSucceeded || op.phase == deploy.PhaseError {
		return nil
	}
	return p.rendered(deploy.Entry{Revisions: op.revisions, Sources: op.sources})
}

func (p *app) last() (deploy.Entry, time.Time, bool) {
	if len(p.history) == 0 {
		return deploy.Entry{}, time.Time{}, false
	}
	e := p.history[len(p.history)-1]
	at := e.DeployedAt
	if p.op != nil && p.op.phase == deploy.PhaseSucceeded {
		at = p.op.finished
	}
	return e, at, true
}

// running is what Argo CD sees running at a moment: the old beside the new while pods drain.
func (p *app) running(now time.Time) []string {
	e, at, ok := p.last()
	switch since := now.Sub(at); {
	case !ok:
		return nil
	case since < stale:
		return p.before
	case since < drains:
		both := append(slices.Clone(p.before), p.rendered(e)...)
		slices.Sort(both)
		return slices.Compact(both)
	}
	return p.rendered(e)
}

func (p *app) healthAt(now time.Time) string {
	e, at, ok := p.last()
	bad := ok && slices.ContainsFunc(p.rendered(e), func(i string) bool { return strings.Contains(i, "crash") })
	switch since := now.Sub(at); {
	case !ok:
		return "Missing"
	case since < stale:
		return p.health
	case bad && since >= degrades:
		return "Degraded"
	case bad || since < drains:
		return "Progressing"
	}
	return "Healthy"
}

func (p *app) reconciledAt(now time.Time) time.Time {
	_, at, ok := p.last()
	if ok && now.Sub(at) < stale {
		return p.reconciled
	}
	poll := now.Truncate(reconciles)
	for _, due := range []time.Duration{stale, drains, degrades} {
		if t := at.Add(due); ok && !now.Before(t) && t.After(poll) {
			poll = t
		}
	}
	return poll.Truncate(time.Second)
}

func (p *app) read(now time.Time) deploy.Application {
	out := deploy.Application{
		Ref: p.ref, AutoSync: slices.Clone(p.automated), Owner: p.owner, Sources: slices.Clone(p.sources),
		Health: p.healthAt(now), Head: p.wanted().revisions, ReconciledAt: p.reconciledAt(now),
		Images: p.running(now), History: slices.Clone(p.history), SyncStatus: "OutOfSync",
	}
	if e, _, ok := p.last(); ok && e.Identity() == deploy.Identity(p.sources, out.Head) {
		out.SyncStatus = "Synced"
	}
	if p.broken {
		out.SyncStatus = "Unknown"
	}
	if op := p.op; op != nil {
		out.Operation = &deploy.Operation{
			Phase: op.phase, Message: op.message, StartedAt: op.started, FinishedAt: op.finished.Truncate(time.Second),
			InitiatedBy: op.by, Automated: op.automated, Revisions: op.revisions, Sources: op.sources, Rollback: op.rollback,
		}
	}
	return out
}
