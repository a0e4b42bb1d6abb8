package openfeature

import (
	"context"
	"errors"
	"fmt"

	of "github.com/open-feature/go-sdk/openfeature"

	"github.com/cinegit/guardian/internal/flag"
	"github.com/cinegit/guardian/internal/ledger"
	"github.com/cinegit/guardian/internal/remedy"
)

// SwitchFlag is the key of Guardian's own switch, a boolean flag: false keeps Guardian from
// acting. Its targeting may use the attributes service and stage.
const SwitchFlag = "guardian.act"

// Switch is Guardian's own switch, kept as a feature flag among the others.
type Switch struct{ evaluator *Evaluator }

var _ remedy.Switch = Switch{}

// NewSwitch makes a switch that an evaluator reads.
func NewSwitch(evaluator *Evaluator) Switch { return Switch{evaluator} }

// MayAct tells whether Guardian may act on the target, and if not, why. Where nobody has made the
// flag, the policy alone decides; a flag that is disabled or cannot be read keeps Guardian from
// acting, because it may have been made to stop it.
func (s Switch) MayAct(ctx context.Context, target ledger.Target) (may bool, why string) {
	value, reason, err := s.evaluator.boolean(ctx, SwitchFlag, map[string]any{
		"service": target.Service,
		"stage":   target.Stage,
	})
	switch {
	case errors.Is(err, flag.ErrNotFound):
		return true, ""
	case err != nil:
		return false, fmt.Sprintf("Guardian's own switch cannot be read: %s", err)
	case reason == of.DisabledReason:
		return false, fmt.Sprintf("flag %s is disabled, which counts as off: enable it, or remove it", SwitchFlag)
	case !value:
		return false, fmt.Sprintf("flag %s is off for %s", SwitchFlag, target)
	}
	return true, ""
}
