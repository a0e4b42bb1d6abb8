package openfeature_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cinegit/guardian/internal/adapter/flagd"
	"github.com/cinegit/guardian/internal/adapter/openfeature"
	"github.com/cinegit/guardian/internal/flag"
	"github.com/cinegit/guardian/internal/ledger"
)

const document = `{
  "flags": {
    "bool":     {"state": "ENABLED", "variants": {"on": true, "off": false}, "defaultVariant": "on"},
    "text":     {"state": "ENABLED", "variants": {"a": "x", "b": "y"}, "defaultVariant": "a"},
    "number":   {"state": "ENABLED", "variants": {"one": 1, "half": 0.5}, "defaultVariant": "half"},
    "object":   {"state": "ENABLED", "variants": {"full": {"n": 1}, "none": {}}, "defaultVariant": "none"},
    "list":     {"state": "ENABLED", "variants": {"all": [1, 2]}, "defaultVariant": "all"},
    "disabled": {"state": "DISABLED", "variants": {"on": true, "off": false}, "defaultVariant": "off"},
    "targeted": {"state": "ENABLED", "variants": {"on": true, "off": false}, "defaultVariant": "off",
                 "targeting": {"if": [{"$ref": "everybody"}, "on"]}},
    "astray":   {"state": "ENABLED", "variants": {"on": true}, "defaultVariant": "on", "targeting": {"if": [true, "nowhere"]}}
  },
  "$evaluators": {"everybody": {"==": [1, 1]}}
}`

// open makes a store and an evaluator over the same document.
func open(t *testing.T, text string) (flags openfeature.Flags, path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "flags.json")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	store := flagd.New(path)
	evaluator, err := openfeature.NewInProcess(t.Context(), store.Document, 0)
	return openfeature.Flags{Store: store, Evaluator: closed(t, evaluator, err)}, path
}

// closed ends an evaluator with its test.
func closed(t *testing.T, e *openfeature.Evaluator, err error) *openfeature.Evaluator {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
	return e
}

func wantServing(t *testing.T, e *openfeature.Evaluator, key, want string) {
	t.Helper()
	got, err := e.Serving(t.Context(), key)
	if err != nil || got != want {
		t.Errorf("%s serves %q, want %q (error: %v)", key, got, want, err)
	}
}

func TestFlagsOfEveryTypeTellTheirVariant(t *testing.T) {
	flags, _ := open(t, document)
	for key, want := range map[string]string{
		"bool": "on", "text": "a", "number": "half", "object": "none", "list": "all", "targeted": "on",
		"disabled": "", // the default in the callers' code
	} {
		wantServing(t, flags.Evaluator, key, want)
	}
}

func TestAFlipIsSeenAtOnce(t *testing.T) {
	flags, _ := open(t, document)
	for key, safe := range map[string]string{"bool": "off", "text": "b", "number": "one", "disabled": "off"} {
		before, err := flags.Flag(t.Context(), key)
		if err != nil {
			t.Fatal(err)
		}
		written, err := flags.Kill(t.Context(), before, safe)
		if err != nil {
			t.Fatal(err)
		}
		wantServing(t, flags.Evaluator, key, safe)
		if err := flags.Restore(t.Context(), before, written); err != nil {
			t.Fatal(err)
		}
	}
	wantServing(t, flags.Evaluator, "bool", "on")
	wantServing(t, flags.Evaluator, "disabled", "")
}

func TestTargetingBeatsTheDefaultVariantUntilItIsKilled(t *testing.T) {
	flags, _ := open(t, document)
	wantServing(t, flags.Evaluator, "targeted", "on")
	before, err := flags.Flag(t.Context(), "targeted")
	if err != nil {
		t.Fatal(err)
	}
	if before.Serving != "off" {
		t.Fatalf("its default variant is %q, so that this test shows nothing", before.Serving)
	}
	if _, err := flags.Kill(t.Context(), before, "off"); err != nil {
		t.Fatal(err)
	}
	wantServing(t, flags.Evaluator, "targeted", "off")
}

