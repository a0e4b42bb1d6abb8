//go:build e2e

package aws_test

import (
	"bytes"
	"errors"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// guardian runs the program against the operators' URL and gives what it says and its exit code.
func (w *world) guardian(token string, args ...string) (said string, code int) {
	w.t.Helper()
	dir, err := built()
	must(w.t, err)
	c := exec.CommandContext(w.t.Context(), filepath.Join(dir, flat, "guardian"), args...)
	c.Env = []string{"HOME=" + w.t.TempDir(), "GUARDIAN_URL=" + w.urls["operator"], "GUARDIAN_TOKEN=" + token, "NO_COLOR=1"}
	var out bytes.Buffer
	c.Stdout, c.Stderr = &out, &out
	err = c.Run()
	var failed *exec.ExitError
	if err != nil && !errors.As(err, &failed) {
		w.t.Fatal(err)
	}
	return out.String(), c.ProcessState.ExitCode()
}

// says fails the test unless the program ends with a code and says all of some texts.
func (w *world) says(code int, args []string, texts ...string) {
	w.t.Helper()
	said, got := w.guardian(annaToken, args...)
	if got != code {
		w.t.Errorf("guardian %s: exit code %d, want %d: %s", strings.Join(args, " "), got, code, said)
	}
	for _, text := range texts {
		if !strings.Contains(said, text) {
			w.t.Errorf("guardian %s does not say %q:\n%s", strings.Join(args, " "), text, said)
		}
	}
}

// quarantined is the release that is, as people name it.
func (w *world) quarantined() string {
	w.t.Helper()
	status, err := w.operator.Status(w.t.Context())
	must(w.t, err)
	if len(status.Quarantines) != 1 {
		w.t.Fatalf("quarantined are %v, want one release", status.Quarantines)
	}
	return status.Quarantines[0].Label
}

// TestStackAnswersTheProgramOfOperators has a person look, approve, freeze and undo on the command line.
func TestStackAnswersTheProgramOfOperators(t *testing.T) {
	w := newWorld(t, setup{mode: "suggest"})
	w.badRelease()
	if said, code := w.guardian("guessed", "status"); code != 5 || strings.Contains(said, "player") {
		t.Errorf("with another's token: exit code %d: %s", code, said)
	}
	w.fire("player")
	id := w.waits()
	w.says(0, []string{"status"}, "suggest", "player", id)
	w.says(0, []string{"approve", id, "--why", "the dashboard says so too"}, id)
	w.healedOnce()
	w.says(0, []string{"explain", "last"}, "anna approved", "Healed")
	w.says(3, []string{"admit", "player", "prod", w.quarantined()}, id)
	w.says(0, []string{"admit", "search", "prod", "v2"})
	w.says(0, []string{"freeze", "search", "--for", "1h", "--why", "the finale"}, "search")
	w.says(0, []string{"status"}, "the finale")
	w.says(3, []string{"admit", "search", "prod", "v2"}, "the finale")
	w.says(0, []string{"unfreeze", "search"}, "search")
	w.says(0, []string{"admit", "search", "prod", "v2"})
	w.says(0, []string{"undo", "last", "--why", "it was the network"}, id)
	w.until("player runs v2 again", func() bool { return w.argo.runs("player", "v2") && w.argo.history("player") == 4 })
	w.says(4, []string{"undo", "no-such-incident"})
}
