package cli_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cinegit/guardian/internal/api"
	"github.com/cinegit/guardian/internal/cli"
	"github.com/cinegit/guardian/internal/ledger"
	"github.com/cinegit/guardian/internal/remedy"
)

func TestAnIncidentIsToldAsATimelineInEightyColumns(t *testing.T) {
	for name, incident := range map[string]api.Explained{"healed": healed(), "dirty": dirty(), "asking": asking(), "held": held()} {
		t.Run(name, func(t *testing.T) {
			page := view().Explain(incident)
			golden(t, "explain-"+name, page)
			fits(t, page, 80)
		})
	}
}

func TestColoursChangeNothingButTheColours(t *testing.T) {
	v := view()
	plain := v.Explain(healed()) + v.Status(status()) + v.Incidents([]ledger.Incident{healed().Incident})
	v.Color = true
	coloured := v.Explain(healed()) + v.Status(status()) + v.Incidents([]ledger.Incident{healed().Incident})
	if !strings.Contains(coloured, "\x1b[32mHealed\x1b[0m") {
		t.Error("Healed is not green")
	}
	if diff := cmp.Diff(plain, withoutColour(coloured)); diff != "" {
		t.Errorf("(-plain +coloured):\n%s", diff)
	}
}

// withoutColour takes the ANSI sequences out, and the spaces that they hid at the end of a line.
func withoutColour(s string) string {
	for {
		from := strings.Index(s, "\x1b[")
		if from < 0 {
			break
		}
		s = s[:from] + s[from+strings.Index(s[from:], "m")+1:]
	}
	lines := strings.Split(s, "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return strings.Join(lines, "\n")
}

func TestANarrowScreenStillHoldsAnIncident(t *testing.T) {
	v := view()
	v.Width = 50
	page := v.Explain(healed())
	golden(t, "explain-narrow", page)
	fits(t, page, 50)
}

func TestTimesAreInTheReadersZoneNamedOnce(t *testing.T) {
	v := view()
	if n := strings.Count(v.Explain(healed()), "UTC+01:00"); n != 1 {
		t.Errorf("the zone is named %d times", n)
	}
	v.Zone = time.UTC
	page := v.Explain(healed())
	if !strings.Contains(page, "2026-11-22 16:02:10 UTC, ") || strings.Contains(page, "17:02:10") {
		t.Errorf("not in UTC:\n%s", page)
	}
}

func TestWhatAlertsSayCannotSteerTheTerminal(t *testing.T) {
	evil := "a\x1b[2J\x1b]0;owned\a b\r\nc\u202Ed\u009b31m"
	e := healed()
	e.Incident.Alerts[0] = ledger.Alert{Name: evil, Summary: evil, Link: evil, Runbook: evil}
	e.Incident.Rule, e.Incident.Reason, e.Incident.ID, e.Incident.UndoneBy, e.Incident.UndoneAt = evil, evil, evil, evil, at("17:00:00")
	e.Incident.Effects[0].What = evil
	for i := range e.Events {
		e.Events[i].Text = evil
	}
	e.Events[1].Findings[0].Reason, e.Events[1].Findings[0].Query, e.Events[1].Findings[0].Link = evil, evil, evil
	s := status()
	s.Version, s.Policy.Problem, s.Targets[0].Trouble, s.Ignored[0].Text, s.Connections[1].Why = evil, evil, evil, evil, evil
	s.Targets[0].Service, s.Quarantines[0].Label, s.Freezes[0].Why = evil, evil, evil
	v := view()
	page := v.Explain(e) + v.Status(s) + v.Incidents([]ledger.Incident{e.Incident}) +
		v.Frozen(ledger.Freeze{Service: evil, Stage: evil, Why: evil, By: evil}) + v.Approved(e.Incident) + v.Undone(e.Incident)
	for _, bad := range []string{"\x1b", "\a", "\r", "\u202E", "\u009b"} {
		if strings.Contains(page, bad) {
			t.Errorf("%q reaches the terminal", bad)
		}
	}
}

func TestStatusShowsWhatNeedsAPerson(t *testing.T) {
	page := view().Status(status())
	golden(t, "status", page)
	fits(t, page, 80)
	golden(t, "status-quiet", view().Status(quiet()))
}

func TestPipedTablesAreNeverCut(t *testing.T) {
	v := view()
	v.Width = 0
	incidents := []ledger.Incident{healed().Incident, dirty().Incident, asking().Incident, held().Incident}
	page := v.Incidents(incidents)
	golden(t, "incidents-piped", page)
	if n := strings.Count(page, "\n"); n != len(incidents)+1 {
		t.Errorf("%d lines for %d incidents", n, len(incidents))
	}
	v.Width = 80
	page = v.Incidents(incidents)
	golden(t, "incidents", page)
	fits(t, page, 80)
	if got := v.Incidents(nil); got != "no incident yet\n" {
		t.Errorf("none: %q", got)
	}
}

func TestColumnsStandBelowEachOtherWithWideLetters(t *testing.T) {
	s := status()
	s.Targets[2].Trouble = ""
	v := view()
	v.Width = 0
	var columns []int
	for line := range strings.Lines(v.Status(s)) {
		if before, _, ok := strings.Cut(line, "observe only"); ok {
			columns = append(columns, len([]rune(before))+2) // two letters of the service are two columns wide
		}
		if before, _, ok := strings.Cut(line, "NOTES"); ok {
			columns = append(columns, len([]rune(before)))
		}
	}
	if len(columns) != 2 || columns[0] != columns[1] {
		t.Errorf("the notes begin in columns %v", columns)
	}
}

func TestAnswersSayWhatWasDoneAndHowToGoOn(t *testing.T) {
	v := view()
	done := dirty().Incident
	lifted := remedy.Released{AutoSync: true, Lifted: []ledger.Quarantine{{Target: prod, Label: "image.tag=v1.9.3", Incident: "review-prod-1f2e3d4c"}}}
	page := v.Undone(done) + v.Approved(asking().Incident) + v.Rejected(healed().Incident) +
		v.Frozen(ledger.Freeze{Service: "review", Stage: "prod", Until: at("19:30:00"), By: "kim", Why: "premiere"}) +
		v.Frozen(ledger.Freeze{Until: at("19:30:00"), By: "kim", Why: "premiere"}) +
		v.Unfrozen(api.Scope{Service: "review"}) + v.Unfrozen(api.Scope{}) + v.Released(prod, lifted) +
		v.Admitted(api.Admit{Target: prod, Release: "v1.9.4"}, remedy.Admission{Admitted: true, Why: "neither quarantined nor frozen"})
	golden(t, "answers", page)
	fits(t, page, 80)
}

func TestTheZeroViewDrawsWhatItIsGiven(t *testing.T) {
	var v cli.View
	if page := v.Status(api.Status{}); !strings.Contains(page, "Open incidents") {
		t.Errorf("got %q", page)
	}
	if page := v.Explain(api.Explained{}); page == "" {
		t.Error("nothing")
	}
}
