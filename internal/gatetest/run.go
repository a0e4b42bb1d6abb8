package gatetest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/cinegit/guardian/internal/health"
	"github.com/cinegit/guardian/internal/policy"
)

// DefaultOver is how far back traffic is looked at where nothing else is said.
const DefaultOver = 7 * 24 * time.Hour

// beforeDefault is the baseline before a change of a gate that does not say how long it is.
const beforeDefault = 30 * time.Minute

// Options say what is tested.
type Options struct {
	Service, Stage string
	Gate           string        // only this one; "" is all of the service
	Over           time.Duration // how far back the traffic goes; 0 is DefaultOver
	Until          time.Time     // where it ends
	Bake           time.Duration // 0 is the stage's
	Seed           uint64
	Incidents      []Span // known ones: no release is imagined in them

	// Progress, where it is set, is told how many of the imaginary releases have been read, at the most.
	// It is not called twice at once.
	Progress func(done, all int)
}

// ErrUnknown is wrapped by Run's error for a service, stage or gate that the policy does not have.
var ErrUnknown = errors.New("not in the policy")

// Run tests the gates of a service at a stage, one after the other. A gate that cannot be asked is
// a result; an error is that the metrics gave no answer, or ErrUnknown.
func Run(ctx context.Context, metrics health.Querier, p *policy.Policy, o Options) (Report, error) {
	stage, gates, err := find(p, o)
	if err != nil {
		return Report{}, err
	}
	if o.Over <= 0 {
		o.Over = DefaultOver
	}
	if o.Bake <= 0 {
		o.Bake = stage.Bake.D()
	}
	report := Report{
		Service: o.Service, Stage: o.Stage, Bake: policy.Duration(o.Bake),
		From: o.Until.Add(-o.Over), Until: o.Until, Seed: o.Seed, Gates: []Result{},
	}
	chosen := slices.DeleteFunc(slices.Clone(gates), func(g health.Gate) bool { return o.Gate != "" && o.Gate != g.Name })
	progress := &progress{tell: o.Progress, all: len(chosen) * most}
	for i, g := range chosen {
		t := tester{Options: o, metrics: metrics, gate: g, alpha: g.AlphaAmong(gates), progress: progress}
		t.gate.DryRun = false // or it never fails, and nothing could be said about it
		t.subject = health.Subject{Service: o.Service, Stage: o.Stage, Application: stage.Application}
		result, err := t.test(ctx)
		if err != nil {
			return report, fmt.Errorf("test gate %s: %w", g.Name, err)
		}
		if result.DryRun = g.DryRun; g.DryRun {
			result.warn("dryRun: the gate never decides; it is tested as if it did")
		}
		report.Gates = append(report.Gates, result)
		progress.reach((i + 1) * most)
	}
	return report, nil
}

// tester tests one gate.
type tester struct {
	Options
	metrics health.Querier
	gate    health.Gate
	alpha   float64
	subject health.Subject

	progress *progress
}

// test spreads releases over the gate's traffic and judges them, quiet and worse.
func (t *tester) test(ctx context.Context) (Result, error) {
	result := Result{Gate: t.gate.Name, State: NoData}
	begin, why, err := t.begin(ctx)
	if err != nil || why != "" {
		return result.conclude(why), err
	}
	s := spread(begin, t.Until, t.before(), t.Bake, t.interval(), t.Incidents)
	result.Excluded, result.Every = s.excluded, policy.Duration(s.every)
	if len(s.at) == 0 {
		return result.conclude(t.tooYoung(begin, s)), nil
	}
	result.From, result.Until = s.at[0], s.at[len(s.at)-1].Add(t.Bake)
	t.metrics = newRecall(t.metrics, s)
	readings, err := t.read(ctx, s.at, t.Bake)
	if err != nil {
		return result, err
	}
	worse := t.regression(readings)
	result.Usual = worse.words()
	quiet := t.judge(readings, worse, 1)
	result.count(t, readings, quiet)
	if result.Bakes > 0 {
		for _, factor := range factors() {
			result.Seen = append(result.Seen, detection(t, readings, quiet, worse, factor))
		}
		if result.Needs, err = t.needs(ctx, s, worse, result.Seen); err != nil {
			return result, err
		}
	}
	result.check(t, readings, quiet, worse)
	return result.conclude(""), nil
}

// factors are how many times the usual is put in.
func factors() []float64 { return []float64{2, 3, 5, 10} }

// regression makes readings worse. It leaves what it is given as it is.
type regression interface {
	inject(r health.Reading, factor float64, random *rand.Rand) health.Reading
	level(factor float64) float64 // what so many times the usual is: a ratio, or a value
	words() Usual
	caveat(g health.Gate) string                // where a factor does not multiply the usual itself
	bears(g health.Gate, factor float64) string // why a factor never fails the gate; "" where it may
}

func (t *tester) regression(readings []health.Reading) regression {
	if t.gate.Counts() {
		return countsOf(t.gate, readings)
	}
	return valuesOf(t.gate, readings)
}

// read asks for everything that the bakes of the releases need.
func (t *tester) read(ctx context.Context, releases []time.Time, bake time.Duration) ([]health.Reading, error) {
	readings := make([]health.Reading, len(releases))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for i, at := range releases {
		group.Go(func() error {
			s := t.subject
			s.ChangedAt = at
			readings[i] = health.Judge{Metrics: t.metrics}.Read(ctx, t.gate, s, at, at.Add(t.interval()), at.Add(bake))
			if err := readings[i].Err; err != nil && !errors.Is(err, health.ErrQuery) {
				return err
			}
			t.progress.step()
			return nil
		})
	}
	return readings, group.Wait()
}

// judge bakes every reading with so many times the usual put in; 1 leaves them as they are. What
// chance there is comes from the seed and the release, so that order does not matter.
func (t *tester) judge(readings []health.Reading, worse regression, factor float64) []outcome {
	outcomes := make([]outcome, len(readings))
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i, r := range readings {
		group.Go(func() error {
			if factor > 1 {
				r = worse.inject(r, factor, t.random(r))
			}
			outcomes[i] = judge(t.gate, r, t.alpha)
			return nil
		})
	}
	_ = group.Wait() // none returns an error
	return outcomes
}

// random is the chance that a release has.
func (t *tester) random(r health.Reading) *rand.Rand {
	return rand.New(rand.NewPCG(t.Seed, uint64(r.Subject.ChangedAt.UnixNano())))
}

func (t *tester) interval() time.Duration {
	if t.gate.Interval <= 0 {
		return 15 * time.Second
	}
	return t.gate.Interval.D()
}

// before is how long a baseline before a release takes; none where the gate compares with nothing
// or with what runs beside.
func (t *tester) before() time.Duration {
	b := t.gate.Baseline
	switch {
	case t.gate.Counts() && t.gate.Tolerance == nil, !t.gate.Counts() && b == nil, b.Beside():
		return 0
	case b == nil || b.Before <= 0:
		return beforeDefault
	}
	return b.Before.D()
}
