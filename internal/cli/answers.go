package cli

import (
	"fmt"

	"github.com/cinegit/guardian/internal/api"
	"github.com/cinegit/guardian/internal/ledger"
	"github.com/cinegit/guardian/internal/remedy"
)

// Undone says what an undo put back.
func (v View) Undone(inc ledger.Incident) string {
	p := v.page()
	p.hang(0, cell{"undone:", green}, text(fmt.Sprintf("incident %s at %s", inc.ID, inc.Target)))
	for _, e := range inc.Effects {
		if !e.UndoneAt.IsZero() {
			p.hang(2, cell{"put back:", dim}, text(e.What))
		}
	}
	return p.String()
}

// Approved says what goes on now.
func (v View) Approved(inc ledger.Incident) string {
	p := v.page()
	words := "incident " + inc.ID + " goes on"
	if inc.Current >= 0 && inc.Current < len(inc.Plan) {
		words = inc.Plan[inc.Current].What()
	}
	p.hang(0, cell{"approved:", green}, text(words))
	p.line("  follow it: guardian explain %s", clean(inc.ID))
	return p.String()
}

// Rejected says how an incident ended by a rejection.
func (v View) Rejected(inc ledger.Incident) string {
	p := v.page()
	p.hang(0, cell{"rejected:", yellow}, text(fmt.Sprintf("incident %s at %s, now %s", inc.ID, inc.Target, state(inc))))
	return p.String()
}

// Frozen says what a freeze stops, until when, and how to lift it.
func (v View) Frozen(f ledger.Freeze) string {
	p := v.page()
	p.hang(0, cell{"frozen:", cyan}, text(fmt.Sprintf("promotions of %s until %s %s, by %s: %s",
		scope(f.Service, f.Stage), v.stamp(f.Until), v.offset(f.Until), f.By, f.Why)))
	p.line("  Reverts go on. Lift it: guardian unfreeze%s", arguments(f.Service, f.Stage))
	return p.String()
}

// Unfrozen says what may be promoted again.
func (v View) Unfrozen(s api.Scope) string {
	p := v.page()
	p.hang(0, cell{"unfrozen:", green}, text(scope(s.Service, s.Stage)))
	return p.String()
}

func arguments(service, stage string) string {
	words := ""
	for _, name := range []string{service, stage} {
		if name != "" {
			words += " " + clean(name)
		}
	}
	return words
}

// Released says what was given back at a target.
func (v View) Released(t ledger.Target, r remedy.Released) string {
	p := v.page()
	if r.AutoSync {
		p.hang(0, cell{"released:", green}, text(fmt.Sprintf("auto-sync of %s is on again", t)))
	}
	for _, q := range r.Lifted {
		p.hang(0, cell{"lifted:", green}, text(fmt.Sprintf("%s may be shipped to %s again (quarantined by incident %s)", q.Label, t, q.Incident)))
	}
	return p.String()
}

// Admitted says that a release may be shipped, and why.
func (v View) Admitted(a api.Admit, answer remedy.Admission) string {
	p := v.page()
	p.hang(0, cell{"admitted:", green}, text(fmt.Sprintf("%s to %s: %s", a.Release, a.Target, answer.Why)))
	return p.String()
}
