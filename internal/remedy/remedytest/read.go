package remedytest

import (
	"slices"
	"strings"
	"time"

	"github.com/cinegit/guardian/internal/deploy"
)

// rendered is what an entry's manifests run.
func (p *app) rendered(e deploy.Entry) []string {
	if _, tag, ok := strings.Cut(e.Label(), "="); ok {
		return []string{Image(App{Name: p.ref.Name}, tag)}
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
	bad := ok && slices.ContainsFunc(p.rendered(e), func(i string) bool { return strings.Contains(i, "bad") })
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
		Images: slices.Sorted(slices.Values(append(slices.Clone(p.running(now)), p.job...))), History: slices.Clone(p.history), SyncStatus: "OutOfSync",
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
