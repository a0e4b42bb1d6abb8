package main

import (
	"errors"
	"net/http/httptest"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"guardian": main})
}

func TestScripts(t *testing.T) {
	live := httptest.NewServer(fakeServe(time.Now()))
	t.Cleanup(live.Close)
	prometheus := httptest.NewServer(recorded(t).Handler())
	t.Cleanup(prometheus.Close)
	dead := httptest.NewServer(nil)
	dead.Close()
	testscript.Run(t, testscript.Params{
		Dir:                "testdata/script",
		RequireUniqueNames: true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("GUARDIAN_URL", live.URL)
			env.Setenv("GUARDIAN_TOKEN", "operator-token")
			env.Setenv("PROMETHEUS_URL", prometheus.URL)
			env.Setenv("DEAD_URL", dead.URL)
			env.Setenv("TZ", "UTC")
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"code": code},
	})
}

// code runs a program and checks its exit code: code 3 guardian admit …
func code(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: code N program [argument...]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	var failed *exec.ExitError
	switch err := ts.Exec(args[1], args[2:]...); {
	case errors.As(err, &failed):
		got = failed.ExitCode()
	case err != nil:
		ts.Fatalf("%v", err)
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}
