package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime/debug"
	"strings"
	"time"

	"github.com/cinegit/guardian/internal/api"
	"github.com/cinegit/guardian/internal/backtest"
	"github.com/cinegit/guardian/internal/backtest/report"
	"github.com/cinegit/guardian/internal/cli"
	"github.com/cinegit/guardian/internal/ledger"
	"github.com/cinegit/guardian/internal/local"
	"github.com/cinegit/guardian/internal/policy"
)

type backtestCmd struct {
	metricsFlags
	From      string   `required:"" placeholder:"TIME" help:"The first release: a date, or a time as 2026-08-01T14:30:00Z."`
	To        string   `required:"" placeholder:"TIME" help:"The last release; of a date, the whole day."`
	Releases  string   `placeholder:"FILE" type:"path" help:"YAML list of {service, stage, release, at}; where left out, the ledger's."`
	Incidents string   `placeholder:"FILE" type:"path" help:"YAML list of {service, stage, from, to}: when it was bad. Without it nothing can be called false or missed."`
	Data      string   `placeholder:"DIR" type:"path" help:"Take the releases from the ledger of a guardian that does not run, instead of asking one."`
	Sweep     []string `sep:"none" placeholder:"FIELD=A,B" help:"Line up settings, as tolerance=10%,25%,50%: of tolerance, alpha, max, min, window, failureLimit or minSampleCount. Several multiply."`
	Out       string   `placeholder:"DIR" type:"path" help:"Where report.html goes, and what is judged is kept, so that a run goes on where another ended."`
}

// reportFile is the report's name in --out.
const reportFile = "report.html"

// garbage is how much of it is left lying, in percent of what is in use: a replay makes much of it
// and keeps little, and collecting less often takes a tenth off its time.
const garbage = 400

// Run replays the policy over past releases.
func (cmd backtestCmd) Run(ctx context.Context, c *console, g *globals) error {
	o, err := cmd.options(ctx, c, g)
	if err != nil {
		return err
	}
	client, err := cmd.connect(o.Policy)
	if err != nil {
		return err
	}
	defer client.Close()
	defer debug.SetGCPercent(debug.SetGCPercent(garbage))
	o.Metrics = client
	bar := newBar(c, g)
	o.Progress = bar.show
	found, err := backtest.Run(ctx, o)
	bar.clear()
	switch {
	case errors.Is(err, context.Canceled) && ctx.Err() != nil:
		return cmd.stopped(found)
	case errors.Is(err, backtest.ErrNothing), errors.Is(err, backtest.ErrOptions):
		return badInput("%w", err)
	case err != nil:
		return err
	}
	return cmd.tell(c, g, found)
}

// tell shows what came of it and writes the report.
func (cmd backtestCmd) tell(c *console, g *globals, found backtest.Report) error {
	file := ""
	if cmd.Out != "" {
		file = filepath.Join(cmd.Out, reportFile)
		if err := report.WriteFile(file, found, report.Options{Now: c.now(), Version: thisBuild().Version}); err != nil {
			return err
		}
	}
	if err := c.show(g, found, func(v cli.View) string { return v.Backtest(found, file) }); err != nil {
		return err
	}
	if found.Errors > 0 {
		return fmt.Errorf("prometheus gave no answer about %d of %d releases%s", found.Errors, found.Releases, cmd.again())
	}
	return nil
}

func (cmd backtestCmd) stopped(found backtest.Report) error {
	return fmt.Errorf("stopped with %d of %d releases judged%s", found.Releases, found.Releases+found.Left, cmd.again())
}

// again says how to go on.
func (cmd backtestCmd) again() string {
	if cmd.Out == "" {
		return "; with --out DIR, a second run goes on where the first ended"
	}
	return "; the same command goes on from there"
}

// options read everything that the user gave, and tell all mistakes of the lists at once.
func (cmd backtestCmd) options(ctx context.Context, c *console, g *globals) (o backtest.Options, err error) {
	o = backtest.Options{Version: thisBuild().Version, Now: c.now(), Dir: cmd.Out}
	if o.From, o.To, err = cmd.span(); err != nil {
		return o, err
	}
	for _, text := range cmd.Sweep {
		sweep, err := backtest.ParseSweep(text)
		if err != nil {
			return o, badInput("--sweep: %w", err)
		}
		o.Sweeps = append(o.Sweeps, sweep)
	}
	if o.Policy, err = cmd.load(); err != nil {
		return o, err
	}
	o.Source = cmd.source(o.Policy)
	var wrong, more policy.Mistakes
	o.Releases, err = cmd.releases(ctx, c, g, o)
	if err != nil && !errors.As(err, &wrong) {
		return o, err
	}
	if cmd.Incidents != "" {
		o.Incidents, err = backtest.ReadIncidents(cmd.Incidents, o.Policy)
		if err != nil && !errors.As(err, &more) {
			return o, badInput("--incidents: %w", err)
		}
	}
	if wrong = append(wrong, more...); len(wrong) > 0 {
		return o, wrong
	}
	return o, nil
}

// span is from when to when; a date as --to is that whole day.
func (cmd backtestCmd) span() (from, to time.Time, err error) {
	if from, _, err = backtest.ParseTime(cmd.From); err != nil {
		return from, to, badInput("--from: %w: write 2026-08-01 or 2026-08-01T14:30:00Z", err)
	}
	to, isDate, err := backtest.ParseTime(cmd.To)
	if err != nil {
		return from, to, badInput("--to: %w: write 2026-10-30 or 2026-10-30T14:30:00Z", err)
	}
	if isDate {
		to = to.AddDate(0, 0, 1)
	}
	if !to.After(from) {
		return from, to, badInput("--to %s is not after --from %s", cmd.To, cmd.From)
	}
	return from, to, nil
}

func (cmd backtestCmd) source(p *policy.Policy) string {
	if cmd.Prometheus != "" {
		return cmd.Prometheus
	}
	return p.Connections.Prometheus.URL
}

// releases are those of a file, of a ledger that lies still, or of a running guardian's.
func (cmd backtestCmd) releases(ctx context.Context, c *console, g *globals, o backtest.Options) ([]backtest.Release, error) {
	switch {
	case cmd.Releases != "" && cmd.Data != "":
		return nil, badInput("--releases and --data both say where the releases are: keep one")
	case cmd.Releases != "":
		list, err := backtest.ReadReleases(cmd.Releases, o.Policy)
		if err != nil && !errors.As(err, new(policy.Mistakes)) {
			return nil, badInput("--releases: %w", err)
		}
		return list, err
	case cmd.Data != "":
		runs, err := local.Releases(ctx, cmd.Data, o.Policy, o.From)
		if err != nil {
			return nil, badInput("--data: %w", err)
		}
		return ofLedger(runs), nil
	}
	runs, err := answerOf(c, g, func(client *api.Client) (all []ledger.Release, err error) {
		for service, s := range o.Policy.Services {
			for _, stage := range s.Stages {
				some, err := client.Releases(ctx, ledger.Target{Service: service, Stage: stage.Name}, o.From)
				if err != nil {
					return nil, err
				}
				all = append(all, some...)
			}
		}
		return all, nil
	})
	if err != nil {
		return nil, fmt.Errorf("%w (no --releases FILE and no --data DIR: the releases are asked of the running guardian)", err)
	}
	return ofLedger(runs), nil
}

func ofLedger(runs []ledger.Release) []backtest.Release {
	list := make([]backtest.Release, len(runs))
	for i, r := range runs {
		list[i] = backtest.Release{Target: r.Target, Release: strings.TrimSpace(r.Label), At: r.From}
	}
	return list
}
