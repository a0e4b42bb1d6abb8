package backtest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/cinegit/guardian/internal/health"
	"github.com/cinegit/guardian/internal/policy"
)

// Options say what is replayed.
type Options struct {
	Policy    *policy.Policy
	Metrics   health.Querier
	Source    string // which metrics these are, as their URL; progress of another source is not taken up
	Version   string // of the program, for the same reason
	From, To  time.Time
	Now       time.Time  // no bake lasts longer
	Releases  []Release  // of targets in the policy; those before From or from To on only end the bakes of others
	Incidents []Incident // nil is that none are known, so that nothing can be called false or missed
	Sweeps    []Sweep
	Dir       string // where progress is kept; "" keeps none

	Progress func(done, all int) // is told after every release, one call at a time; may be nil
}

// Report is what came of a replay.
type Report struct {
	From       time.Time `json:"from"`
	To         time.Time `json:"to"`
	Releases   int       `json:"releases"`
	Targets    int       `json:"targets"`
	Incidents  *int      `json:"incidents,omitempty"` // that overlap the time; nil where none are known
	Resumed    int       `json:"resumed"`             // releases taken from an earlier run
	Left       int       `json:"left"`                // releases that an end by the user left over
	Errors     int       `json:"errors"`              // releases of which Prometheus told nothing
	Unrecorded []string  `json:"unrecorded"`          // rules whose alerts are not on record: judged by their gates alone
	Settings   []string  `json:"settings"`
	Scores     []Score   `json:"scores"`
	Results    []Result  `json:"results"` // the worst first
}

// Errors of Run, for what the user gave.
var (
	ErrNothing = errors.New("there is nothing to replay")
	ErrOptions = errors.New("bad options")
)

// Run judges every release from From to To as its stage's bake would have. Releases that Prometheus
// tells nothing of are counted, and are no error. When ctx ends it comes back with its error and
// the report of what was judged until then.
func Run(ctx context.Context, o Options) (Report, error) {
	all, err := settings(o.Policy, o.Sweeps)
	if err != nil {
		return Report{}, fmt.Errorf("%w: %w", ErrOptions, err)
	}
	bakes := plan(o.Policy, o.Releases, o.From, o.To, o.Now)
	if len(bakes) == 0 {
		return Report{}, fmt.Errorf("%w: no release of any target of the policy from %s to %s", ErrNothing,
			o.From.Format(time.RFC3339), o.To.Format(time.RFC3339))
	}
	c := court{metrics: newPatient(o.Metrics), settings: all}
	if c.recorded, err = recorded(ctx, c.metrics, o.Policy.Rules, o.From, o.To); err != nil {
		return Report{}, err
	}
	kept, err := openProgress(o.Dir)
	if err != nil {
		return Report{}, err
	}
	r := run{Options: o, court: c, kept: kept, results: make([]*Result, len(bakes))}
	err = errors.Join(r.judgeAll(ctx, bakes), kept.close())
	return r.report(bakes), err
}

// run is a replay under way.
type run struct {
	Options
	court court
	kept  *progress

	mu      sync.Mutex
	done    int
	resumed int
	errors  int
	results []*Result // by bake; nil is not judged yet
}

func (r *run) judgeAll(ctx context.Context, bakes []bake) error {
	r.Incidents = inOrder(r.Incidents)
	group, working := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for i, b := range bakes {
		group.Go(func() error { return r.judge(working, i, b) })
	}
	err := group.Wait()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// inOrder are the incidents as they began; nil stays nil.
func inOrder(incidents []Incident) []Incident {
	incidents = slices.Clone(incidents)
	slices.SortStableFunc(incidents, func(a, b Incident) int { return a.From.Compare(b.From) })
	return incidents
}

func (r *run) judge(ctx context.Context, i int, b bake) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	key, err := r.court.key(b, r.Version, r.Source)
	if err != nil {
		return err
	}
	j, known := r.kept.known[key]
	if !known {
		j = r.court.judge(ctx, b)
		if err := ctx.Err(); err != nil {
			return err // what it came to may only be that it was cut short
		}
		if j.Err == "" {
			if err := r.kept.keep(key, j); err != nil {
				return err
			}
		}
	}
	result := resultOf(b, j, r.Incidents)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.results[i] = &result
	r.done++
	if known {
		r.resumed++
	}
	if j.Err != "" {
		r.errors++
	}
	if r.Progress != nil {
		r.Progress(r.done, len(r.results))
	}
	return nil
}

// report is what has been judged so far.
func (r *run) report(bakes []bake) Report {
	out := Report{
		From: r.From, To: r.To, Resumed: r.resumed, Errors: r.errors, Left: len(bakes) - r.done,
		Releases: r.done, Unrecorded: []string{}, Results: []Result{},
	}
	targets := map[string]bool{}
	for _, result := range r.results {
		if result != nil {
			out.Results = append(out.Results, *result)
			targets[result.Target.String()] = true
		}
	}
	out.Targets = len(targets)
	if r.Incidents != nil {
		out.Incidents = new(int)
		for _, i := range r.Incidents {
			if i.To.After(r.From) && i.From.Before(r.To) {
				*out.Incidents++
			}
		}
	}
	for _, rule := range r.Policy.Rules {
		if !r.court.recorded[rule.Name] {
			out.Unrecorded = append(out.Unrecorded, rule.Name)
		}
	}
	for _, s := range r.court.settings {
		out.Settings = append(out.Settings, s.Name)
	}
	out.Scores = scores(r.court.settings, bakes, out.Results)
	out.Results = sorted(out.Results)
	return out
}
