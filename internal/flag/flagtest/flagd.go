package flagtest

import (
	"encoding/json"
	"testing"
)

// FlagdDocument writes the flags as a flagd definition document, for the stores that keep one.
func FlagdDocument(t *testing.T, flags ...Flag) string {
	t.Helper()
	all := map[string]any{}
	for _, f := range flags {
		all[f.Key] = f.flagd()
	}
	text, err := json.MarshalIndent(map[string]any{"flags": all}, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func (f Flag) flagd() map[string]any {
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
