package remedytest

import (
	"encoding/json"
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

	configMaps map[string][]string // by git revision, beside what has an image
	cluster    map[string]bool     // the ConfigMaps that are there

	denied       []string // rights that the token lacks: get, sync, update
	windowClosed bool
	manual       bool   // the window lets operations through that a person starts
	stuck        bool   // syncs that are not rollbacks never end
	fail         string // the next operation fails with this message

	reconciled time.Time // the last time that Argo CD looked before the latest sync ended
	before     []string  // the images that ran then
	health     string    // and the health
	broken     bool      // git head cannot be rendered
	job        []string  // images of finished pods that nobody has removed
	gone       bool      // somebody has deleted the application
}

type operation struct {
	by         string
	automated  bool
	rollback   bool
	prune      bool
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
		if p.parks() {
			op.due = now // nobody looks at it before the window opens
			return false
		}
		p.end(deploy.PhaseFailed, "Operation terminated")
		return true
	}
	return p.run(now)
}

// parks tells whether a sync window holds operations back that a person starts.
func (p *app) parks() bool { return p.windowClosed && !p.manual }

func (p *app) run(now time.Time) bool {
	switch op := p.op; {
	case p.parks():
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
	if op.prune {
		clear(p.cluster)
	}
	for _, name := range p.configMaps[op.revisions[0]] {
		p.cluster[name] = true
	}
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
