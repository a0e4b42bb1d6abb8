//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// argo sets the scene in Argo CD by its REST API, and looks there at what really came of it. It shares
// no code with what Guardian uses.
type argo struct {
	server, token string
	project       string
	http          *http.Client
}

// application is as much of one as the tests look at.
type application struct {
	Metadata struct {
		Name string `json:"name"`
	} `json:"metadata"`
	Spec struct {
		Source     source `json:"source"`
		SyncPolicy struct {
			Automated json.RawMessage `json:"automated"`
		} `json:"syncPolicy"`
	} `json:"spec"`
	Operation json.RawMessage `json:"operation"`
	Status    struct {
		Health struct {
			Status string `json:"status"`
		} `json:"health"`
		Sync struct {
			Status   string `json:"status"`
			Revision string `json:"revision"`
		} `json:"sync"`
		Summary struct {
			Images []string `json:"images"`
		} `json:"summary"`
		OperationState *struct {
			Phase      string    `json:"phase"`
			Message    string    `json:"message"`
			FinishedAt time.Time `json:"finishedAt"`
		} `json:"operationState"`
		ReconciledAt time.Time      `json:"reconciledAt"`
		History      []historyEntry `json:"history"`
	} `json:"status"`
}

type historyEntry struct {
	ID       int    `json:"id"`
	Revision string `json:"revision"`
	Source   source `json:"source"`
}

type source struct {
	RepoURL        string `json:"repoURL,omitempty"`
	Path           string `json:"path,omitempty"`
	TargetRevision string `json:"targetRevision,omitempty"`
	Helm           *helm  `json:"helm,omitempty"`
}

type helm struct {
	Parameters []parameter `json:"parameters"`
}

type parameter struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

func newArgo(server, token, project string) *argo {
	return &argo{
		server: "https://" + server, token: token, project: project,
		http: &http.Client{
			Timeout:   20 * time.Second,
			Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}, // its certificate is its own
		},
	}
}

