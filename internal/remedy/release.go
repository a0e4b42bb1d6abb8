package remedy

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/cinegit/guardian/internal/deploy"
	"github.com/cinegit/guardian/internal/ledger"
)

// ErrQuarantined means that a bad release would be shipped again.
var ErrQuarantined = errors.New("quarantined")

// ErrNotHeld means that Guardian holds nothing at a target.
var ErrNotHeld = errors.New("nothing is held")

// Release gives a target back: auto-sync goes on as it was before Guardian switched it off. While what
// auto-sync would ship is quarantined it is refused with ErrQuarantined, unless lift also lifts the
// target's quarantines. While an incident is at work there it is refused with ledger.ErrHeld.
func (f *Flow) Release(ctx context.Context, t ledger.Target, by string, lift bool) (out Released, err error) {
	err = f.alone(ctx, t, "release by "+by, func(ledger.Lease) error {
		out, err = f.release(ctx, t, by, lift)
		return err
	})
	return out, err
}

func (f *Flow) release(ctx context.Context, t ledger.Target, by string, lift bool) (Released, error) {
	holds, err := f.Ledger.Holds(ctx)
	if err != nil {
		return Released{}, err
	}
	quarantines, err := f.quarantines(ctx, t)
	if err != nil {
		return Released{}, err
	}
	held := slices.IndexFunc(holds, func(h ledger.Hold) bool { return h.Target == t })
	if held < 0 && (!lift || len(quarantines) == 0) {
		return Released{}, fmt.Errorf("%s: %w", t, ErrNotHeld)
	}
	out := Released{At: f.Now()}
	if held >= 0 && !lift {
		if err := f.headIsFine(ctx, t, quarantines); err != nil {
			return Released{}, err
		}
	}
	if lift {
		if out.Lifted, err = f.lift(ctx, quarantines, by, out.At); err != nil {
			return Released{}, err
		}
	}
	if held < 0 {
		return out, nil
	}
	app, err := f.application(ctx, t)
	if err != nil {
		return out, err
	}
	out.AutoSync = true
	return out, f.giveBack(ctx, t, app, holds[held].AutoSync)
}

func (f *Flow) application(ctx context.Context, t ledger.Target) (deploy.Application, error) {
	_, stage, _ := f.Policy().Stage(t.Service, t.Stage)
	return f.Deployer.Application(ctx, deploy.ParseRef(stage.Application, stage.Project))
}

func (f *Flow) headIsFine(ctx context.Context, t ledger.Target, quarantines []ledger.Quarantine) error {
	app, err := f.application(ctx, t)
	if err != nil {
		return err
	}
	head := deploy.Identity(app.Sources, app.Head)
	for _, q := range quarantines {
		if q.Release == head {
			return fmt.Errorf("%w: auto-sync would ship %s again at once (incident %s, %s): ship a fix first, or lift the quarantine with --lift",
				ErrQuarantined, q.Label, q.Incident, q.Why)
		}
	}
	return nil
}

func (f *Flow) lift(ctx context.Context, quarantines []ledger.Quarantine, by string, now time.Time) ([]ledger.Quarantine, error) {
	var ops []ledger.Op
	for i := range quarantines {
		quarantines[i].LiftedAt, quarantines[i].LiftedBy = now, by
		op, err := ledger.QuarantineOp(quarantines[i])
		if err != nil {
			return nil, err
		}
		ops = append(ops, op)
	}
	if len(ops) == 0 {
		return nil, nil
	}
	return quarantines, f.Ledger.Write(ctx, ops...)
}

func (f *Flow) quarantines(ctx context.Context, t ledger.Target) ([]ledger.Quarantine, error) {
	all, err := f.Ledger.Quarantines(ctx)
	return slices.DeleteFunc(all, func(q ledger.Quarantine) bool { return q.Target != t }), err
}

// Admission is the answer to: may this release be shipped here now?
type Admission struct {
	Admitted bool   `json:"admitted"`
	Why      string `json:"why"`
}

// Admit tells whether a release may be shipped to a target: not while it is quarantined or the
// target is frozen. The release is named by its revision (at least seven digits of it), its label, or
// an image of it or the image's tag. It decides nothing else and changes nothing.
func (f *Flow) Admit(ctx context.Context, t ledger.Target, release string) (Admission, error) {
	if _, _, known := f.Policy().Stage(t.Service, t.Stage); !known {
		return Admission{Why: fmt.Sprintf("the policy knows no stage %q of a service %q: correct the name", t.Stage, t.Service)}, nil
	}
	freezes, err := f.Ledger.Freezes(ctx, f.Now())
	if err != nil {
		return Admission{}, err
	}
	for _, z := range freezes {
		if z.Covers(t) {
			return Admission{Why: fmt.Sprintf("frozen by %s until %s: %s", z.By, z.Until.UTC().Format(time.RFC3339), z.Why)}, nil
		}
	}
	quarantines, err := f.quarantines(ctx, t)
	if err != nil {
		return Admission{}, err
	}
	for _, q := range quarantines {
		if names(q, release) {
			return Admission{Why: fmt.Sprintf("%s is quarantined since incident %s (%s): ship a fix, or lift it with guardian release %s %s --lift",
				q.Label, q.Incident, q.Why, t.Service, t.Stage)}, nil
		}
	}
	return Admission{Admitted: true, Why: "neither quarantined nor frozen"}, nil
}

func names(q ledger.Quarantine, release string) bool {
	if release == q.Label || release == q.Release || strings.HasSuffix(q.Label, "="+release) {
		return true
	}
	byRevision := slices.ContainsFunc(q.Revisions, func(r string) bool {
		return r == release || len(release) >= 7 && strings.HasPrefix(r, release)
	})
	return byRevision || slices.ContainsFunc(q.Images, func(image string) bool {
		return image == release || strings.HasSuffix(image, ":"+release)
	})
}
