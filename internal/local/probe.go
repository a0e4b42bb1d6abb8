package local

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/cinegit/guardian/internal/adapter/secrets"
	"github.com/cinegit/guardian/internal/api"
	"github.com/cinegit/guardian/internal/operator"
	"github.com/cinegit/guardian/internal/policy"
)

// patience is how long one connection may take to answer when a person waits for it.
const patience = 10 * time.Second

// Probe tries what a policy names, without a running Guardian: every connection is asked whether it
// answers, and every secret is looked up. Nothing is sent to where people are told. It fails only
// where the connections cannot even be built.
func Probe(ctx context.Context, p *policy.Policy) ([]api.Connection, error) {
	resolver := secrets.New()
	e, err := newEngine(p, nil, resolver, slog.New(slog.DiscardHandler))
	if err != nil {
		return nil, err
	}
	connections := operator.AskAll(ctx, append(e.probes, secretProbes(p, resolver)...), patience)
	if err := e.close(); err != nil {
		return connections, fmt.Errorf("close connections: %w", err)
	}
	return connections, nil
}

// secretProbes looks up the secrets that no connection uses. They are named by where they stand.
func secretProbes(p *policy.Policy, resolver *secrets.Resolver) []operator.Probe {
	var out []operator.Probe
	add := func(name string, ref policy.Secret) {
		if ref != "" {
			out = append(out, operator.Probe{Name: name, Ask: func(ctx context.Context) error { _, err := resolver.Resolve(ctx, ref); return err }})
		}
	}
	for i, ref := range p.Server.WebhookTokens {
		add(fmt.Sprintf("webhookTokens %d", i+1), ref)
	}
	for _, name := range slices.Sorted(maps.Keys(p.Server.Operators)) {
		add("operator "+name, p.Server.Operators[name])
	}
	for i, c := range p.Notify {
		add(fmt.Sprintf("notify %d", i+1), c.Slack)
		add(fmt.Sprintf("notify %d token", i+1), c.Token)
	}
	return out
}
