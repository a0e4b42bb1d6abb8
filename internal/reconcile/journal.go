package reconcile

import (
	"slices"
	"time"

	"github.com/cinegit/guardian/internal/deploy"
	"github.com/cinegit/guardian/internal/ledger"
)

// journal compares the application's history with the runs that are known and gives the runs that are
// new or have changed. A run is one history entry: it lasts until the next entry was deployed. A release
// that comes back keeps what it proved: proof belongs to the content, not to the entry.
func journal(t ledger.Target, app deploy.Application, known []ledger.Release, now time.Time) []ledger.Release {
	var out []ledger.Release
	for i, entry := range app.History {
		run, ok := find(known, entry)
		was := run
		if !ok {
			run = ledger.Release{
				Target: t, ID: entry.Identity(), Label: entry.Label(), Entry: entry, From: entry.DeployedAt,
			}
			run.ProvenAt, run.Proof = provenBefore(known, run.ID)
			run.Images = imagesBefore(known, run.ID)
		}
		last := i == len(app.History)-1
		if !last && run.To.IsZero() {
			run.To = app.History[i+1].DeployedAt
		}
		if last {
			run = live(run, app, now)
		}
		if !ok || changed(was, run) {
			out = append(out, run)
		}
	}
	return out
}

// live adds to the run that is live what only shows while it runs.
func live(run ledger.Release, app deploy.Application, now time.Time) ledger.Release {
	settled := !app.Operation.InProgress() && !app.ReconciledAt.Before(run.From)
	if settled && app.Health == "Healthy" && len(app.Images) > 0 {
		run.Images = app.Images
	}
	if settled && app.Health == "Degraded" && run.DegradedAt.IsZero() {
		run.DegradedAt = now
	}
	return run
}

func find(known []ledger.Release, e deploy.Entry) (ledger.Release, bool) {
	i := slices.IndexFunc(known, func(r ledger.Release) bool {
		return r.Entry.ID == e.ID && r.From.Equal(e.DeployedAt)
	})
	if i < 0 {
		return ledger.Release{}, false
	}
	return known[i], true
}

func provenBefore(known []ledger.Release, id string) (time.Time, string) {
	for _, r := range known {
		if r.ID == id && r.Proven() {
			return r.ProvenAt, r.Proof
		}
	}
	return time.Time{}, ""
}

func imagesBefore(known []ledger.Release, id string) []string {
	for _, r := range known {
		if r.ID == id && len(r.Images) > 0 {
			return r.Images
		}
	}
	return nil
}

func changed(a, b ledger.Release) bool {
	return !a.To.Equal(b.To) || !slices.Equal(a.Images, b.Images) || !a.DegradedAt.Equal(b.DegradedAt)
}
