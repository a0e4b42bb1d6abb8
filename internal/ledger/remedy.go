package ledger

import (
	"fmt"
	"slices"

	"github.com/cinegit/guardian/internal/policy"
)

// What says what carrying out the remedy means.
func (r Remedy) What() string {
	switch {
	case r.Kind == policy.RemedyFlag:
		return fmt.Sprintf("put flag %s to its safe variant %s", r.Flag, r.Safe)
	case r.To == nil:
		return "revert release " + r.BadName
	}
	return fmt.Sprintf("revert release %s to %s (history id %d)", r.BadName, r.ToName, r.To.ID)
}

// Next gives the index of the remedy of a plan that comes next; -1 if none is left.
func Next(plan []Remedy) int {
	return slices.IndexFunc(plan, func(r Remedy) bool { return !r.Tried && r.Refused == "" })
}
