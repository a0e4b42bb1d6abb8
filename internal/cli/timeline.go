package cli

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/cinegit/guardian/internal/health"
	"github.com/cinegit/guardian/internal/ledger"
)

// timeline writes the events of an incident below one another.
type timeline struct {
	*page
	inc   ledger.Incident
	notes footnotes
	shown map[string]int // findings so far, by step and gate
	since int            // columns of the time since the alert began
	kinds int            // columns of the event's kind
}

func (t *timeline) write(events []ledger.Event) {
	events = folded(events)
	if len(events) == 0 {
		return
	}
	t.title("Timeline")
	t.line("  %s", t.paint(dim, "since the alert began, and at what time"))
	for _, e := range events {
		t.since = max(t.since, len(sinceStart(e.At.Sub(t.inc.StartsAt))))
		t.kinds = max(t.kinds, len(e.Kind))
	}
	day := t.stamp(t.inc.StartsAt)[:len(time.DateOnly)]
	for _, e := range events {
		if d := t.stamp(e.At)[:len(time.DateOnly)]; d != day {
			t.line("  %s", t.paint(dim, d))
			day = d
		}
		t.event(e)
	}
	t.alerts()
	t.footnotes(t.notes)
}

// folded leaves an announcement out where the effect that it announces comes next.
func folded(events []ledger.Event) []ledger.Event {
	var out []ledger.Event
	for i, e := range events {
		if i+1 < len(events) && events[i+1].Kind == ledger.EventEffect && e.Text == "about to "+events[i+1].Text {
			continue
		}
		out = append(out, e)
	}
	return out
}

func sinceStart(d time.Duration) string {
	if d < 0 {
		return span(d)
	}
	return "+" + span(d)
}

// minText is the fewest columns that the text of events is set in beside the times.
const minText = 28

// column is where the text of events begins. On a narrow screen it stands below the times.
func (t *timeline) column() int {
	beside := t.since + len(time.TimeOnly) + t.kinds + 4*len(gap)
	if t.columns()-beside < minText {
		return 2 * len(gap)
	}
	return beside
}

func (t *timeline) event(e ledger.Event) {
	lead := gap + padLeft(sinceStart(e.At.Sub(t.inc.StartsAt)), t.since) + gap + t.paint(dim, t.clock(e.At)) + gap +
		t.paint(ofKind(e), pad(clean(string(e.Kind)), t.kinds)) + gap
	margin := strings.Repeat(" ", t.column())
	if t.column() == 2*len(gap) {
		t.line("%s", lead)
		lead = margin
	}
	for _, line := range wrap(clean(headline(e, t.inc.Reason)), t.columns()-t.column()) {
		t.line("%s%s", lead, t.paint(ofHeadline(e), line))
		lead = margin
	}
	for _, s := range e.Suspects {
		t.hang(t.column(), cell{fmt.Sprintf("%2.0f%%", 100*s.Score), bold}, text(s.Reason))
	}
	t.plan(e.Plan)
	for _, f := range e.Findings {
		t.finding(f, string(e.Step))
	}
}

// headline is the event's text, less what stands below it in detail.
func headline(e ledger.Event, reason string) string {
	switch {
	case e.Kind == ledger.EventEnd && e.Text == string(e.End)+": "+reason:
		return string(e.End) // the reason is the outcome, at the top
	case e.Kind == ledger.EventAlert:
		return strings.TrimPrefix(e.Text, "alert ")
	case len(e.Suspects) > 0:
		return plural(len(e.Suspects), "one thing changed before the alert:", fmt.Sprintf("%d things changed before the alert, the likeliest cause first:", len(e.Suspects)))
	case len(e.Plan) > 0 && ledger.Next(e.Plan) < 0:
		return "no remedy is left:"
	case len(e.Plan) > 0:
		return "chosen: " + e.Plan[ledger.Next(e.Plan)].What()
	}
	all := make([]string, 0, len(e.Findings)+1)
	for _, f := range e.Findings {
		all = append(all, f.Gate+": "+f.Reason)
	}
	for _, detail := range append(all, strings.Join(all, "; ")) {
		if short, ok := strings.CutSuffix(e.Text, ": "+detail); ok {
			return short
		}
	}
	return e.Text
}

// plan lists what was not chosen, and why.
func (t *timeline) plan(plan []ledger.Remedy) {
	at := ledger.Next(plan)
	for i, r := range plan {
		words := r.What()
		switch {
		case i == at && r.Ask != "":
			t.hang(t.column(), cell{"asks:", yellow}, text("a person must approve, because "+r.Ask))
		case i == at:
		case r.Refused != "":
			t.hang(t.column(), cell{"refused:", yellow}, text(words+", because "+r.Refused))
		case r.Tried:
			t.hang(t.column(), cell{"tried:", dim}, text(words+": "+r.Outcome))
		default:
			t.hang(t.column(), cell{"later:", dim}, text(words))
		}
	}
}

// finding writes what a gate said, with what it was held against and the query the first time in a
// step.
func (t *timeline) finding(f health.Finding, step string) {
	verdict := clean(string(f.Verdict))
	if f.DryRun {
		verdict += " (dry run, does not count)"
	}
	t.hang(t.column(), cell{verdict, ofVerdict(f.Verdict)}, text(f.Gate+": "+f.Reason))
	if f.Evidence != nil && f.Evidence.Windows > 0 {
		t.hang(t.column()+len(gap), cell{}, cell{f.Evidence.String(), dim})
	}
	t.shown[step+"/"+f.Gate]++
	if t.shown[step+"/"+f.Gate] > 1 || f.Query == "" {
		return
	}
	mark := t.notes.mark(footnote{query: f.Query, url: f.Link, at: f.At})
	t.hang(t.column()+len(gap), cell{}, cell{measured(f) + " " + mark, dim})
}

func measured(f health.Finding) string {
	words := "no value"
	if f.Value != nil {
		words = "value " + strconv.FormatFloat(*f.Value, 'g', 4, 64)
	}
	if f.Threshold != "" {
		words += ", held against " + f.Threshold
	}
	if f.Window != "" {
		words += ", over " + f.Window
	}
	return words
}

// alerts lists the alerts with their links.
func (t *timeline) alerts() {
	if len(t.inc.Alerts) == 0 {
		return
	}
	t.title("Alerts")
	for _, a := range t.inc.Alerts {
		words := a.Name + ", began " + t.clock(a.StartsAt)
		if !a.ResolvedAt.IsZero() {
			words += ", resolved " + t.clock(a.ResolvedAt)
		}
		if a.Summary != "" {
			words += ": " + a.Summary
		}
		if mark := t.notes.mark(footnote{url: a.Link}); mark != "" {
			words += " " + mark
		}
		if mark := t.notes.mark(footnote{url: a.Runbook}); mark != "" {
			words += ", runbook " + mark
		}
		t.hang(len(gap), cell{}, text(words))
	}
}
