//go:build e2e

package aws_test

import (
	"io"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cinegit/guardian/internal/e2e/aws/runtimeapi"
	"github.com/cinegit/guardian/internal/lambdakit/names"
)

// begun is what a function says of its start, and how it answers its first event.
type begun struct {
	lines []string // of its log, without metrics
	error string
	ready bool
}

// begin starts a function with some variables other than the template's; an empty one is not there.
func (w *world) begin(t *testing.T, function string, other map[string]string) begun {
	t.Helper()
	r := w.function(function)
	bootstrap, err := w.template.Bootstrap(r.ID)
	must(t, err)
	env := w.environment(r)
	for name, value := range other {
		if env[name] = value; value == "" {
			delete(env, name)
		}
	}
	log := &lines{file: io.Discard}
	f := runtimeapi.New(runtimeapi.Config{Name: r.Text("FunctionName"), Bootstrap: bootstrap, Env: env, Timeout: 20 * time.Second, Log: log})
	result, err := f.Invoke(t.Context(), []byte(`{}`))
	f.Close() // and its log is whole
	must(t, err)
	out := begun{error: result.Error + ": " + result.Message, ready: result.Error != "Unready"}
	for line := range strings.Lines(log.String()) {
		if !strings.Contains(line, `"_aws"`) {
			out.lines = append(out.lines, strings.TrimSpace(line))
		}
	}
	return out
}

// TestStackSaysInOneLineWhyAFunctionCannotStart takes from every function each variable that it needs, and
// gives it wrong ones.
func TestStackSaysInOneLineWhyAFunctionCannotStart(t *testing.T) {
	w := newWorld(t, setup{})
	t.Run("as deployed", func(t *testing.T) {
		for _, f := range names.Functions() {
			if got := w.begin(t, f.Name, nil); !got.ready {
				t.Errorf("%s: %s", f.Name, got.error)
			}
		}
	})
	for _, f := range names.Functions() {
		for _, variable := range f.Env {
			if !slices.Contains(f.Optional, variable) {
				t.Run(f.Name+" without "+variable, func(t *testing.T) {
					w.begin(t, f.Name, map[string]string{variable: ""}).wants(t, variable+" is missing")
				})
			}
		}
	}
	for name, tt := range map[string]struct {
		function, variable, value string
		want                      string
	}{
		"no such table":         {"decide", names.Table, "elsewhere", "GUARDIAN_TABLE"},
		"no such bucket":        {"decide", names.Policy, "s3://elsewhere/guardian.yaml", "s3://elsewhere/guardian.yaml"},
		"a policy's other form": {"judge", names.Policy, "/etc/guardian.yaml", "is not an object's address"},
		"no such secret":        {"alerts", names.Tokens, "secret:guardian/elsewhere", "secret:guardian/elsewhere"},
		"no URL":                {"alerts", names.QueueURL, "intake", "is not the URL of a queue"},
		"no ARN":                {"dispatch", names.StateMachine, "remediation", "is not the ARN of a state machine"},
		"no level":              {"notify", names.LogLevel, "loud", "GUARDIAN_LOG_LEVEL"},
	} {
		t.Run(name, func(t *testing.T) {
			w.begin(t, tt.function, map[string]string{tt.variable: tt.value}).wants(t, tt.want)
		})
	}
	t.Run("two mistakes", func(t *testing.T) {
		got := w.begin(t, "dispatch", map[string]string{names.Table: "", names.StateMachine: "x"})
		got.wants(t, names.Table+" is missing")
		got.wants(t, names.StateMachine+" is not the ARN")
	})
	// The roles know no other table, bucket or secret, so that AWS denies before it can say that there is none.
	w.forgive("guardian-decide", "guardian-alerts")
}

// wants fails the test unless the function is not ready, and says so in one line with a text in it.
func (b begun) wants(t *testing.T, text string) {
	t.Helper()
	if b.ready || !strings.Contains(b.error, text) {
		t.Errorf("the first event: ready %t, %s; want %q in it", b.ready, b.error, text)
	}
	said := slices.DeleteFunc(slices.Clone(b.lines), func(l string) bool { return !strings.Contains(l, "not ready") })
	if len(said) != 1 || !strings.Contains(said[0], text) || strings.Contains(strings.Join(b.lines, ""), "panic") {
		t.Errorf("the log, of which one line should say %q:\n%s", text, strings.Join(b.lines, "\n"))
	}
}

// TestStackTakesAPolicyOverAndKeepsABadOneOut uploads policies while the functions run.
func TestStackTakesAPolicyOverAndKeepsABadOneOut(t *testing.T) {
	w := newWorld(t, setup{mode: "observe"})
	mode := func() string {
		status, err := w.operator.Status(t.Context())
		must(t, err)
		if status.Policy.Problem != "" {
			return "problem: " + status.Policy.Problem
		}
		return string(status.Mode)
	}
	if got := mode(); got != "observe" {
		t.Fatalf("mode %s", got)
	}
	w.putPolicy("mode: [")
	w.until("the mistake is told", func() bool { return strings.HasPrefix(mode(), "problem: ") })
	fresh := w.begin(t, "judge", nil)
	if !fresh.ready {
		t.Errorf("a function that starts meanwhile: %s", fresh.error)
	}
	w.putPolicy(w.policy("suggest"))
	w.until("the next one is in force", func() bool { return mode() == "suggest" })
}

// TestStackGivesEachFunctionWhatItIsListedWith compares the template's variables with the list.
func TestStackGivesEachFunctionWhatItIsListedWith(t *testing.T) {
	synthesised, err := stack()
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, template: synthesised}
	for _, f := range names.Functions() {
		got := slices.Sorted(maps.Keys(w.function(f.Name).Map("Environment", "Variables")))
		if diff := cmp.Diff(f.Env, got); diff != "" {
			t.Errorf("%s (-listed +set):\n%s", f.Name, diff)
		}
	}
}
