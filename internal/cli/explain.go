package cli

import (
	"fmt"
	"slices"
	"time"

	"github.com/cinegit/guardian/internal/api"
	"github.com/cinegit/guardian/internal/ledger"
)

// Explain tells an incident as a timeline: what is the matter and how it stands, then what was seen,
// decided and done, from the alert to the end, with the evidence.
func (v View) Explain(e api.Explained) string {
	p := v.page()
	inc := e.Incident
	p.line("%s", p.paint(bold, clean(inc.Target.String()))+"  "+p.paint(ofEnd(inc.End), state(inc))+undoneMark(inc))
	p.field("incident", plain, inc.ID)
	p.field("rule", plain, fmt.Sprintf("%s, mode %s", inc.Rule, inc.Mode))
	p.field("began", plain, fmt.Sprintf("%s %s, %s", v.stamp(inc.StartsAt), v.offset(inc.StartsAt), v.ago(inc.StartsAt)))
	p.field("lasted", plain, lasted(inc, v.Now))
	p.field("outcome", ofEnd(inc.End), inc.Reason)
	p.waiting(inc)
	p.changes(inc)
	if undoable(inc) {
		p.field("undo", bold, "guardian undo "+inc.ID)
	}
	t := timeline{page: p, inc: inc, shown: map[string]int{}}
	t.write(e.Events)
	return p.String()
}

func undoneMark(inc ledger.Incident) string {
	if inc.UndoneAt.IsZero() {
		return ""
	}
	return ", undone by " + clean(inc.UndoneBy)
}

// lasted is how long it was bad, and how much of that passed while Guardian knew of it.
func lasted(inc ledger.Incident, now time.Time) string {
	if inc.EndedAt.IsZero() {
		return fmt.Sprintf("%s so far", span(now.Sub(inc.StartsAt)))
	}
	return fmt.Sprintf("%s; Guardian was told after %s and took %s", span(inc.EndedAt.Sub(inc.StartsAt)),
		span(inc.OpenedAt.Sub(inc.StartsAt)), span(inc.EndedAt.Sub(inc.OpenedAt)))
}

// waiting says what an open incident waits for, and what a person can do.
func (p *page) waiting(inc ledger.Incident) {
	switch {
	case inc.End != "":
	case !inc.AskedAt.IsZero():
		why := ""
		if inc.Current >= 0 && inc.Current < len(inc.Plan) {
			why = fmt.Sprintf(" to %s, because %s", inc.Plan[inc.Current].What(), inc.Plan[inc.Current].Ask)
		}
		p.field("asks", yellow, fmt.Sprintf("since %s for a person's approval%s", p.clock(inc.AskedAt), why))
		p.field("", bold, "guardian approve "+inc.ID)
		p.field("", bold, "guardian reject "+inc.ID)
	case !inc.HeldSince.IsZero():
		p.field("held", yellow, fmt.Sprintf("since %s in step %s: it goes on by itself", p.clock(inc.HeldSince), inc.Step))
	}
}

// changes lists what Guardian changed in the world and how each change stands now.
func (p *page) changes(inc ledger.Incident) {
	label := "changed"
	for _, e := range inc.Effects {
		how, s := effectState(e)
		at := ""
		if when := standsSince(e); !when.IsZero() {
			at = " " + p.clock(when)
		}
		p.field(label, s, e.What+": "+how+at)
		label = ""
	}
	if label != "" && inc.End != "" {
		p.field(label, plain, "nothing")
	}
}

func effectState(e ledger.Effect) (string, style) {
	switch {
	case e.Refused:
		return "refused, changed nothing", dim
	case !e.UndoneAt.IsZero():
		return "undone by " + e.UndoneBy, dim
	case e.DoneAt.IsZero():
		return "asked for; whether it was done is not known", red
	}
	return "done", plain
}

func standsSince(e ledger.Effect) time.Time {
	switch {
	case e.Refused:
		return time.Time{}
	case !e.UndoneAt.IsZero():
		return e.UndoneAt
	case e.DoneAt.IsZero():
		return e.DecidedAt
	}
	return e.DoneAt
}

// undoable tells whether anything that Guardian did still stands after the end.
func undoable(inc ledger.Incident) bool {
	return inc.End != "" && slices.ContainsFunc(inc.Effects, func(e ledger.Effect) bool {
		return !e.Refused && e.UndoneAt.IsZero()
	})
}
