package proc_test

import (
	"context"
	"errors"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cinegit/guardian/internal/e2e/proc"
)

// shell runs a script that ends when it is asked to.
func shell(t *testing.T, script string) *proc.Process {
	t.Helper()
	path, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("there is no sh to run")
	}
	p, err := proc.Start(proc.Program{Name: "script", Path: path, Args: []string{"-c", script}, Logs: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Kill)
	return p
}

func TestAProcessThatEndsTooEarlyIsToldWithTheEndOfItsLog(t *testing.T) {
	p := shell(t, "echo the port is taken; exit 3")
	err := p.Ready(t.Context(), func(context.Context) error { return errors.New("nobody listens") })
	for _, want := range []string{"script ended", "exit status 3", "nobody listens", "the port is taken"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %q lacks %q", err, want)
		}
	}
}

func TestAProcessIsReadyOnceItsProbeSucceeds(t *testing.T) {
	p := shell(t, "while :; do sleep 1; done")
	asked := 0
	err := p.Ready(t.Context(), func(context.Context) error {
		if asked++; asked < 3 {
			return errors.New("not yet")
		}
		return nil
	})
	if err != nil || asked != 3 {
		t.Errorf("asked %d times, error %v", asked, err)
	}
}

func TestStopLetsAProcessEndByItself(t *testing.T) {
	p := shell(t, "trap 'exit 0' TERM; sleep 3600 & echo started; wait")
	if err := p.Ready(t.Context(), func(context.Context) error {
		if p.Tail(1) != "started" {
			return errors.New("not started")
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	p.Stop()
	<-p.Exited()
	if err := p.Err(); err != nil {
		t.Errorf("it ended with %v, want exit status 0", err)
	}
}

func TestKillEndsAProcessThatWouldNot(t *testing.T) {
	p := shell(t, "trap '' TERM; while :; do sleep 1; done")
	p.Kill()
	<-p.Exited()
	if p.Err() == nil {
		t.Error("a killed process ended with exit status 0")
	}
	p.Stop() // of one that is gone does nothing
}

func TestAMissingProgramIsToldWithTheCommandThatGetsIt(t *testing.T) {
	_, err := proc.Find("guardian-no-such-program", "some-package")
	if want := "guardian-no-such-program is not installed: sudo apt-get install --no-install-recommends some-package"; err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
}

func TestNoPortIsGivenTwice(t *testing.T) {
	ports, err := proc.Ports(50)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[int]bool{}
	for _, p := range ports {
		if seen[p] {
			t.Errorf("port %d is given twice", p)
		}
		seen[p] = true
	}
}

func TestUntilGivesTheLastReasonWhenItsTimeIsOver(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	err := proc.Until(ctx, func(context.Context) error {
		cancel()
		return errors.New("still red")
	})
	if !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "still red") {
		t.Errorf("error %v, want the cancellation and the probe's reason", err)
	}
}

func TestAProgramWithoutAFolderForItsLogIsNotStarted(t *testing.T) {
	_, err := proc.Start(proc.Program{Name: "script", Path: "/bin/true", Logs: filepath.Join(t.TempDir(), "missing")})
	if err == nil || !strings.Contains(err.Error(), "start script") {
		t.Errorf("error %v, want one that names the program", err)
	}
}
