package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	"github.com/cinegit/guardian/internal/ledger"
	"github.com/cinegit/guardian/internal/local"
)

type serveCmd struct {
	Config    string        `required:"" placeholder:"FILE" type:"path" help:"The policy, guardian.yaml. A change of it is taken up while Guardian runs."`
	Data      string        `required:"" placeholder:"DIR" type:"path" help:"Where the ledger is kept; made if it is not there."`
	Listen    string        `default:"127.0.0.1:8080" placeholder:"ADDR" help:"Where to listen; ${default} where left out."`
	Reconcile time.Duration `default:"1m" placeholder:"TIME" help:"How often Argo CD is read without a notification from it; ${default} where left out."`
	LogFormat string        `enum:"text,json" default:"text" help:"How to log on stderr: ${enum}."`
	LogLevel  string        `enum:"debug,info,warn,error" default:"info" help:"What to log: ${enum}."`
}

// Run serves until the process is asked to end.
func (cmd serveCmd) Run(ctx context.Context, c *console) error {
	log, err := cmd.logger(c)
	if err != nil {
		return err
	}
	if cmd.Reconcile < time.Second {
		return badInput("--reconcile: %s is too often: write a second or more, as 1m", cmd.Reconcile)
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", cmd.Listen)
	if err != nil {
		return badInput("--listen: %w", err)
	}
	g, err := local.New(ctx, local.Options{Config: cmd.Config, Data: cmd.Data, Version: thisBuild().Version, Reconcile: cmd.Reconcile, Log: log})
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	log.InfoContext(ctx, "guardian serves", "address", "http://"+listener.Addr().String(), "policy", cmd.Config, "data", cmd.Data)
	if err := g.Run(ctx, listener); err != nil {
		return err
	}
	log.InfoContext(context.WithoutCancel(ctx), "guardian has ended; what was open goes on at the next start")
	return nil
}

func (cmd serveCmd) logger(c *console) (*slog.Logger, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(cmd.LogLevel)); err != nil {
		return nil, badInput("--log-level: %w", err)
	}
	options := &slog.HandlerOptions{Level: level}
	if cmd.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(c.stderr, options)), nil
	}
	return slog.New(slog.NewTextHandler(c.stderr, options)), nil
}

// errNotFound decides the exit code of an incident that a ledger does not hold.
var errNotFound = errors.New("not found")

// offline marks what went wrong with a ledger that was read without a server.
func offline(err error) error {
	if errors.Is(err, ledger.ErrNotFound) {
		return kind{fmt.Errorf("%w; guardian incidents lists them", err), errNotFound}
	}
	return err
}
