package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/cinegit/guardian/internal/api"
	"github.com/cinegit/guardian/internal/cli"
	"github.com/cinegit/guardian/internal/local"
	"github.com/cinegit/guardian/internal/policy"
)

type checkCmd struct {
	File  string `arg:"" help:"The policy, as guardian.yaml."`
	Probe bool   `help:"Also try what the policy connects to, and look its secrets up; nothing is sent to where people are told."`
}

// checked is what --json shows of a check.
type checked struct {
	OK          bool             `json:"ok"`
	File        string           `json:"file"`
	Mistakes    policy.Mistakes  `json:"mistakes"`
	Connections []api.Connection `json:"connections,omitempty"`
}

// Run checks a policy file.
func (cmd checkCmd) Run(ctx context.Context, c *console, g *globals) error {
	p, err := policy.Load(cmd.File)
	var mistakes policy.Mistakes
	switch {
	case errors.As(err, &mistakes):
		return cmd.refuse(c, g, mistakes)
	case err != nil:
		return badInput("%w", err)
	}
	answer := checked{OK: true, File: cmd.File, Mistakes: policy.Mistakes{}}
	if cmd.Probe {
		if answer.Connections, err = local.Probe(ctx, p); err != nil {
			return err
		}
	}
	err = c.show(g, answer, func(v cli.View) string {
		page := v.Policy(cmd.File, p)
		if cmd.Probe {
			page += "\n" + v.Probes(answer.Connections)
		}
		return page
	})
	failing := slices.ContainsFunc(answer.Connections, func(c api.Connection) bool { return !c.OK })
	if err == nil && failing {
		return errors.New("not everything that the policy names answers")
	}
	return err
}

// refuse shows the mistakes and says how many there are.
func (cmd checkCmd) refuse(c *console, g *globals, mistakes policy.Mistakes) error {
	if err := c.show(g, checked{File: cmd.File, Mistakes: mistakes}, func(v cli.View) string { return v.Mistakes(mistakes) }); err != nil {
		return err
	}
	if g.JSON {
		return told{mistakes}
	}
	many := "mistakes"
	if len(mistakes) == 1 {
		many = "mistake"
	}
	return badInput("%s has %d %s", cmd.File, len(mistakes), many)
}

type schemaCmd struct{}

// Run prints the schema of the policy.
func (schemaCmd) Run(c *console) error {
	schema, err := policy.Schema()
	if err != nil {
		return fmt.Errorf("make schema: %w", err)
	}
	_, err = c.stdout.Write(schema)
	return err
}
