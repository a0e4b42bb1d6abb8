package completion_test

import (
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"github.com/cinegit/guardian/internal/cli/completion"
)

// line is a command line with one of everything.
type line struct {
	Everywhere string `help:"Where it's at: here [or there]. And more."`
	Quiet      bool   `help:"Say nothing."`
	CAFile     string `name:"ca-file" type:"path" help:"A file."`
	Hidden     string `hidden:"" help:"Not for people."`
	Open       struct {
		File  string `arg:"" help:"What to open."`
		Times int    `help:"How often."`
	} `cmd:"" help:"Open a file; close it later."`
	Paint struct {
		Colour string `arg:"" enum:"red,blue" help:"Which."`
	} `cmd:"" help:"Paint."`
	Group struct {
		Below struct {
			Deep int `help:"How deep."`
		} `cmd:"" help:"Go below."`
	} `cmd:"" help:"Have commands below."`
	Secret struct{} `cmd:"" hidden:"" help:"Not for people."`
}

func script(t *testing.T, shell string) string {
	t.Helper()
	parser, err := kong.New(&line{}, kong.Name("guardian"))
	if err != nil {
		t.Fatal(err)
	}
	out, err := completion.Script(shell, parser.Model)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestEveryShellKnowsEveryCommandFlagAndValueButNotTheHidden(t *testing.T) {
	for _, shell := range completion.Shells() {
		out := script(t, shell)
		for _, want := range []string{"open", "paint", "red", "blue", "everywhere", "quiet", "ca-file", "times", "group", "below", "deep"} {
			if !strings.Contains(out, want) {
				t.Errorf("%s does not know %s", shell, want)
			}
		}
		for _, bad := range []string{"secret", "hidden"} {
			if strings.Contains(out, bad) {
				t.Errorf("%s tells of %s", shell, bad)
			}
		}
	}
}

func TestHelpTextsDoNotBreakTheScripts(t *testing.T) {
	if want := `'--everywhere[Where it’s at - here (or there)]:value: '`; !strings.Contains(script(t, "zsh"), want) {
		t.Errorf("zsh lacks %s", want)
	}
	if want := `-l everywhere -d 'Where it’s at: here [or there]' -x`; !strings.Contains(script(t, "fish"), want) {
		t.Errorf("fish lacks %s", want)
	}
}

func TestAnUnknownShellIsRefused(t *testing.T) {
	parser, err := kong.New(&line{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := completion.Script("tcsh", parser.Model); err == nil || !strings.Contains(err.Error(), "bash, zsh, fish") {
		t.Errorf("got %v", err)
	}
}