func TestWhatCannotBeEvaluatedIsAnError(t *testing.T) {
	for name, tt := range map[string]struct {
		text, key string
		want      error
		says      string
	}{
		"unknown flag":       {document, "nothing", flag.ErrNotFound, "no flag nothing"},
		"unknown variant":    {document, "astray", flag.ErrUnavailable, "a variant that it does not have"},
		"broken document":    {`{"flags": {`, "bool", flag.ErrInvalid, "flags.json:1:11"},
		"refused by flagd":   {`{"flags": {"a": {"state": "ENABLED", "variants": {}, "defaultVariant": "x"}}}`, "a", flag.ErrInvalid, "default variant"},
		"document of a list": {`[]`, "a", flag.ErrInvalid, "not an object"},
	} {
		t.Run(name, func(t *testing.T) {
			flags, _ := open(t, tt.text)
			_, err := flags.Serving(t.Context(), tt.key)
			if !errors.Is(err, tt.want) || !strings.Contains(err.Error(), tt.says) || !strings.Contains(err.Error(), tt.key) {
				t.Errorf("error is %v", err)
			}
			if err != nil && strings.Count(err.Error(), tt.want.Error()) != 1 {
				t.Errorf("error repeats itself: %v", err)
			}
		})
	}
}

func TestADocumentThatIsMendedIsReadAgain(t *testing.T) {
	flags, path := open(t, document)
	wantServing(t, flags.Evaluator, "bool", "on")
	for _, step := range []struct {
		text string
		want error
	}{
		{`{"flags": {"bool": {"state": "ENABLED", "variants": {}, "defaultVariant": "x"}}}`, flag.ErrInvalid},
		{document, nil},
	} {
		if err := os.WriteFile(path, []byte(step.text), 0o600); err != nil {
			t.Fatal(err)
		}
		for range 2 { // the second time the version is known
			if _, err := flags.Serving(t.Context(), "bool"); !errors.Is(err, step.want) {
				t.Errorf("error is %v, want %v", err, step.want)
			}
		}
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if _, err := flags.Serving(t.Context(), "bool"); !errors.Is(err, flag.ErrUnavailable) {
		t.Errorf("error without a document is %v", err)
	}
}

func TestTwoEvaluatorsDoNotMeet(t *testing.T) {
	one, _ := open(t, document)
	other, _ := open(t, strings.Replace(document, `"defaultVariant": "on"`, `"defaultVariant": "off"`, 1))
	wantServing(t, one.Evaluator, "bool", "on")
	wantServing(t, other.Evaluator, "bool", "off")
}

func TestGuardiansSwitch(t *testing.T) {
	target := ledger.Target{Service: "review", Stage: "prod"}
	for name, tt := range map[string]struct {
		text string
		may  bool
		why  string
	}{
		"a document without it leaves it to the policy": {`{"flags": {}}`, true, ""},
		"on":  {onOff(`"state": "ENABLED", "defaultVariant": "on"`), true, ""},
		"off": {onOff(`"state": "ENABLED", "defaultVariant": "off"`), false, "flag guardian.act is off for review/prod"},
		"off for this stage": {
			onOff(`"state": "ENABLED", "defaultVariant": "on", "targeting": {"if": [{"==": [{"var": "stage"}, "prod"]}, "off"]}`),
			false, "flag guardian.act is off for review/prod",
		},
		"off for another service": {
			onOff(`"state": "ENABLED", "defaultVariant": "on", "targeting": {"if": [{"==": [{"var": "service"}, "other"]}, "off"]}`),
			true, "",
		},
		"disabled counts as off": {onOff(`"state": "DISABLED", "defaultVariant": "on"`), false, "is disabled"},
		"a broken document":      {`{`, false, "Guardian's own switch cannot be read: "},
		"not a boolean": {
			`{"flags": {"guardian.act": {"state": "ENABLED", "variants": {"on": "true"}, "defaultVariant": "on"}}}`,
			false, "Guardian's own switch cannot be read: ",
		},
	} {
		t.Run(name, func(t *testing.T) {
			flags, _ := open(t, tt.text)
			may, why := openfeature.NewSwitch(flags.Evaluator).MayAct(t.Context(), target)
			if may != tt.may || !strings.Contains(why, tt.why) || may && why != "" {
				t.Errorf("may act: %t, because %q", may, why)
			}
		})
	}
}

// onOff writes a document with Guardian's own switch.
func onOff(rest string) string {
	return `{"flags": {"guardian.act": {"variants": {"on": true, "off": false}, ` + rest + `}}}`
}
