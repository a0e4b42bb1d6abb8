package main

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/cinegit/guardian/internal/api"
)

// globals are the flags that every command takes.
type globals struct {
	Server    string        `env:"GUARDIAN_URL" default:"http://127.0.0.1:8080" placeholder:"URL" help:"Where guardian serve runs; ${default} where left out."`
	TokenFile string        `env:"GUARDIAN_TOKEN_FILE" placeholder:"FILE" type:"path" help:"File with the operator's token. Without it the token is taken from $$GUARDIAN_TOKEN; no flag takes the token itself, since a list of processes would show it."`
	CAFile    string        `name:"ca-file" env:"GUARDIAN_CA_FILE" placeholder:"FILE" type:"path" help:"PEM file of the certificate authority of the server."`
	Insecure  bool          `help:"Do not check the server's certificate."`
	Timeout   time.Duration `default:"1m" placeholder:"TIME" help:"How long to wait for an answer; ${default} where left out."`
	JSON      bool          `name:"json" help:"Print JSON."`
	NoColor   bool          `help:"Print no colours; so does $$NO_COLOR."`
	UTC       bool          `name:"utc" help:"Show times in UTC, not in the local zone."`
}

// maxToken bounds a token file, in bytes: a larger one is some other file.
const maxToken = 64 << 10

// client connects to the running guardian.
func (g *globals) client(c *console) (*api.Client, error) {
	token, err := g.token(c)
	if err != nil {
		return nil, err
	}
	client, err := api.New(api.ClientConfig{URL: g.Server, Token: token, CAFile: g.CAFile, Insecure: g.Insecure, Timeout: g.Timeout})
	if err != nil {
		return nil, badInput("%w", err)
	}
	return client, nil
}

func (g *globals) token(c *console) (string, error) {
	if g.TokenFile == "" {
		return strings.TrimSpace(c.env("GUARDIAN_TOKEN")), nil
	}
	raw, err := os.ReadFile(g.TokenFile)
	if err != nil {
		return "", badInput("--token-file: %w", err)
	}
	token := strings.TrimSpace(string(raw))
	if token == "" || len(raw) > maxToken || strings.ContainsAny(token, "\r\n") {
		return "", badInput("--token-file: %s does not hold one token in one line", g.TokenFile)
	}
	return token, nil
}

// explained adds to a refusal for want of rights what the user can do.
func (g *globals) explained(c *console, err error) error {
	var problem *api.Error
	if !errors.As(err, &problem) || problem.Status != http.StatusUnauthorized {
		return err
	}
	if token, _ := g.token(c); token == "" {
		return fmt.Errorf("%w (none was given: set GUARDIAN_TOKEN or --token-file)", err)
	}
	return fmt.Errorf("%w (is it one of server.operators in the policy?)", err)
}
