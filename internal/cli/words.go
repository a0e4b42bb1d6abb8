package cli

import (
	"github.com/cinegit/guardian/internal/health"
	"github.com/cinegit/guardian/internal/ledger"
)

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
