package cli

import (
	"fmt"
	"slices"

	"github.com/cinegit/guardian/internal/health"
	"github.com/cinegit/guardian/internal/ledger"
	"github.com/cinegit/guardian/internal/policy"
)

// describe says what carrying out a remedy means.
func describe(r ledger.Remedy) string {
	switch {
	case r.Kind == policy.RemedyFlag:
		return fmt.Sprintf("put flag %s to its safe variant %s", r.Flag, r.Safe)
	case r.To == nil:
		return "revert release " + r.BadName
	}
	return fmt.Sprintf("revert release %s to %s (history id %d)", r.BadName, r.ToName, r.To.ID)
}

// chosen is the index of the remedy that a plan leads to; -1 if none is left.
func chosen(plan []ledger.Remedy) int {
	return slices.IndexFunc(plan, func(r ledger.Remedy) bool { return !r.Tried && r.Refused == "" })
}

func ofKind(e ledger.Event) style {
	switch e.Kind {
	case ledger.EventEvidence:
		return cyan
	case ledger.EventDecision:
		return blue
	case ledger.EventEffect:
		return magenta
	case ledger.EventRefusal, ledger.EventAlert:
		return yellow
	case ledger.EventTrouble:
		return red
	case ledger.EventPerson:
		return green
	case ledger.EventEnd:
		return ofEnd(e.End)
	}
	return plain
}

// ofHeadline lets stand out what a tired reader looks for: what was done, and how it ended.
func ofHeadline(e ledger.Event) style {
	switch e.Kind {
	case ledger.EventEnd:
		return ofEnd(e.End)
	case ledger.EventEffect:
		return bold
	}
	return plain
}

func ofVerdict(v health.Verdict) style {
	switch v {
	case health.Pass:
		return green
	case health.Fail:
		return red
	}
	return yellow
}
