package deploy_test

import (
	"encoding/json"
	"testing"

	"pgregory.net/rapid"

	"github.com/cinegit/guardian/internal/deploy"
)

const (
	sha    = "f88c0821cb16e449b0056cfd64d1a2ac154fcc81"
	tagged = `{"path":"review","helm":{"parameters":[{"name":"replicas","value":"3"},{"name":"image.tag","value":"v41"}]}}`
)

func TestTheSameContentHasTheSameIdentityHoweverItIsWritten(t *testing.T) {
	a := deploy.Identity(json.RawMessage(`{"path":"review","repoURL":"x"}`), []string{sha})
	b := deploy.Identity(json.RawMessage("{\n \"repoURL\": \"x\",\n \"path\": \"review\"}"), []string{sha})
	if a != b || len(a) != 16 {
		t.Errorf("%s and %s", a, b)
	}
}

func TestContentThatDiffersHasAnotherIdentity(t *testing.T) {
	seen := map[string]string{}
	for name, id := range map[string]string{
		"plain":                 deploy.Identity(json.RawMessage(`{"path":"review"}`), []string{sha}),
		"another path":          deploy.Identity(json.RawMessage(`{"path":"orders"}`), []string{sha}),
		"another revision":      deploy.Identity(json.RawMessage(`{"path":"review"}`), []string{"v2"}),
		"a parameter":           deploy.Identity(json.RawMessage(tagged), []string{sha}),
		"two revisions":         deploy.Identity(json.RawMessage(`{"path":"review"}`), []string{sha, "1.0"}),
		"in another order":      deploy.Identity(json.RawMessage(`{"path":"review"}`), []string{"1.0", sha}),
		"joined":                deploy.Identity(json.RawMessage(`{"path":"review"}`), []string{sha + "1.0"}),
		"no revision":           deploy.Identity(json.RawMessage(`{"path":"review"}`), nil),
		"no source":             deploy.Identity(nil, []string{sha}),
		"what is not JSON":      deploy.Identity(json.RawMessage(`{`), []string{sha}),
		"several sources":       deploy.Identity(json.RawMessage(`[{"path":"review"}]`), []string{sha}),
		"a number is no string": deploy.Identity(json.RawMessage(`{"path":1}`), []string{sha}),
	} {
		if other, ok := seen[id]; ok {
			t.Errorf("%s and %s are both %s", name, other, id)
		}
		seen[id] = name
	}
}

func TestIdentitySurvivesAnyKeyOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		fields := rapid.MapOf(rapid.String(), rapid.String()).Draw(t, "source")
		one, err := json.Marshal(fields)
		if err != nil {
			t.Fatal(err)
		}
		two, err := json.MarshalIndent(fields, "", "\t")
		if err != nil {
			t.Fatal(err)
		}
		if !deploy.SameSources(one, two) || deploy.Identity(one, []string{sha}) != deploy.Identity(two, []string{sha}) {
			t.Fatalf("%s and %s differ", one, two)
		}
	})
}

func TestALabelIsWhatAPersonCallsTheRelease(t *testing.T) {
	for name, tt := range map[string]struct {
		sources   string
		revisions []string
		want      string
	}{
		"a commit":                      {`{}`, []string{sha}, "f88c082"},
		"a chart version":               {`{}`, []string{"1.4.0"}, "1.4.0"},
		"a long version stays whole":    {`{}`, []string{"v1.0.0-rc.1-20261123120000-f88c0821cb16e"}, "v1.0.0-rc.1-20261123120000-f88c0821cb16e"},
		"a tag parameter":               {tagged, []string{sha}, "image.tag=v41"},
		"a parameter just called tag":   {`{"helm":{"parameters":[{"name":"tag","value":"v1"}]}}`, []string{sha}, "tag=v1"},
		"a parameter that is no tag":    {`{"helm":{"parameters":[{"name":"vintage","value":"v1"}]}}`, []string{sha}, "f88c082"},
		"two sources":                   {`[{"path":"a"},{"chart":"b"}]`, []string{sha, "1.0.0"}, "f88c082+1.0.0"},
		"two sources, one with the tag": {`[{"path":"a"},` + tagged + `]`, []string{sha, "1.0.0"}, "image.tag=v41"},
		"no revision":                   {`{}`, nil, "unknown"},
		"what is not JSON":              {`{`, []string{sha}, "f88c082"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := deploy.Label(json.RawMessage(tt.sources), tt.revisions); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestARefIsReadFromNamespaceAndName(t *testing.T) {
	for text, want := range map[string]deploy.Ref{
		"review":        {Name: "review", Project: "shop"},
		"team-a/review": {Name: "review", Namespace: "team-a", Project: "shop"},
	} {
		got := deploy.ParseRef(text, "shop")
		if got != want || got.String() != text {
			t.Errorf("%s is read as %+v, written %s", text, got, got)
		}
	}
}
