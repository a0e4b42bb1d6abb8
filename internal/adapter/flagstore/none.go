package flagstore

import (
	"context"
	"fmt"

	"github.com/cinegit/guardian/internal/flag"
	"github.com/cinegit/guardian/internal/ledger"
)

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
