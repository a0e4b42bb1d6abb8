package cli

import (
	"github.com/cinegit/guardian/internal/ledger"
)

// Incidents lists incidents, one a line.
func (v View) Incidents(incidents []ledger.Incident) string {
	if len(incidents) == 0 {
		return "no incident yet\n"
	}
	return v.incidents(incidents, 0)
}

func (v View) incidents(incidents []ledger.Incident, indent int) string {
	t := table{head: []string{"ID", "BEGAN", "LASTED", "STATE", "WHY"}, cut: true}
	for _, inc := range incidents {
		end := inc.EndedAt
		if end.IsZero() {
			end = v.Now
		}
		t.add(text(inc.ID), text(v.ago(inc.StartsAt)), text(span(end.Sub(inc.StartsAt))),
			cell{stateInList(inc), ofEnd(inc.End)}, text(why(inc)))
	}
	return v.table(t, indent)
}

func stateInList(inc ledger.Incident) string {
	if !inc.UndoneAt.IsZero() {
		return "undone"
	}
	return state(inc)
}

// why is the reason of the end, or what an open incident is about.
func why(inc ledger.Incident) string {
	switch {
	case inc.Reason != "":
		return inc.Reason
	case !inc.AskedAt.IsZero() && inc.Current >= 0 && inc.Current < len(inc.Plan):
		return "approve? " + inc.Plan[inc.Current].What()
	case len(inc.Alerts) > 0:
		return inc.Alerts[0].Name
	}
	return ""
}
