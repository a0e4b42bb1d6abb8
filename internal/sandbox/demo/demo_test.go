package demo

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/cinegit/guardian/internal/ledger"
)

func TestTheDemoPlaysBothActsAndSaysSoInItsLastLine(t *testing.T) {
	if testing.Short() {
		t.Skip("it plays in real time")
	}
	t.Parallel()
	dir := t.TempDir()
	var out bytes.Buffer
	if err := Run(t.Context(), Options{Out: &out, JSON: true, Dir: dir, Build: "test"}); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	var last ending
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &last); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(lines[len(lines)-1], `{"end":"Healed",`) || len(last.Incidents) != 2 || !last.RetryRefused || last.Data != dir {
		t.Errorf("last line %s", lines[len(lines)-1])
	}
	ends := map[string]ledger.End{}
	for _, line := range lines[:len(lines)-1] {
		var e ledger.Event
		if err := json.Unmarshal([]byte(line), &e); err != nil || e.Incident == "" || e.Text == "" {
			t.Fatalf("line %q is no event: %v", line, err)
		}
		if e.End != "" {
			ends[e.Target.String()] = e.End
		}
	}
	if diff := cmp.Diff(map[string]ledger.End{"review/prod": ledger.Healed, "player/prod": ledger.Healed}, ends); diff != "" {
		t.Error(diff)
	}
	raw, err := os.ReadFile(filepath.Join(dir, "flags.json"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Fields(flagDocument), strings.Fields(string(raw))); diff != "" {
		t.Errorf("the flag is not back where it was, or another one changed: %s", diff)
	}
}

func TestTheStoryFitsASmallTerminal(t *testing.T) {
	var out bytes.Buffer
	n := newNarrator(Options{Out: &out}, nil)
	n.say("Guardian %s", strings.Repeat("watches what was shipped and says so – at length – ", 8))
	n.event(ledger.Event{At: time.Now(), Kind: ledger.EventDecision, Text: strings.Repeat("because the error ratio rose ", 10)})
	n.refused(strings.Repeat("quarantined ", 20))
	for line := range strings.Lines(out.String()) {
		if w := utf8.RuneCountInString(strings.TrimRight(line, "\n")); w > width {
			t.Errorf("%d columns: %s", w, line)
		}
	}
	for _, word := range []string{"decision", "refused", "Guardian watches"} {
		if !strings.Contains(out.String(), word) {
			t.Errorf("the story lacks %q:\n%s", word, out.String())
		}
	}
}

func TestColoursAreOnlyUsedWhereAskedFor(t *testing.T) {
	end := ledger.Event{Kind: ledger.EventEnd, End: ledger.Healed, Text: "Healed: it helped"}
	for _, colours := range []bool{true, false} {
		var out bytes.Buffer
		newNarrator(Options{Out: &out, Color: colours}, nil).event(end)
		if got := strings.Contains(out.String(), "\x1b["); got != colours {
			t.Errorf("colours %v: %q", colours, out.String())
		}
	}
}

func TestNothingButJSONIsPrintedForPrograms(t *testing.T) {
	var out bytes.Buffer
	n := newNarrator(Options{Out: &out, JSON: true}, nil)
	n.act("Act 1")
	n.say("a story")
	n.refused("a reason")
	if out.Len() > 0 {
		t.Errorf("printed %q", out.String())
	}
}
