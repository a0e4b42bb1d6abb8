package main

import (
	"bytes"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/cinegit/guardian/internal/api"
)

func TestColoursAreForTerminalsThatWantThem(t *testing.T) {
	cases := map[string]struct {
		terminal, flag bool
		env            map[string]string
		want           bool
	}{
		"a terminal":        {terminal: true, want: true},
		"a pipe":            {},
		"--no-color":        {terminal: true, flag: true},
		"NO_COLOR":          {terminal: true, env: map[string]string{"NO_COLOR": "1"}},
		"an empty NO_COLOR": {terminal: true, env: map[string]string{"NO_COLOR": ""}, want: true},
		"a dumb terminal":   {terminal: true, env: map[string]string{"TERM": "dumb"}},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			c := &console{isTerminal: test.terminal, env: func(n string) string { return test.env[n] }, now: time.Now}
			if got := c.view(&globals{NoColor: test.flag}).Color; got != test.want {
				t.Errorf("colour is %t", got)
			}
		})
	}
}

func TestEveryKindOfFailureHasItsExitCode(t *testing.T) {
	for status, want := range map[int]int{400: 2, 413: 2, 401: 5, 403: 5, 404: 4, 409: 3, 500: 1, 502: 1, 418: 1} {
		err := fmt.Errorf("ask: %w", &api.Error{Status: status, Message: "no"})
		if got := exitCode(err); got != want {
			t.Errorf("status %d gives exit code %d, want %d", status, got, want)
		}
	}
	if got := exitCode(errors.New("anything else")); got != exitFailure {
		t.Errorf("anything else gives %d", got)
	}
}

func TestWhatWasToldIsNotToldAgain(t *testing.T) {
	var stderr bytes.Buffer
	c := &console{stderr: &stderr}
	if got := c.fail(told{kind{errors.New("not admitted"), errRefused}}); got != exitRefused || stderr.Len() > 0 {
		t.Errorf("exit code %d, stderr %q", got, stderr.String())
	}
	if got := c.fail(errors.New("broken")); got != exitFailure || stderr.String() != "guardian: broken\n" {
		t.Errorf("exit code %d, stderr %q", got, stderr.String())
	}
}

// broken is a full disk or a closed pipe.
type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }

func TestAnAnswerThatCannotBePrintedIsAFailure(t *testing.T) {
	for _, args := range [][]string{{"version"}, {"version", "--json"}, {"schema"}, {"completion", "fish"}} {
		c := &console{stdout: broken{}, stderr: &bytes.Buffer{}, env: func(string) string { return "" }, now: time.Now}
		if got := run(args, c); got != exitFailure {
			t.Errorf("%v: exit code %d", args, got)
		}
	}
}
