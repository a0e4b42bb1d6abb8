package policy_test

import (
	"encoding/json"
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"
	"github.com/google/jsonschema-go/jsonschema"

	"github.com/cinegit/guardian/internal/policy"
)

var update = flag.Bool("update", false, "rewrite docs/guardian.schema.json and the golden files")

// golden compares with a file, or rewrites it.
func golden(t *testing.T, path string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s is not current (go test ./internal/policy -update rewrites it):\n%s", path, diff)
	}
}

func TestTheStoredSchemaIsCurrent(t *testing.T) {
	got, err := policy.Schema()
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "../../docs/guardian.schema.json", got)
}

func TestTheSamplePolicyIsValidByTheSchema(t *testing.T) {
	if err := bySchema(t, read(t, sample)); err != nil {
		t.Error(err)
	}
}

func TestTheSchemaRefusesWhatLoadRefuses(t *testing.T) {
	cases := map[string][2]string{
		"unknown field":          {"prune: true", "prume: true"},
		"unknown mode":           {"mode: act ", "mode: acts "},
		"unknown deploy":         {"deploy: wait, bake: 2m", "deploy: hope, bake: 2m"},
		"unknown remedy":         {"[flag, revert]", "[flag, reboot]"},
		"unknown urgency":        {"only: page", "only: pager"},
		"duration without unit":  {"cooldown: 30m", `cooldown: "30"`},
		"duration as a number":   {"cooldown: 30m", "cooldown: 30"},
		"percent without sign":   {"share: 50%", `share: "0.5"`},
		"rate of another form":   {"fleet: 3 in 15m", "fleet: 3 per 15m"},
		"secret in the clear":    {"token: secret:guardian/argocd", "token: hunter2"},
		"empty list of stages":   {"remedies: [flag, revert]", "remedies: []"},
		"empty name":             {"application: review-dev,", `application: "",`},
		"other version":          {"guardian/v1", "guardian/v2"},
		"null":                   {"cooldown: 30m", "cooldown:"},
		"name that is none":      {"  review:\n", "  re view:\n"},
		"text for a list":        {"gates: [errors]", "gates: errors"},
		"number for a text":      {"project: media", "project: 7"},
		"text for a number":      {"failureLimit: 2", `failureLimit: "2"`},
		"text for true or false": {"prune: true", "prune: yes"},
	}
	good := string(read(t, sample))
	for name, change := range cases {
		if !strings.Contains(good, change[0]) {
			t.Fatalf("%s: the sample has no %q", name, change[0])
		}
		src := []byte(strings.Replace(good, change[0], change[1], 1))
		if err := bySchema(t, src); err == nil {
			t.Errorf("%s: the schema takes it", name)
		}
		if _, err := policy.Parse(name, src); err == nil {
			t.Errorf("%s: Parse takes it", name)
		}
	}
}

func bySchema(t *testing.T, src []byte) error {
	t.Helper()
	raw, err := policy.Schema()
	if err != nil {
		t.Fatal(err)
	}
	var schema jsonschema.Schema
	if err := json.Unmarshal(raw, &schema); err != nil {
		t.Fatal(err)
	}
	resolved, err := schema.Resolve(nil)
	if err != nil {
		t.Fatal(err)
	}
	asJSON, err := yaml.YAMLToJSON(src)
	if err != nil {
		t.Fatal(err)
	}
	var document any
	if err := json.Unmarshal(asJSON, &document); err != nil {
		t.Fatal(err)
	}
	return resolved.Validate(document)
}

func read(t testing.TB, path string) []byte {
	t.Helper()
	src, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return src
}
