package flagd_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/open-feature/flagd/core/pkg/logger"
	"github.com/open-feature/flagd/core/pkg/sync"
	"github.com/open-feature/flagd/core/pkg/sync/file"
	"go.uber.org/zap"

	"github.com/cinegit/guardian/internal/adapter/flagd"
	"github.com/cinegit/guardian/internal/flag"
)

// untidy has what a hand-written document may have: tabs, odd spaces, numbers in several forms,
// escapes, shared evaluators, unknown members, and no newline at its end.
const untidy = `{
	"$schema": "https://flagd.dev/schema/v0/flags.json",
	"flags": {
		"before":   {"state":"ENABLED","variants":{"x":1.50,"y":1e3},"defaultVariant":"x"},
		"merge": {
			"targeting": { "if": [ {"$ref": "internal"}, "on", null ] },
			"owner": "r\u00e9view <a&b>",
			"variants": { "on": true,  "off": false },
			"defaultVariant" : "on",
			"state": "DISABLED"
		},
		"after": { "state": "ENABLED" , "variants" : {"x": 10000000000000000001}, "defaultVariant" : "x" }
	},
	"$evaluators": { "internal": {"in": ["@cinegit.io", {"var": "email"}]} }
}`

func mustRead(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func mustFlag(t *testing.T, s *flagd.Store, key string) flag.Definition {
	t.Helper()
	d, err := s.Flag(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func mustKill(t *testing.T, s *flagd.Store, key, safe string) (before, written flag.Definition) {
	t.Helper()
	before = mustFlag(t, s, key)
	written, err := s.Kill(t.Context(), before, safe)
	if err != nil {
		t.Fatal(err)
	}
	return before, written
}

func TestKillChangesOnlyTheMembersThatMakeItUnsafe(t *testing.T) {
	path := write(t, untidy)
	before, written := mustKill(t, flagd.New(path), "merge", "off")
	want := strings.NewReplacer(
		"\"targeting\": { \"if\": [ {\"$ref\": \"internal\"}, \"on\", null ] },\n\t\t\t", "",
		`"defaultVariant" : "on"`, `"defaultVariant" : "off"`,
		`"DISABLED"`, `"ENABLED"`,
	).Replace(untidy)
	if diff := cmp.Diff(want, mustRead(t, path)); diff != "" {
		t.Errorf("document: %s", diff)
	}
	if err := flagd.New(path).Restore(t.Context(), before, written); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(untidy, mustRead(t, path)); diff != "" {
		t.Errorf("document after restore: %s", diff)
	}
}

func TestKillKeepsTheLayoutOfTheFlag(t *testing.T) {
	for name, tt := range map[string]struct{ before, after string }{
		"targeting in the middle": {
			`{"state": "ENABLED", "targeting": {"a": 1}, "variants": {"on": 1, "off": 0}, "defaultVariant": "off"}`,
			`{"state": "ENABLED", "variants": {"on": 1, "off": 0}, "defaultVariant": "off"}`,
		},
		"targeting at the end": {
			`{"state":"ENABLED","variants":{"on":1,"off":0},"defaultVariant":"on","targeting":{"a":1}}`,
			`{"state":"ENABLED","variants":{"on":1,"off":0},"defaultVariant":"off"}`,
		},
		"no state and no default, on one line": {
			`{ "variants": {"on": 1, "off": 0}, "targeting": {"a": 1} }`,
			`{ "variants": {"on": 1, "off": 0}, "state": "ENABLED", "defaultVariant": "off" }`,
		},
		"no default, on many lines": {
			"{\n  \"state\": \"ENABLED\",\n  \"variants\": {\"on\": 1, \"off\": 0}\n}",
			"{\n  \"state\": \"ENABLED\",\n  \"variants\": {\"on\": 1, \"off\": 0},\n  \"defaultVariant\": \"off\"\n}",
		},
		"a default left to the callers' code": {
			`{"state": "ENABLED", "variants": {"on": 1, "off": 0}, "defaultVariant": null}`,
			`{"state": "ENABLED", "variants": {"on": 1, "off": 0}, "defaultVariant": "off"}`,
		},
		"a variant spelt with escapes": {
			`{"state": "ENABLED", "variants": {"on": 1, "\u006fff": 0}, "defaultVariant": "on"}`,
			`{"state": "ENABLED", "variants": {"on": 1, "\u006fff": 0}, "defaultVariant": "\u006fff"}`,
		},
		"empty targeting is none": {
			`{"state": "DISABLED", "variants": {"off": 0}, "defaultVariant": "off", "targeting": {}}`,
			`{"state": "ENABLED", "variants": {"off": 0}, "defaultVariant": "off", "targeting": {}}`,
		},
		"empty targeting with a space breaks flagd": {
			`{"state": "ENABLED", "variants": {"off": 0}, "defaultVariant": "off", "targeting": { }}`,
			`{"state": "ENABLED", "variants": {"off": 0}, "defaultVariant": "off"}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			path := write(t, `{"flags": {"f": `+tt.before+`}}`)
			before, written := mustKill(t, flagd.New(path), "f", "off")
			if diff := cmp.Diff(`{"flags": {"f": `+tt.after+`}}`, mustRead(t, path)); diff != "" {
				t.Error(diff)
			}
			if !written.Safe("off") || before.Safe("off") {
				t.Errorf("before %+v, written %+v", before, written)
			}
		})
	}
}

func TestABrokenDocumentIsToldWithItsPlace(t *testing.T) {
	for name, tt := range map[string]struct{ text, want string }{
		"empty":               {"", "flags.json:1:1: the document is empty"},
		"truncated":           {"{\"flags\": {\n", "flags.json:1:12: this is not JSON: unexpected end of JSON input"},
		"trailing comma":      {"{\"flags\": {\n  \"a\": {},\n}}", "flags.json:3:1: this is not JSON: invalid character '}'"},
		"two documents":       {"{\"flags\": {}}\n{}", "flags.json:2:1: this is not JSON"},
		"YAML inside":         {"flags:\n  a: {}\n", "flags.json:1:2: this is not JSON"},
		"a list":              {`[]`, "flags.json:1:1: the document is not an object"},
		"no flags":            {`{}`, `flags.json:1:1: there is no "flags" member`},
		"flags as a list":     {`{"flags": []}`, `flags.json:1:11: "flags" is not an object of flags by key`},
		"a flag twice":        {"{\"flags\": {\"é\": {},\n \"b\": {}, \"é\": {}}}", `flags.json:2:11: "é" stands twice`},
		"a member twice":      {`{"flags": {"a": {"state": "ENABLED", "state": "DISABLED"}}}`, `flags.json:1:38: "state" stands twice`},
		"twice in targeting":  {`{"flags": {"a": {"targeting": {"if": [1, {"x": 1, "x": 2}]}}}}`, `"x" stands twice`},
		"not UTF-8":           {"{\"flags\": {\"\xff\": {}}}", "flags.json:1:13: this is not UTF-8"},
		"a flag as a text":    {`{"flags": {"a": "on"}}`, `flags.json:1:17: flag "a" is not an object`},
		"state as a number":   {`{"flags": {"a": {"state": 1}}}`, `flags.json:1:17: flag "a": "state" is not understood`},
		"variants as a list":  {`{"flags": {"a": {"variants": []}}}`, `flag "a": "variants" is not understood: it is not an object`},
		"other capitals":      {`{"flags": {"a": {"Targeting": {}}}}`, `flags.json:1:18: flag "a": write "Targeting" as "targeting"`},
		"very deeply nested":  {strings.Repeat("[", 20000), "this is not JSON"},
		"nested and complete": {strings.Repeat("[", 20000) + strings.Repeat("]", 20000), "exceeded max depth"},
	} {
		t.Run(name, func(t *testing.T) {
			path := write(t, tt.text)
			_, err := flagd.New(path).Flag(t.Context(), "a")
			if !errors.Is(err, flag.ErrInvalid) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error is %v\nwant        %s", err, tt.want)
			}
			before := flag.Definition{Key: "a", Raw: []byte(`{"variants": {"off": 0}}`)}
			if _, err := flagd.New(path).Kill(t.Context(), before, "off"); !errors.Is(err, flag.ErrInvalid) {
				t.Errorf("kill gave %v", err)
			}
			if got := mustRead(t, path); got != tt.text {
				t.Errorf("the document was touched: %q", got)
			}
		})
	}
}

func TestWhatIsNoDocumentIsTold(t *testing.T) {
	dir := t.TempDir()
	for path, want := range map[string]struct {
		err  error
		says string
	}{
		filepath.Join(dir, "flags.yaml"):   {flag.ErrInvalid, "convert it to JSON"},
		filepath.Join(dir, "missing.json"): {flag.ErrUnavailable, "missing.json"},
		dir:                                {flag.ErrInvalid, "is not a file"},
	} {
		_, err := flagd.New(path).All(t.Context())
		if !errors.Is(err, want.err) || !strings.Contains(err.Error(), want.says) {
			t.Errorf("error for %s is %v", path, err)
		}
	}
}

func TestABadBeforeImageIsRefused(t *testing.T) {
	path := write(t, untidy)
	s := flagd.New(path)
	bad := flag.Definition{Key: "merge", Raw: []byte(`{"variants": `)}
	if err := s.Restore(t.Context(), bad, mustFlag(t, s, "merge")); !errors.Is(err, flag.ErrInvalid) {
		t.Errorf("restore gave %v", err)
	}
	if _, err := s.Kill(t.Context(), bad, "off"); !errors.Is(err, flag.ErrInvalid) && !errors.Is(err, flag.ErrNoVariant) {
		t.Errorf("kill gave %v", err)
	}
	if mustRead(t, path) != untidy {
		t.Error("the document was touched")
	}
}

func TestARestoreOfAFlagThatIsGoneIsAConflict(t *testing.T) {
	path := write(t, untidy)
	s := flagd.New(path)
	before, written := mustKill(t, s, "merge", "off")
	if err := os.WriteFile(path, []byte(`{"flags": {}}`), 0o640); err != nil {
		t.Fatal(err)
	}
	if err := s.Restore(t.Context(), before, written); !errors.Is(err, flag.ErrConflict) {
		t.Errorf("restore gave %v", err)
	}
}

func TestAKillKeepsTheModeAndLeavesNothingBehindButItsLock(t *testing.T) {
	path := write(t, untidy)
	mustKill(t, flagd.New(path), "merge", "off")
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o640 {
		t.Errorf("mode is %v", info.Mode())
	}
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if diff := cmp.Diff([]string{".flags.json.lock", "flags.json"}, names); diff != "" {
		t.Error(diff)
	}
}

func TestASymbolicLinkIsFollowedAndKept(t *testing.T) {
	path := write(t, untidy)
	link := filepath.Join(t.TempDir(), "link.json")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	mustKill(t, flagd.New(link), "merge", "off")
	if got, err := os.Readlink(link); err != nil || got != path {
		t.Errorf("the link points to %s, %v", got, err)
	}
	if !mustFlag(t, flagd.New(path), "merge").Safe("off") {
		t.Error("the linked document was not changed")
	}
}

// TestFlagdItselfSeesAKill runs flagd's own file watcher: how a document is replaced decides
// whether the watcher goes on watching.
func TestFlagdItselfSeesAKill(t *testing.T) {
	path := write(t, untidy)
	watcher := file.NewFileSync(path, file.FSNOTIFY, logger.NewLogger(zap.NewNop(), false))
	ctx, cancel := context.WithCancel(t.Context())
	if err := watcher.Init(ctx); err != nil {
		t.Fatal(err)
	}
	seen, ended := make(chan sync.DataSync), make(chan error, 1)
	go func() { ended <- watcher.Sync(ctx, seen) }()
	<-seen // as it starts
	s := flagd.New(path)
	for _, safe := range []string{"off", "on", "off"} {
		mustKill(t, s, "merge", safe)
		for want := mustRead(t, path); (<-seen).FlagData != want; { // blocks for good if flagd is blind
		}
	}
	cancel()
	for done := false; !done; {
		select {
		case <-seen:
		case err := <-ended:
			done = true
			if err != nil {
				t.Error(err)
			}
		}
	}
}
