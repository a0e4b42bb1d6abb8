package flagstore

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/cinegit/guardian/internal/adapter/openfeature"
	"github.com/cinegit/guardian/internal/flag"
	"github.com/cinegit/guardian/internal/ledger"
	"github.com/cinegit/guardian/internal/remedy"
)

// stated takes what a store says of its flags for what applications get: of a flag service that
// nobody here can evaluate as its SDKs do.
type stated struct{ flag.Store }

var (
	_ remedy.Flags  = stated{}
	_ remedy.Switch = stated{}
)

// Serving gives the variant that every caller gets; where not every caller gets the same, words that
// are no variant.
func (s stated) Serving(ctx context.Context, key string) (variant string, err error) {
	d, err := s.Flag(ctx, key)
	if err != nil || !d.Enabled {
		return "", err
	}
	return d.Words(), nil
}

// MayAct reads Guardian's own switch. Where nobody has made the flag, the policy alone decides; one
// that cannot be told for this target keeps Guardian from acting.
func (s stated) MayAct(ctx context.Context, _ ledger.Target) (may bool, why string) {
	d, err := s.Flag(ctx, openfeature.SwitchFlag)
	switch {
	case errors.Is(err, flag.ErrNotFound):
		return true, ""
	case err != nil:
		return false, fmt.Sprintf("Guardian's own switch cannot be read: %s", err)
	case d.Enabled && d.Targeted:
		return false, fmt.Sprintf("flag %s has targeting, which only an OFREP service could tell: take it away, or name one as ofrep", openfeature.SwitchFlag)
	case d.Enabled && (strings.EqualFold(d.Serving, "on") || strings.EqualFold(d.Serving, "true")):
		return true, ""
	}
	return false, fmt.Sprintf("flag %s is %s, which counts as off", openfeature.SwitchFlag, d.Words())
}
