package main

import (
	"context"
	"fmt"

	"github.com/cinegit/guardian/internal/api"
	"github.com/cinegit/guardian/internal/cli"
	"github.com/cinegit/guardian/internal/ledger"
	"github.com/cinegit/guardian/internal/policy"
	"github.com/cinegit/guardian/internal/remedy"
)

// whyFlag is a person's reason, kept in the ledger.
type whyFlag struct {
	Why string `placeholder:"REASON" help:"Why, for those who read it later."`
}

type undoCmd struct {
	incidentArg
	whyFlag
}

// Run puts back what Guardian changed.
func (cmd undoCmd) Run(ctx context.Context, c *console, g *globals) error {
	undo := func(client *api.Client) (ledger.Incident, error) { return client.Undo(ctx, cmd.ID, cmd.Why) }
	return ask(c, g, undo, cli.View.Undone)
}

type approveCmd struct {
	incidentArg
	whyFlag
}

// Run lets a remedy be carried out.
func (cmd approveCmd) Run(ctx context.Context, c *console, g *globals) error {
	approve := func(client *api.Client) (ledger.Incident, error) { return client.Approve(ctx, cmd.ID, cmd.Why) }
	return ask(c, g, approve, cli.View.Approved)
}

type rejectCmd struct {
	incidentArg
	whyFlag
}

// Run forbids a remedy.
func (cmd rejectCmd) Run(ctx context.Context, c *console, g *globals) error {
	reject := func(client *api.Client) (ledger.Incident, error) { return client.Reject(ctx, cmd.ID, cmd.Why) }
	return ask(c, g, reject, cli.View.Rejected)
}

// scopeArgs are everything, a service, or a target.
type scopeArgs struct {
	Service string `arg:"" optional:"" help:"A service; all where left out."`
	Stage   string `arg:"" optional:"" help:"One stage of it; all where left out."`
}

func (s scopeArgs) scope() api.Scope { return api.Scope{Service: s.Service, Stage: s.Stage} }

type freezeCmd struct {
	scopeArgs
	For policy.Duration `required:"" placeholder:"TIME" help:"How long, as 30m, 2h or 1d."`
	Why string          `required:"" placeholder:"REASON" help:"Why, for those whose release it stops."`
}

// Run stops promotions.
func (cmd freezeCmd) Run(ctx context.Context, c *console, g *globals) error {
	if cmd.For <= 0 {
		return badInput("--for must be a time above zero, as 2h")
	}
	freeze := func(client *api.Client) (ledger.Freeze, error) {
		return client.Freeze(ctx, api.Freeze{Scope: cmd.scope(), For: cmd.For, Why: cmd.Why})
	}
	return ask(c, g, freeze, cli.View.Frozen)
}

type unfreezeCmd struct{ scopeArgs }

// Run lifts a freeze.
func (cmd unfreezeCmd) Run(ctx context.Context, c *console, g *globals) error {
	unfreeze := func(client *api.Client) (api.Scope, error) { return cmd.scope(), client.Unfreeze(ctx, cmd.scope()) }
	return ask(c, g, unfreeze, cli.View.Unfrozen)
}

// targetArgs name one service in one stage.
type targetArgs struct {
	Service string `arg:"" help:"The service."`
	Stage   string `arg:"" help:"Its stage."`
}

func (t targetArgs) target() ledger.Target { return ledger.Target{Service: t.Service, Stage: t.Stage} }

type releaseCmd struct {
	targetArgs
	Lift bool `help:"Lift the target's quarantines too, so that the bad releases may be shipped again."`
}

// Run gives a target's auto-sync back.
func (cmd releaseCmd) Run(ctx context.Context, c *console, g *globals) error {
	release := func(client *api.Client) (remedy.Released, error) {
		return client.Release(ctx, api.Release{Target: cmd.target(), Lift: cmd.Lift})
	}
	return ask(c, g, release, func(v cli.View, r remedy.Released) string { return v.Released(cmd.target(), r) })
}

type admitCmd struct {
	targetArgs
	Release string `arg:"" help:"The release: a revision, a label as guardian status shows it, or an image tag."`
}

// Run asks whether a release may be shipped. It is made for pipelines: not admitted is exit code 3 with
// the reason.
func (cmd admitCmd) Run(ctx context.Context, c *console, g *globals) error {
	question := api.Admit{Target: cmd.target(), Release: cmd.Release}
	admission, err := answerOf(c, g, func(client *api.Client) (remedy.Admission, error) { return client.Admit(ctx, question) })
	if err != nil {
		return err
	}
	refusal := kind{fmt.Errorf("not admitted: %s", admission.Why), errRefused}
	switch {
	case admission.Admitted:
		return c.show(g, admission, func(v cli.View) string { return v.Admitted(question, admission) })
	case g.JSON:
		if err := c.json(admission); err != nil {
			return err
		}
		return told{refusal}
	}
	return refusal
}
