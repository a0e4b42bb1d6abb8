package main

import (
	"context"

	"github.com/cinegit/guardian/internal/api"
	"github.com/cinegit/guardian/internal/cli"
	"github.com/cinegit/guardian/internal/ledger"
	"github.com/cinegit/guardian/internal/local"
)

type statusCmd struct{}

// Run shows how Guardian is.
func (statusCmd) Run(ctx context.Context, c *console, g *globals) error {
	return ask(c, g, func(client *api.Client) (api.Status, error) { return client.Status(ctx) }, cli.View.Status)
}

type incidentsCmd struct {
	Limit int `default:"20" placeholder:"N" help:"How many, at most 1000; ${default} where left out."`
}

// Validate is called by kong.
func (cmd incidentsCmd) Validate() error {
	if cmd.Limit < 1 || cmd.Limit > 1000 {
		return badInput("--limit must be from 1 to 1000")
	}
	return nil
}

// Run lists incidents.
func (cmd incidentsCmd) Run(ctx context.Context, c *console, g *globals) error {
	list := func(client *api.Client) ([]ledger.Incident, error) { return client.Incidents(ctx, cmd.Limit) }
	return ask(c, g, list, cli.View.Incidents)
}

// incidentArg names an incident.
type incidentArg struct {
	ID string `arg:"" help:"The incident's id, the beginning of one, or: last."`
}

type explainCmd struct {
	incidentArg
	Data string `placeholder:"DIR" type:"path" help:"Read the ledger of a guardian that does not run, instead of asking one."`
}

// Run tells an incident.
func (cmd explainCmd) Run(ctx context.Context, c *console, g *globals) error {
	if cmd.Data != "" {
		explained, err := local.Explain(ctx, cmd.Data, cmd.ID)
		if err != nil {
			return offline(err)
		}
		return c.show(g, explained, func(v cli.View) string { return v.Explain(explained) })
	}
	explain := func(client *api.Client) (api.Explained, error) { return client.Explain(ctx, cmd.ID) }
	return ask(c, g, explain, cli.View.Explain)
}
