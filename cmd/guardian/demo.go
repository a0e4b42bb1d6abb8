package main

import (
	"context"
	"fmt"
	"os"

	"github.com/cinegit/guardian/internal/sandbox/demo"
)

type demoCmd struct {
	Dir string `placeholder:"DIR" type:"path" help:"Where policy, ledger and log are kept; a new directory for temporary files where left out."`
}

// Run plays the demo. It succeeds only if both acts ended Healed.
func (cmd demoCmd) Run(ctx context.Context, c *console, g *globals) error {
	dir := cmd.Dir
	if dir == "" {
		var err error
		if dir, err = os.MkdirTemp("", "guardian-demo-"); err != nil {
			return fmt.Errorf("demo: %w", err)
		}
	} else if err := os.MkdirAll(dir, 0o700); err != nil {
		return badInput("--dir: %w", err)
	}
	o := demo.Options{Out: c.stdout, JSON: g.JSON, Color: c.view(g).Color, Dir: dir, Build: thisBuild().Version}
	if err := demo.Run(ctx, o); err != nil {
		return fmt.Errorf("demo: %w; look into %s", err, dir)
	}
	return nil
}
