package flagd_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/cinegit/guardian/internal/adapter/flagd"
	"github.com/cinegit/guardian/internal/flag"
	"github.com/cinegit/guardian/internal/flag/flagtest"
)

func TestStoreKeepsTheContractOfFlagStores(t *testing.T) {
	flagtest.Run(t, func(t *testing.T, flags ...flagtest.Flag) flag.Store {
		all := map[string]any{}
		for _, f := range flags {
			all[f.Key] = definition(f)
		}
		text, err := json.MarshalIndent(map[string]any{"flags": all}, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		return flagd.New(write(t, string(text)))
	})
}

func definition(f flagtest.Flag) map[string]any {
	variants := map[string]any{}
	for i, v := range f.Variants {
		variants[v] = i
	}
	out := map[string]any{"state": "ENABLED", "defaultVariant": f.Serving, "variants": variants}
	if f.Disabled {
		out["state"] = "DISABLED"
	}
	if f.Targeted {
		out["targeting"] = map[string]any{"if": []any{true, f.Variants[1]}}
	}
	return out
}

// write makes a flag document of its own for a test.
func write(t *testing.T, text string) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "flags.json")
	if err := os.WriteFile(path, []byte(text), 0o640); err != nil {
		t.Fatal(err)
	}
	return path
}
