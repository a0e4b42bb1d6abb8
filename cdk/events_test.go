package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cinegit/guardian/events/outcome"
	"github.com/cinegit/guardian/internal/eventpattern"
)

// carriers are the patterns of the template by what they belong to. A filter of a function's source counts
// like a rule's.
func carriers(t *testing.T, c stackTemplate) map[string]eventpattern.Pattern {
	t.Helper()
	out := map[string]eventpattern.Pattern{}
	add := func(name string, raw []byte) {
		p, err := eventpattern.Parse(raw)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		out[name] = p
	}
	for name, rule := range c.of("AWS::Events::Rule") {
		if pattern, ok := rule.Properties["EventPattern"]; ok {
			raw, err := json.Marshal(pattern)
			if err != nil {
				t.Fatal(err)
			}
			add(name, raw)
		}
	}
	for name, source := range c.of("AWS::Lambda::EventSourceMapping") {
		criteria, _ := source.Properties["FilterCriteria"].(map[string]any)
		for _, filter := range list(criteria["Filters"]) {
			add(name, []byte(filter.(map[string]any)["Pattern"].(string)))
		}
	}
	return out
}

// carriedBy lists who lets an event through.
func carriedBy(t *testing.T, all map[string]eventpattern.Pattern, event []byte) map[string]bool {
	t.Helper()
	out := map[string]bool{}
	for name, pattern := range all {
		ok, err := pattern.Match(event)
		if err != nil {
			t.Fatal(err)
		}
		if ok {
			out[name] = true
		}
	}
	return out
}

func TestEverySampleIsCarriedByItsOwnRuleAndNoOther(t *testing.T) {
	samples, err := filepath.Glob("../testdata/events/*/*.json")
	if err != nil || len(samples) == 0 {
		t.Fatalf("no samples: %v", err)
	}
	all, used := carriers(t, plain), map[string]bool{}
	for _, sample := range samples {
		raw, err := os.ReadFile(sample)
		if err != nil {
			t.Fatal(err)
		}
		want := map[string]bool{}
		if carrier := filepath.Base(filepath.Dir(sample)); carrier != "none" {
			want[carrier], used[carrier] = true, true
		}
		if diff := cmp.Diff(want, carriedBy(t, all, raw)); diff != "" {
			t.Errorf("%s (-want +carried by):\n%s", sample, diff)
		}
	}
	for name := range all {
		if !used[name] {
			t.Errorf("%s has no sample in testdata/events/%s", name, name)
		}
	}
}

func TestWhatGuardianPublishesReachesThoseWhoMustLook(t *testing.T) {
	all := carriers(t, plain)
	for end, want := range map[string]bool{"": false, "Healed": false, "StoodDown": false, "FailedClean": false, "FailedDirty": true} {
		detail := outcome.Detail{ID: "i-1", Incident: "i", Service: "review", Stage: "prod", End: end, Title: "x"}
		event, err := json.Marshal(map[string]any{"source": outcome.Source, "detail-type": detail.Type(), "detail": detail})
		if err != nil {
			t.Fatal(err)
		}
		if got := carriedBy(t, all, event)["dirty"]; got != want {
			t.Errorf("end %q: a person is told %t, want %t", end, got, want)
		}
	}
}
