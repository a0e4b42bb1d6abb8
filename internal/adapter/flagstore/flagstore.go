// Package flagstore connects the flag store that a policy names, whichever it is, with who evaluates its
// flags and with Guardian's own switch.
package flagstore

import (
	"context"
	"time"

	"github.com/cinegit/guardian/internal/adapter/httpclient"
	"github.com/cinegit/guardian/internal/adapter/openfeature"
	"github.com/cinegit/guardian/internal/flag"
	"github.com/cinegit/guardian/internal/policy"
	"github.com/cinegit/guardian/internal/remedy"
)

// Connection is the flag hand: the store, who evaluates it, and Guardian's own switch.
type Connection struct {
	Store  flag.Store                  // nil where no flags are connected
	Probe  func(context.Context) error // whether the store can be read; nil where there is none
	Flags  remedy.Flags
	Switch remedy.Switch
	Close  func() error
}

// Token gives what looks a secret up at every call.
type Token func(policy.Secret) func(context.Context) (string, error)

// FromPolicy connects the flags of a policy, and calls nobody yet. Without any, no flag can be read,
// and Guardian may act.
func FromPolicy(c policy.Flags, token Token) (Connection, error) {
	if !c.Some() {
		return Connection{Flags: noFlags{}, Switch: always{}, Close: func() error { return nil }}, nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), c.Timeout.D())
	defer cancel()
	s, err := open(ctx, c, token)
	if err != nil {
		return Connection{}, err
	}
	evaluator, err := newEvaluator(ctx, c, s.document)
	if err != nil {
		return Connection{}, err
	}
	if evaluator == nil {
		says := stated{s.store}
		return Connection{Store: s.store, Probe: s.probe, Flags: says, Switch: says, Close: func() error { return nil }}, nil
	}
	return Connection{
		Store:  s.store,
		Probe:  s.probe,
		Flags:  openfeature.Flags{Store: s.store, Evaluator: evaluator},
		Switch: openfeature.NewSwitch(evaluator),
		Close: func() error {
			ctx, cancel := context.WithTimeout(context.Background(), time.Second)
			defer cancel()
			return evaluator.Close(ctx)
		},
	}, nil
}

// newEvaluator asks the OFREP service that the policy names, else evaluates the document where there
// is one; nil where neither is.
func newEvaluator(ctx context.Context, c policy.Flags, document openfeature.Document) (*openfeature.Evaluator, error) {
	if c.OFREP != "" {
		client, err := httpclient.New(httpclient.Config{Timeout: c.Timeout.D()})
		if err != nil {
			return nil, err
		}
		return openfeature.NewOFREP(ctx, c.OFREP, client, c.Timeout.D())
	}
	if document == nil {
		return nil, nil //nolint:nilnil // no evaluator is an answer
	}
	return openfeature.NewInProcess(ctx, document, c.Timeout.D())
}
