package main

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
)

// program is the command line.
type program struct {
	globals `embed:"" group:"Flags of every command:"`

	Serve serveCmd `cmd:"" group:"Run:" help:"Run Guardian: webhooks, operator API and everything else in one process."`
	Demo  demoCmd  `cmd:"" group:"Run:" help:"Watch Guardian undo a bad flag and a bad release, beside a sandbox on this machine."`

	Status    statusCmd    `cmd:"" group:"Look:" help:"Show connections, targets, open incidents and what is frozen, quarantined or held."`
	Incidents incidentsCmd `cmd:"" group:"Look:" help:"List incidents, the newest first."`
	Explain   explainCmd   `cmd:"" group:"Look:" help:"Tell an incident as a timeline: evidence, decision, effects, verification."`

	Undo     undoCmd     `cmd:"" group:"Decide:" help:"Put back what Guardian changed in an incident."`
	Approve  approveCmd  `cmd:"" group:"Decide:" help:"Let the remedy be carried out that an incident waits with."`
	Reject   rejectCmd   `cmd:"" group:"Decide:" help:"Forbid the remedy that an incident waits with."`
	Freeze   freezeCmd   `cmd:"" group:"Decide:" help:"Stop promotions for a while; reverts go on."`
	Unfreeze unfreezeCmd `cmd:"" group:"Decide:" help:"Lift a freeze."`
	Release  releaseCmd  `cmd:"" group:"Decide:" help:"Give a target's auto-sync back, and with --lift free its quarantined releases."`
	Admit    admitCmd    `cmd:"" group:"Decide:" help:"Ask whether a release may be shipped to a target now; exit code 3 if not."`

	Check  checkCmd  `cmd:"" group:"Policy:" help:"Find every mistake in a policy file, or show what Guardian would do by it."`
	Schema schemaCmd `cmd:"" group:"Policy:" help:"Print the JSON Schema of the policy, for editors."`

	Backtest backtestCmd `cmd:"" group:"Judge:" help:"Replay the policy over past releases: what it would have reverted, falsely or rightly, and what it would have missed."`
	Gate     gateCmd     `cmd:"" group:"Judge:" help:"Ask whether gates can fail: regressions are put into recorded traffic."`

	Completion completionCmd `cmd:"" group:"Program:" help:"Print a completion script for a shell."`
	Version    versionCmd    `cmd:"" group:"Program:" help:"Print the program's version."`
}

// Help is what stands in --help beside the commands.
func (program) Help() string { return "Exit codes:\n\n" + exitCodes }

// exitCodes says what each exit code means.
const exitCodes = `  0  done
  1  failure: an outside system failed, or Guardian could not be reached
  2  usage, bad input, or mistakes in the policy
  3  refused: a guard forbids it as things stand, not admitted, or a gate that cannot be relied on
  4  not found
  5  not authorised
`

// newParser builds the command line onto a console. Its exit is called by --help.
func newParser(p *program, c *console, exit func(int)) (*kong.Kong, error) {
	return kong.New(p,
		kong.Name("guardian"),
		kong.Description("Guardian undoes bad releases, by itself where it may and with one command where a person decides."),
		kong.Writers(c.stdout, c.stderr),
		kong.Exit(exit),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, FlagsLast: true, WrapUpperBound: 100}),
		kong.Bind(c, &p.globals),
	)
}

// run carries out one command line and gives the exit code.
func run(args []string, c *console) int {
	if len(args) == 0 {
		args = []string{"--help"}
	}
	var p program
	helped := false
	parser, err := newParser(&p, c, func(int) { helped = true })
	if err != nil {
		return c.fail(err)
	}
	parsed, err := parser.Parse(args)
	if helped {
		return exitDone
	}
	if err != nil {
		return c.fail(usage(err))
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	parsed.BindTo(ctx, (*context.Context)(nil))
	return c.fail(parsed.Run())
}

// usage tells how to find out what the command line should have been.
func usage(err error) error {
	var wrong *kong.ParseError
	hint := "guardian --help"
	if errors.As(err, &wrong) && wrong.Context != nil && wrong.Context.Selected() != nil {
		hint = wrong.Context.Selected().FullPath() + " --help"
	}
	return badInput("%w; see %s", err, hint)
}
