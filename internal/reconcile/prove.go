package reconcile

import (
	"context"
	"fmt"
	"time"

	"github.com/cinegit/guardian/internal/health"
	"github.com/cinegit/guardian/internal/ledger"
	"github.com/cinegit/guardian/internal/policy"
)

// Prove judges whether the release that runs at a target has proved good: it ran through its stage's
// bake, Argo CD calls it Healthy and never called it Degraded, no incident is open there, and
// the service's gates pass over the whole bake. No measurement proves nothing.
func (r *Reconciler) Prove(ctx context.Context, t ledger.Target) error {
	pol := r.Policy()
	service, stage, ok := pol.Stage(t.Service, t.Stage)
	if !ok {
		return fmt.Errorf("%s is not in the policy", t)
	}
	run, ready, err := r.candidate(ctx, t, stage)
	if err != nil || !ready {
		return err
	}
	now := r.Now()
	gates := baking(health.GatesOf(pol, service.Gates), stage.Bake)
	subject := health.Subject{Service: t.Service, Stage: t.Stage, Application: stage.Application, ChangedAt: run.From}
	findings := r.Health.Measure(ctx, gates, subject, run.From, now)
	if health.Overall(findings) != health.Pass {
		return nil
	}
	// Measuring takes time, and what was journaled meanwhile counts.
	latest, ready, err := r.candidate(ctx, t, stage)
	if err != nil || !ready || latest.Entry.ID != run.Entry.ID {
		return err
	}
	run = latest
	run.ProvenAt = now
	run.Proof = fmt.Sprintf("healthy through its bake of %s", stage.Bake)
	r.Log.InfoContext(ctx, "release proved good", "target", t.String(), "release", run.Label)
	return r.Ledger.SaveRelease(ctx, run)
}

// candidate gives the run that is live, and whether it can prove good now.
func (r *Reconciler) candidate(ctx context.Context, t ledger.Target, stage policy.Stage) (run ledger.Release, ready bool, err error) {
	runs, err := r.Ledger.Releases(ctx, t)
	if err != nil || len(runs) == 0 {
		return ledger.Release{}, false, err
	}
	seen, err := r.Ledger.Seen(ctx, t)
	if err != nil {
		return ledger.Release{}, false, err
	}
	lease, err := r.Ledger.Lease(ctx, t)
	if err != nil {
		return ledger.Release{}, false, err
	}
	return runs[0], unready(runs[0], seen, lease, stage, r.Now()) == "", nil
}

// unready says why the run cannot prove good now; "" if it can.
func unready(run ledger.Release, seen ledger.Seen, lease ledger.Lease, stage policy.Stage, now time.Time) string {
	app := seen.Application
	live, ok := app.Live()
	switch {
	case run.Proven():
		return "proved good before"
	case !ok || live.ID != run.Entry.ID:
		return "it does not run"
	case now.Sub(run.From) < stage.Bake.D():
		return "its bake is not over"
	case lease.Holder != "":
		return "an incident is open"
	case seen.Trouble != "" || app.Operation.InProgress():
		return "Argo CD is busy or out of reach"
	case app.Health != "Healthy" || !run.DegradedAt.IsZero():
		return "it is or was not healthy"
	}
	return ""
}

// baking widens what the gates look back over to the bake.
func baking(gates []health.Gate, bake policy.Duration) []health.Gate {
	for i := range gates {
		gates[i].Window = max(gates[i].Window, bake)
	}
	return gates
}

// Due tells whether Prove would measure now, from the ledger alone: most of the time there is nothing to
// prove.
func (r *Reconciler) Due(ctx context.Context, t ledger.Target) (bool, error) {
	_, stage, ok := r.Policy().Stage(t.Service, t.Stage)
	if !ok {
		return false, fmt.Errorf("%s is not in the policy", t)
	}
	_, ready, err := r.candidate(ctx, t, stage)
	return ready, err
}
