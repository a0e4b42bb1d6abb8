package main

import (
	"io"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
	"github.com/google/go-cmp/cmp"
)

func content(t *testing.T, file string) string {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func model(t *testing.T) *kong.Application {
	t.Helper()
	parser, err := newParser(&program{}, &console{stdout: io.Discard, stderr: io.Discard}, func(int) {})
	if err != nil {
		t.Fatal(err)
	}
	return parser.Model
}

func TestTheGuideHasEveryCommandInTheProgramsOrderWithAnExample(t *testing.T) {
	guide := content(t, "../../docs/cli.md")
	var have, want []string
	for _, section := range strings.Split(guide, "\n### ")[1:] {
		title, body, _ := strings.Cut(section, "\n")
		have = append(have, strings.TrimPrefix(title, "guardian "))
		if !strings.Contains(body, "\n    "+title) && !strings.Contains(body, "$("+title) {
			t.Errorf("%s has no example", title)
		}
	}
	for _, command := range model(t).Leaves(true) {
		want = append(want, strings.TrimPrefix(command.FullPath(), "guardian "))
	}
	if diff := cmp.Diff(want, have); diff != "" {
		t.Errorf("commands (-program +guide):\n%s", diff)
	}
}

func TestTheGuideNamesEveryFlagAndNoOther(t *testing.T) {
	guide := content(t, "../../docs/cli.md")
	app := model(t)
	var flags []string
	for _, node := range append([]*kong.Node{app.Node}, app.Leaves(true)...) {
		for _, flag := range node.Flags {
			flags = append(flags, "--"+flag.Name)
			if flag.Name != "help" && !strings.Contains(guide, "--"+flag.Name) {
				t.Errorf("--%s is not in the guide", flag.Name)
			}
		}
	}
	for _, word := range strings.FieldsFunc(guide, func(r rune) bool { return strings.ContainsRune(" \n`,();", r) }) {
		if strings.HasPrefix(word, "--") && len(word) > 2 && !slices.Contains(flags, word) {
			t.Errorf("the guide names %s, which no command has", word)
		}
	}
}

func TestTheGuideNamesTheExitCodesAsHelpDoes(t *testing.T) {
	guide := content(t, "../../docs/cli.md")
	for line := range strings.Lines(exitCodes) {
		number, meaning, _ := strings.Cut(strings.TrimSpace(line), "  ")
		if row := "| " + number + " | " + meaning + " |"; !strings.Contains(guide, row) {
			t.Errorf("the guide lacks %q", row)
		}
	}
}

func TestTheGuideShowsAnIncidentAsTheProgramDraws(t *testing.T) {
	page := content(t, "../../testdata/golden/cli/explain-healed.txt")
	if !strings.Contains(content(t, "../../docs/cli.md"), page) {
		t.Error("put testdata/golden/cli/explain-healed.txt into docs/cli.md anew")
	}
}

func TestTheGuideShowsATestOfGatesAsTheProgramDraws(t *testing.T) {
	page := content(t, "../../testdata/golden/cli/gate-test-guide.txt")
	if !strings.Contains(content(t, "../../docs/cli.md"), page) {
		t.Error("put testdata/golden/cli/gate-test-guide.txt into docs/cli.md anew")
	}
}

func TestTheGuideShowsABacktestAsTheProgramDraws(t *testing.T) {
	page, _, _ := strings.Cut(content(t, "../../testdata/golden/cli/backtest.txt"), "\nWould have been reverted rightly")
	if !strings.Contains(content(t, "../../docs/cli.md"), page) {
		t.Error("put the beginning of testdata/golden/cli/backtest.txt into docs/cli.md anew")
	}
}