func (a *argo) call(ctx context.Context, method, path string, in, out any) error {
	var body io.Reader = http.NoBody
	if in != nil {
		raw, err := json.Marshal(in)
		if err != nil {
			return fmt.Errorf("encode: %w", err)
		}
		body = bytes.NewReader(raw)
	}
	req, err := http.NewRequestWithContext(ctx, method, a.server+path, body)
	if err != nil {
		return fmt.Errorf("call Argo CD: %w", err)
	}
	req.Header.Set("Authorization", "Bearer "+a.token)
	req.Header.Set("Content-Type", "application/json")
	res, err := a.http.Do(req)
	if err != nil {
		return fmt.Errorf("call Argo CD: %w", err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		return fmt.Errorf("call Argo CD: %w", err)
	}
	if res.StatusCode >= http.StatusBadRequest {
		return fmt.Errorf("%s %s: %s: %.400s", method, path, res.Status, raw)
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(raw, out)
}

func (a *argo) must(t testing.TB, method, path string, in, out any) {
	t.Helper()
	if err := a.call(context.WithoutCancel(t.Context()), method, path, in, out); err != nil {
		t.Fatal(err)
	}
}

// object is JSON written in Go.
type object map[string]any

// makeProject makes the run's project with the roles of Guardian's tokens.
func (a *argo) makeProject(t testing.TB) {
	t.Helper()
	role := func(name string, actions ...string) object {
		var policies []string
		for _, action := range actions {
			policies = append(policies, fmt.Sprintf("p, proj:%s:%s, applications, %s, %s/*, allow", a.project, name, action, a.project))
		}
		return object{"name": name, "policies": policies}
	}
	a.must(t, http.MethodPost, "/api/v1/projects", object{"project": object{
		"metadata": object{"name": a.project},
		"spec": object{
			"sourceRepos":  []string{"*"},
			"destinations": []object{{"server": "*", "namespace": "*"}},
			"roles":        []object{role("guardian", "get", "sync", "update"), role("reader", "get")},
		},
	}}, nil)
	t.Cleanup(func() { a.must(t, http.MethodDelete, "/api/v1/projects/"+a.project, nil, nil) })
}

// roleToken makes a token that may do what the role may, in this project alone.
func (a *argo) roleToken(t testing.TB, role string) string {
	t.Helper()
	var out struct {
		Token string `json:"token"`
	}
	a.must(t, http.MethodPost, fmt.Sprintf("/api/v1/projects/%s/roles/%s/token", a.project, role), object{"expiresIn": 86400}, &out)
	return out.Token
}

// closeWindow forbids every sync of one application, by hand too, from now on.
func (a *argo) closeWindow(t testing.TB, app string) {
	t.Helper()
	var project object
	a.must(t, http.MethodGet, "/api/v1/projects/"+a.project, nil, &project)
	spec := project["spec"].(map[string]any)
	windows, _ := spec["syncWindows"].([]any)
	spec["syncWindows"] = append(windows, object{
		"kind": "deny", "schedule": "* * * * *", "duration": "1h", "applications": []string{app}, "manualSync": false,
	})
	a.must(t, http.MethodPut, "/api/v1/projects/"+a.project, object{"project": project}, nil)
}

func (a *argo) path(app, below string) string {
	return "/api/v1/applications/" + app + below + "?project=" + url.QueryEscape(a.project)
}

func (a *argo) get(ctx context.Context, app string) (out application, err error) {
	return out, a.call(ctx, http.MethodGet, a.path(app, ""), nil, &out)
}

// refresh makes Argo CD look into git now.
func (a *argo) refresh(t testing.TB, app string) {
	t.Helper()
	a.must(t, http.MethodGet, a.path(app, "")+"&refresh=normal", nil, nil)
}

func (a *argo) create(t testing.TB, app, namespace string, src source, autoSync bool) {
	t.Helper()
	policy := object{}
	if autoSync {
		policy["automated"] = object{"prune": true}
	}
	a.must(t, http.MethodPost, "/api/v1/applications", object{
		"metadata": object{"name": app},
		"spec": object{
			"project": a.project, "source": src, "syncPolicy": policy,
			"destination": object{"server": "https://kubernetes.default.svc", "namespace": namespace},
		},
	}, nil)
	t.Cleanup(func() {
		a.must(t, http.MethodDelete, a.path(app, "")+"&cascade=true", nil, nil)
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		until(t, ctx, "the application is deleted", func(ctx context.Context) error {
			_, err := a.get(ctx, app)
			switch {
			case err == nil:
				return errors.New("it is still there")
			case !strings.Contains(err.Error(), "404"):
				return err
			}
			return nil
		})
	})
}

func (a *argo) sync(t testing.TB, app string) {
	t.Helper()
	a.must(t, http.MethodPost, a.path(app, "/sync"), object{"prune": true}, nil)
}

func (a *argo) patch(t testing.TB, app string, merge object) {
	t.Helper()
	raw, err := json.Marshal(merge)
	if err != nil {
		t.Fatal(err)
	}
	a.must(t, http.MethodPatch, a.path(app, ""), object{"patch": string(raw), "patchType": "merge"}, nil)
}

// runs tells whether exactly this image runs, healthy and seen after the last operation.
func (a application) runs(image string) error {
	op := a.Status.OperationState
	images := a.Status.Summary.Images
	if op == nil || op.Phase != "Succeeded" || len(a.Operation) > 0 || a.Status.Health.Status != "Healthy" ||
		len(images) != 1 || images[0] != image || a.Status.ReconciledAt.Before(op.FinishedAt) {
		phase := "no operation"
		if op != nil {
			phase = op.Phase + " " + op.Message
		}
		return fmt.Errorf("%s is %s, runs %v, %s", a.Metadata.Name, a.Status.Health.Status, images, phase)
	}
	return nil
}

// ids are the history's ids, the oldest first.
func (a application) ids() []int {
	var ids []int
	for _, h := range a.Status.History {
		ids = append(ids, h.ID)
	}
	return ids
}
