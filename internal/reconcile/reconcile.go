// Package reconcile reads Argo CD and the flags by itself and journals what it sees: which release
// ran where from when to when, whether it proved good, and which flag changed. Notifications
// only make it look sooner: a lost one costs time, never truth.
package reconcile

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/cinegit/guardian/internal/deploy"
	"github.com/cinegit/guardian/internal/flag"
	"github.com/cinegit/guardian/internal/health"
	"github.com/cinegit/guardian/internal/ledger"
	"github.com/cinegit/guardian/internal/policy"
)

// Deployer is what is read of Argo CD; see remedy.Deployer.
type Deployer interface {
	Application(ctx context.Context, ref deploy.Ref) (deploy.Application, error)
	SyncAllowed(ctx context.Context, ref deploy.Ref) (allowed bool, why string, err error)
}

// Flags is what is read of the flag store; see remedy.Flags.
type Flags interface {
	Flag(ctx context.Context, key string) (flag.Definition, error)
}

// Reconciler reads and journals.
type Reconciler struct {
	Policy   func() *policy.Policy
	Ledger   *ledger.Ledger
	Deployer Deployer
	Flags    Flags
	Health   health.Judge
	Now      func() time.Time
	Log      *slog.Logger
}

// mostEntries is how many entries of an application's history are looked at, the newest: Argo CD keeps ten
// unless revisionHistoryLimit says more, and one batch of the ledger takes a hundred records.
const mostEntries = 50

// Target reads the target's application and journals what runs. What could not be read is journaled too,
// so that whoever decides on it knows how old it is; the error is returned all the same.
func (r *Reconciler) Target(ctx context.Context, t ledger.Target) error {
	_, stage, ok := r.Policy().Stage(t.Service, t.Stage)
	if !ok {
		return fmt.Errorf("%s is not in the policy", t)
	}
	app, err := r.Deployer.Application(ctx, deploy.ParseRef(stage.Application, stage.Project))
	if err != nil {
		return errors.Join(err, r.trouble(ctx, t, err))
	}
	allowed, why, err := r.Deployer.SyncAllowed(ctx, app.Ref)
	if err != nil {
		return errors.Join(err, r.trouble(ctx, t, err))
	}
	known, err := r.Ledger.Releases(ctx, t)
	if err != nil {
		return err
	}
	before, err := r.Ledger.Seen(ctx, t)
	if err != nil {
		return err
	}
	app.History = app.History[max(0, len(app.History)-mostEntries):]
	seen := ledger.Seen{Target: t, At: r.Now(), Application: app, SyncAllowed: allowed, SyncWhy: why}
	return r.save(ctx, before, seen, journal(t, app, known, seen.At)...)
}

func (r *Reconciler) trouble(ctx context.Context, t ledger.Target, cause error) error {
	before, err := r.Ledger.Seen(ctx, t)
	if err != nil {
		return err
	}
	seen := before
	seen.Target, seen.Trouble = t, cause.Error()
	seen.Denied = errors.Is(cause, deploy.ErrDenied) || errors.Is(cause, deploy.ErrUnauthenticated) || errors.Is(cause, deploy.ErrNotFound)
	return r.save(ctx, before, seen)
}

// ServiceFlags reads the flags of a service and journals their changes.
func (r *Reconciler) ServiceFlags(ctx context.Context, service string) error {
	var failed []error
	for key := range r.Policy().Services[service].Flags {
		if err := r.flag(ctx, key); err != nil {
			failed = append(failed, err)
		}
	}
	return errors.Join(failed...)
}

func (r *Reconciler) flag(ctx context.Context, key string) error {
	before, known, err := r.Ledger.FlagSeen(ctx, key)
	if err != nil {
		return err
	}
	now, err := r.Flags.Flag(ctx, key)
	if err != nil {
		return errors.Join(err, r.flagTrouble(ctx, key, before, err))
	}
	seen := ledger.FlagSeen{Flag: key, Digest: digest(now), Serving: now.Words()}
	if known && before == seen {
		return nil
	}
	change, err := r.change(ctx, before, seen, now)
	if err != nil {
		return err
	}
	if before.Digest == "" || before.Digest == seen.Digest {
		change = nil // seen for the first time, or only read again
	}
	return r.Ledger.SaveFlag(ctx, seen, change)
}

// flagTrouble notes that a flag could not be read, for whoever must say what changed.
func (r *Reconciler) flagTrouble(ctx context.Context, key string, before ledger.FlagSeen, cause error) error {
	seen := before
	seen.Flag, seen.Trouble = key, cause.Error()
	if seen == before {
		return nil
	}
	return r.Ledger.SaveFlag(ctx, seen, nil)
}

// change dates a flag's change as the store does, and knows Guardian's own doing by its effects.
func (r *Reconciler) change(ctx context.Context, before, seen ledger.FlagSeen, now flag.Definition) (*ledger.FlagChange, error) {
	at := r.Now()
	if !now.Modified.IsZero() && now.Modified.Before(at) {
		at = now.Modified
	}
	c := &ledger.FlagChange{Flag: seen.Flag, At: at, From: before.Serving, To: seen.Serving}
	open, err := r.Ledger.OpenIncidents(ctx)
	if err != nil {
		return nil, err
	}
	recent, err := r.Ledger.Incidents(ctx, 20)
	if err != nil {
		return nil, err
	}
	known, err := r.Ledger.FlagChanges(ctx, seen.Flag, time.Time{})
	if err != nil {
		return nil, err
	}
	for _, inc := range append(open, recent...) {
		if ours(inc, now, known) {
			c.By = inc.ID
		}
	}
	return c, nil
}

// ours tells whether the definition is what an incident's effect wrote or its undo put back. Each of them
// changes the flag once: whoever brings it to the same again later is somebody else.
func ours(inc ledger.Incident, now flag.Definition, known []ledger.FlagChange) bool {
	first := func(since time.Time) bool {
		return !slices.ContainsFunc(known, func(c ledger.FlagChange) bool { return c.By == inc.ID && !c.At.Before(since) })
	}
	for _, e := range inc.Effects {
		if e.Kind != ledger.EffectFlag {
			continue
		}
		after, err := e.FlagAfter()
		if err == nil && after.Key == now.Key && after.Same(now) && first(e.DecidedAt) {
			return true
		}
		before, err := e.FlagBefore()
		if err == nil && !e.UndoneAt.IsZero() && before.Key == now.Key && before.Same(now) && first(e.UndoneAt) {
			return true
		}
	}
	return false
}

func digest(d flag.Definition) string {
	sum := sha256.Sum256(flag.Canonical(d.Raw))
	return hex.EncodeToString(sum[:8])
}
