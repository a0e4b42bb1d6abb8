package flag_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cinegit/guardian/internal/flag"
)

func TestADefinitionKeepsItsBytesThroughJSON(t *testing.T) {
	want := flag.Definition{
		Key:      "merge",
		Raw:      json.RawMessage("{\n  \"state\": \"ENABLED\",\t\"note\": \"a < b & c\", \"n\": 1.50\n}"),
		Version:  "v1",
		Serving:  "on",
		Enabled:  true,
		Targeted: true,
		Variants: []string{"off", "on"},
		Modified: time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC),
	}
	// Twice, and within another document, as the ledger keeps it.
	inner, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	outer, err := json.Marshal(map[string]json.RawMessage{"before": inner})
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]flag.Definition
	if err := json.Unmarshal(outer, &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got["before"]); diff != "" {
		t.Error(diff)
	}
}
