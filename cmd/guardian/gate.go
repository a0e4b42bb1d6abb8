package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/cinegit/guardian/internal/api"
	"github.com/cinegit/guardian/internal/backtest"
	"github.com/cinegit/guardian/internal/cli"
	"github.com/cinegit/guardian/internal/gatetest"
	"github.com/cinegit/guardian/internal/ledger"
	"github.com/cinegit/guardian/internal/local"
	"github.com/cinegit/guardian/internal/policy"
)

type gateCmd struct {
	Test gateTestCmd `cmd:"" help:"Ask whether the gates of a service can fail: regressions are put into its own recent traffic."`
}

type gateTestCmd struct {
	metricsFlags
	Service   string          `arg:"" help:"The service."`
	Stage     string          `arg:"" help:"The stage."`
	Gate      string          `placeholder:"NAME" help:"Only this gate; all of the service where left out."`
	Over      policy.Duration `default:"7d" placeholder:"TIME" help:"How far back the traffic goes; ${default} where left out."`
	Until     string          `placeholder:"TIME" help:"Where the traffic ends: a date, or a time as 2026-08-01T14:30:00Z; now where left out."`
	Bake      policy.Duration `placeholder:"TIME" help:"How long a release bakes; the stage's bake where left out."`
	Seed      uint64          `default:"1" placeholder:"N" help:"Of all chance; ${default} where left out."`
	Incidents string          `placeholder:"FILE" type:"path" help:"YAML list of {service, stage, from, to}: when it was bad. Nothing is tested then."`
	Data      string          `placeholder:"DIR" type:"path" help:"Also leave out the incidents in the ledger of a guardian that does not run; with --server, those of the one that runs there."`
}

// grid is what the end of recent traffic is rounded down to: two runs soon after one another say
// the same, and the newest samples have come in.
const grid = 5 * time.Minute

// Run tests gates.
func (cmd gateTestCmd) Run(ctx context.Context, c *console, g *globals) error {
	p, err := cmd.load()
	if err != nil {
		return err
	}
	o, err := cmd.options(ctx, c, g, p)
	if err != nil {
		return err
	}
	client, err := cmd.connect(p)
	if err != nil {
		return err
	}
	defer client.Close()
	bar := newBar(c, g)
	o.Progress = bar.show
	report, err := gatetest.Run(ctx, client, p, o)
	bar.clear()
	switch {
	case errors.Is(err, context.Canceled) && ctx.Err() != nil:
		return errors.New("stopped")
	case errors.Is(err, gatetest.ErrUnknown):
		return badInput("%w", err)
	case err != nil:
		return err
	}
	if err := c.show(g, report, func(v cli.View) string { return v.GateTest(report) }); err != nil {
		return err
	}
	return cmd.verdict(report)
}

// verdict refuses where a gate that decides is not worth its name, so that a pipeline stops there.
func (cmd gateTestCmd) verdict(r gatetest.Report) error {
	blind := r.Blind()
	if len(blind) == 0 {
		return nil
	}
	words := make([]string, len(blind))
	for i, g := range blind {
		words[i] = fmt.Sprintf("%s (%s)", g.Gate, g.State)
		if g.DryRun {
			words[i] = g.Gate + " (dry run)"
		}
	}
	return kind{fmt.Errorf("%s/%s has gates that cannot be relied on: %s", cmd.Service, cmd.Stage, strings.Join(words, ", ")), errRefused}
}

func (cmd gateTestCmd) options(ctx context.Context, c *console, g *globals, p *policy.Policy) (gatetest.Options, error) {
	o := gatetest.Options{
		Service: cmd.Service, Stage: cmd.Stage, Gate: cmd.Gate,
		Over: cmd.Over.D(), Until: c.now().Truncate(grid), Bake: cmd.Bake.D(), Seed: cmd.Seed,
	}
	if o.Over <= 0 || cmd.Bake < 0 {
		return o, badInput("--over and --bake must be above zero")
	}
	var err error
	if cmd.Until != "" {
		if o.Until, _, err = backtest.ParseTime(cmd.Until); err != nil {
			return o, badInput("--until: %w: write 2026-08-01 or 2026-08-01T14:30:00Z", err)
		}
	}
	o.Incidents, err = cmd.incidents(ctx, c, g, p)
	return o, err
}

// incidents are the known ones of the target: those of the file, and those of a ledger where one
// is named.
func (cmd gateTestCmd) incidents(ctx context.Context, c *console, g *globals, p *policy.Policy) ([]gatetest.Span, error) {
	target := ledger.Target{Service: cmd.Service, Stage: cmd.Stage}
	var spans []gatetest.Span
	if cmd.Incidents != "" {
		list, err := backtest.ReadIncidents(cmd.Incidents, p)
		if err != nil {
			return nil, badInput("--incidents: %w", err)
		}
		for _, one := range list {
			if one.Target == target {
				spans = append(spans, gatetest.Span{From: one.From, To: one.To})
			}
		}
	}
	var known []ledger.Incident
	var err error
	switch {
	case cmd.Data != "":
		if known, err = local.Incidents(ctx, cmd.Data); err != nil {
			return nil, badInput("--data: %w", err)
		}
	case g.Server != defaultServer:
		known, err = answerOf(c, g, func(client *api.Client) ([]ledger.Incident, error) { return client.Incidents(ctx, mostIncidents) })
		if err != nil {
			return nil, err
		}
	}
	return append(spans, spansOf(target, known, c.now())...), nil
}

// spansOf is when a target was bad by the ledger: what Guardian stood down from was no incident.
func spansOf(target ledger.Target, known []ledger.Incident, now time.Time) []gatetest.Span {
	var spans []gatetest.Span
	for _, inc := range known {
		if inc.Target != target || inc.End == ledger.StoodDown {
			continue
		}
		span := gatetest.Span{From: inc.StartsAt, To: inc.EndedAt}
		if inc.EndedAt.IsZero() {
			span.To = now
		}
		spans = append(spans, span)
	}
	return spans
}

// defaultServer is the server of globals where none is named.
const defaultServer = "http://127.0.0.1:8080"

// mostIncidents is how many a running guardian gives at once.
const mostIncidents = 1000
