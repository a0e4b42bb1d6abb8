// Package flagstore connects the flag store that a policy names, whichever it is, with who evaluates its
// flags and with Guardian's own switch.
package flagstore

import (
	"context"
	"fmt"
	"time"

	"github.com/cinegit/guardian/internal/adapter/flagd"
	"github.com/cinegit/guardian/internal/adapter/httpclient"
	"github.com/cinegit/guardian/internal/adapter/openfeature"
	"github.com/cinegit/guardian/internal/flag"
	"github.com/cinegit/guardian/internal/ledger"
	"github.com/cinegit/guardian/internal/policy"
	"github.com/cinegit/guardian/internal/remedy"
)

// Connection is the flag hand: the store, who evaluates it, and Guardian's own switch.
type Connection struct {
	Store  flag.Store // nil where no flags are connected
	Flags  remedy.Flags
	Switch remedy.Switch
	Close  func() error
}

// FromPolicy connects the flags of a policy. Without any, no flag can be read, and Guardian may act.
func FromPolicy(c policy.Flags) (Connection, error) {
	if c.FlagD == "" {
		return Connection{Flags: noFlags{}, Switch: always{}, Close: func() error { return nil }}, nil
	}
	store := flagd.New(c.FlagD)
	evaluator, err := newEvaluator(c, store)
	if err != nil {
		return Connection{}, err
	}
	return Connection{
		Store:  store,
		Flags:  openfeature.Flags{Store: store, Evaluator: evaluator},
		Switch: openfeature.NewSwitch(evaluator),
		Close: func() error {
			ctx, cancel := context.WithTimeout(context.Background(), time.Second)
			defer cancel()
			return evaluator.Close(ctx)
		},
	}, nil
}

func newEvaluator(c policy.Flags, store *flagd.Store) (*openfeature.Evaluator, error) {
	ctx, cancel := context.WithTimeout(context.Background(), c.Timeout.D())
	defer cancel()
	if c.OFREP == "" {
		return openfeature.NewInProcess(ctx, store.Document, c.Timeout.D())
	}
	client, err := httpclient.New(httpclient.Config{Timeout: c.Timeout.D()})
	if err != nil {
		return nil, err
	}
	return openfeature.NewOFREP(ctx, c.OFREP, client, c.Timeout.D())
}

// noFlags is the flag store of a policy that connects none.
type noFlags struct{}

func (noFlags) none(key string) error {
	return fmt.Errorf("flag %s: %w: the policy connects no flag store", key, flag.ErrNotFound)
}

func (n noFlags) Flag(_ context.Context, key string) (flag.Definition, error) {
	return flag.Definition{}, n.none(key)
}

func (n noFlags) Kill(_ context.Context, before flag.Definition, _ string) (flag.Definition, error) {
	return flag.Definition{}, n.none(before.Key)
}

func (n noFlags) Restore(_ context.Context, before, _ flag.Definition) error {
	return n.none(before.Key)
}

func (n noFlags) Serving(_ context.Context, key string) (string, error) { return "", n.none(key) }

// always is the switch of a policy that connects no flags: the mode alone decides.
type always struct{}

func (always) MayAct(context.Context, ledger.Target) (may bool, why string) { return true, "" }
