package argocd

import (
	"encoding/json"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/argoproj/argo-cd/v2/pkg/apis/application/v1alpha1"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"pgregory.net/rapid"

	"github.com/cinegit/guardian/internal/deploy"
)

// parse reads an Application from JSON, as Argo CD keeps it.
func parse(t *testing.T, text string) *v1alpha1.Application {
	t.Helper()
	var app v1alpha1.Application
	if err := json.Unmarshal([]byte(text), &app); err != nil {
		t.Fatal(err)
	}
	return &app
}

func mapped(t *testing.T, text string) deploy.Application {
	t.Helper()
	app, err := applicationOf(deploy.Ref{Name: "web"}, parse(t, text))
	if err != nil {
		t.Fatal(err)
	}
	return app
}

func TestARecordedApplicationReadsAsItRan(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join("testdata", "application.json"))
	if err != nil {
		t.Fatal(err)
	}
	got := mapped(t, string(raw))
	source := json.RawMessage(`{"repoURL":"git://127.0.0.1:19418/demo.git","path":"plain","targetRevision":"main"}`)
	revision := []string{"f88c0821cb16e449b0056cfd64d1a2ac154fcc81"}
	began, ended := time.Date(2026, 11, 22, 19, 0, 0, 0, time.UTC), time.Date(2026, 11, 22, 19, 0, 2, 0, time.UTC)
	want := deploy.Application{
		Ref:          deploy.Ref{Name: "web", Project: "default"},
		Sources:      source,
		SyncStatus:   "Synced",
		Health:       "Progressing",
		Head:         revision,
		ReconciledAt: ended,
		Images:       []string{"example.invalid/web:v1"},
		Operation: &deploy.Operation{
			Phase: deploy.PhaseSucceeded, Message: "successfully synced (all tasks run)",
			StartedAt: began, FinishedAt: ended, InitiatedBy: "guardian", Revisions: revision, Sources: source,
		},
		History: []deploy.Entry{{ID: 0, Revisions: revision, Sources: source, StartedAt: began, DeployedAt: ended, InitiatedBy: "guardian"}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestAnOperationReadsByItsPhase(t *testing.T) {
	const state = `"operation":{"sync":{"revision":"a"}},"startedAt":"2026-01-02T03:04:05Z"`
	for _, tt := range []struct {
		name, app string
		want      *deploy.Operation
	}{
		{"none was ever asked for", `{}`, nil},
		{
			"asked for and not taken up", `{"operation":{"initiatedBy":{"username":"g"},"sync":{"revision":"b"}}}`,
			&deploy.Operation{Phase: deploy.PhasePending, InitiatedBy: "g", Revisions: []string{"b"}},
		},
		{
			"asked for beside the end of an older one",
			`{"operation":{"sync":{"revision":"b"}},"status":{"operationState":{"phase":"Succeeded",` + state + `}}}`,
			&deploy.Operation{Phase: deploy.PhasePending, Revisions: []string{"b"}},
		},
		{
			"running", `{"operation":{"sync":{"revision":"a"}},"status":{"operationState":{"phase":"Running","message":"m",` + state + `}}}`,
			&deploy.Operation{Phase: deploy.PhaseRunning, Message: "m", StartedAt: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Revisions: []string{"a"}},
		},
		{
			"running again after a failed attempt",
			`{"operation":{"sync":{"revision":"a"}},"status":{"operationState":{"phase":"Running","finishedAt":"2026-01-02T03:04:06Z",` + state + `}}}`,
			&deploy.Operation{Phase: deploy.PhaseRunning, StartedAt: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Revisions: []string{"a"}},
		},
		{
			"a dry run by auto-sync",
			`{"operation":{"initiatedBy":{"automated":true},"sync":{"dryRun":true}}}`,
			&deploy.Operation{Phase: deploy.PhasePending, Automated: true, DryRun: true},
		},
		{"without a sync", `{"operation":{}}`, &deploy.Operation{Phase: deploy.PhasePending}},
	} {
		if diff := cmp.Diff(tt.want, mapped(t, tt.app).Operation); diff != "" {
			t.Errorf("%s: %s", tt.name, diff)
		}
	}
}

func TestOnlyARollbackSetsTheOperationsSource(t *testing.T) {
	for text, want := range map[string]bool{
		`{"operation":{"sync":{"revision":"a"}}}`:                                                                                          false,
		`{"operation":{"sync":{"revision":"a","source":{"repoURL":"r"}}}}`:                                                                 true,
		`{"operation":{"sync":{"revisions":["a","b"],"sources":[{"repoURL":"r"},{"repoURL":"s"}]}}}`:                                       false,
		`{"operation":{"sync":{"revisions":["a","b"],"source":{"repoURL":""},"sources":[{"repoURL":"r"},{"repoURL":"s"}]}}}`:               true,
		`{"operation":{"sync":{"revisions":["a","b"],"source":{"repoURL":""},"sources":[{"repoURL":"r"},{"repoURL":"s"}],"dryRun":true}}}`: true,
	} {
		if got := mapped(t, text).Operation.Rollback; got != want {
			t.Errorf("%s: rollback is %t", text, got)
		}
	}
}

func TestARollbackHasTheIdentityOfItsHistoryEntry(t *testing.T) {
	for name, source := range map[string]string{
		"git":              `"source":{"repoURL":"r","path":"p","targetRevision":"main"},"revision":"a"`,
		"helm parameters":  `"source":{"repoURL":"r","chart":"c","helm":{"parameters":[{"name":"image.tag","value":"v1"}]}},"revision":"1.2.3"`,
		"helm values":      `"source":{"repoURL":"r","chart":"c","helm":{"valuesObject":{"b":1,"a":{"d":[2],"c":3}}}},"revision":"1.2.3"`,
		"several sources":  `"sources":[{"repoURL":"r","path":"p"},{"repoURL":"s","ref":"values"}],"revisions":["a","b"]`,
		"several, rolled":  `"source":{"repoURL":""},"sources":[{"repoURL":"r","path":"p"},{"repoURL":"s","ref":"values"}],"revisions":["a","b"]`,
		"an empty section": `"source":{"repoURL":"r","helm":{},"directory":{"jsonnet":{}}},"revision":"a"`,
	} {
		app := mapped(t, `{"operation":{"sync":{`+source+`}},"status":{"history":[{"id":0,`+source+`,"deployedAt":"2026-01-02T03:04:05Z"}]}}`)
		if got, want := deploy.Identity(app.Operation.Sources, app.Operation.Revisions), app.History[0].Identity(); got != want {
			t.Errorf("%s: %s %v is not %s %v", name, app.Operation.Sources, app.Operation.Revisions, app.History[0].Sources, app.History[0].Revisions)
		}
	}
}

func TestAutoSyncIsKeptAsItStands(t *testing.T) {
	for text, want := range map[string]string{
		`{}`:                         "",
		`{"spec":{"syncPolicy":{}}}`: "",
		`{"spec":{"syncPolicy":{"automated":{}}}}`:                             "{}",
		`{"spec":{"syncPolicy":{"automated":{"prune":true,"selfHeal":true}}}}`: `{"prune":true,"selfHeal":true}`,
	} {
		if got := string(mapped(t, text).AutoSync); got != want {
			t.Errorf("%s: auto-sync is %s", text, got)
		}
	}
}

func TestTheOwnerIsWhoPutsTheSpecBack(t *testing.T) {
	const tracking = `{"metadata":{"name":"web","annotations":{"argocd.argoproj.io/tracking-id":"`
	for text, want := range map[string]string{
		`{"metadata":{"name":"web"}}`: "",
		`{"metadata":{"name":"web","ownerReferences":[{"kind":"ApplicationSet","name":"shops"}]}}`: "ApplicationSet shops",
		`{"metadata":{"name":"web","ownerReferences":[{"kind":"Team","name":"x"}]}}`:               "",
		`{"metadata":{"name":"web","labels":{"app.kubernetes.io/instance":"apps"}}}`:               "Application apps",
		`{"metadata":{"name":"web","labels":{"app.kubernetes.io/instance":"web"}}}`:                "",
		tracking + `apps:argoproj.io/Application:argocd/web"}}}`:                                   "Application apps",
		tracking + `web:argoproj.io/Application:argocd/web"}}}`:                                    "",
		tracking + `apps:argoproj.io/Application:argocd/other"}}}`:                                 "",
		tracking + `apps:apps/Deployment:argocd/web"}}}`:                                           "",
		tracking + `nonsense"}}}`: "",
	} {
		if got := mapped(t, text).Owner; got != want {
			t.Errorf("%s: owner is %q, not %q", text, got, want)
		}
	}
}

func TestAStatusFromBeforeTheOperationsEndIsOutdated(t *testing.T) {
	status := func(reconciled, finished, sync string) string {
		return `{"status":{"reconciledAt":"` + reconciled + `","sync":{"status":"` + sync + `"},"operationState":{"phase":"Succeeded","startedAt":"2026-01-02T03:00:00Z","finishedAt":"` + finished + `"}}}`
	}
	for _, tt := range []struct {
		name, app string
		want      bool
	}{
		{"never synced", `{"status":{"sync":{"status":"OutOfSync"}}}`, false},
		{"operation pending", `{"operation":{},"status":{"sync":{"status":"Unknown"}}}`, false},
		{"never looked", `{"status":{"operationState":{"phase":"Succeeded","startedAt":null,"finishedAt":"2026-01-02T03:00:05Z"}}}`, true},
		{"looked before", status("2026-01-02T03:00:04Z", "2026-01-02T03:00:05Z", "Synced"), true},
		{"looked in the same second", status("2026-01-02T03:00:05Z", "2026-01-02T03:00:05Z", "Synced"), true},
		{"looked after", status("2026-01-02T03:00:06Z", "2026-01-02T03:00:05Z", "OutOfSync"), false},
		{"looked after, head broken lately", status("2026-01-02T03:00:06Z", "2026-01-02T03:00:05Z", "Unknown"), true},
		{"looked after, head broken for long", status("2026-01-02T03:04:06Z", "2026-01-02T03:00:05Z", "Unknown"), false},
	} {
		if got := outdated(parse(t, tt.app)); got != tt.want {
			t.Errorf("%s: outdated is %t", tt.name, got)
		}
	}
}

func TestSourcesThatAreNotJSONAreAnError(t *testing.T) {
	app := parse(t, `{"spec":{"source":{"repoURL":"r","helm":{"valuesObject":{}}}}}`)
	app.Spec.Source.Helm.ValuesObject.Raw = []byte("{broken")
	if _, err := applicationOf(deploy.Ref{Name: "web"}, app); err == nil || !strings.Contains(err.Error(), "spec of web") {
		t.Errorf("error is %v", err)
	}
}

func TestAnyPartOfAnApplicationCanBeMissing(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join("testdata", "application.json"))
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		var whole any
		if err := json.Unmarshal(raw, &whole); err != nil {
			t.Fatal(err)
		}
		part, err := json.Marshal(thin(t, whole))
		if err != nil {
			t.Fatal(err)
		}
		var app v1alpha1.Application
		if json.Unmarshal(part, &app) != nil {
			t.Skip("not an Application any more")
		}
		out, err := applicationOf(deploy.Ref{Name: "web"}, &app)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = outdated(&app), deploy.MarkOf(out)
		if out.Ref.Project == "" {
			t.Fatal("no project")
		}
	})
}

// thin leaves out fields and list entries, or makes them null.
func thin(t *rapid.T, v any) any {
	switch v := v.(type) {
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			switch rapid.IntRange(0, 9).Draw(t, key) {
			case 0:
				delete(v, key)
			case 1:
				v[key] = nil
			default:
				v[key] = thin(t, v[key])
			}
		}
	case []any:
		kept := v[:rapid.IntRange(0, len(v)).Draw(t, "length")]
		for i := range kept {
			kept[i] = thin(t, kept[i])
		}
		return kept
	}
	return v
}

func TestAnErrorNeverRepeatsTheToken(t *testing.T) {
	err := explain(status.Error(codes.Unauthenticated, "invalid session: s3cr3t is malformed"), "s3cr3t", time.Second)
	if !errors.Is(err, deploy.ErrUnauthenticated) || strings.Contains(err.Error(), "s3cr3t") || !strings.Contains(err.Error(), "[token]") {
		t.Errorf("error is %v", err)
	}
}
