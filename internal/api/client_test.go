package api_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cinegit/guardian/internal/api"
	"github.com/cinegit/guardian/internal/deploy"
	"github.com/cinegit/guardian/internal/ledger"
	"github.com/cinegit/guardian/internal/policy"
	"github.com/cinegit/guardian/internal/remedy"
)

// seen is one request as the server got it.
type seen struct{ Method, URI, Body, Authorization string }

// serve answers every request with the same JSON and notes the last one.
func serve(t *testing.T, answer any) (*api.Client, *seen) {
	t.Helper()
	last := &seen{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		*last = seen{r.Method, r.RequestURI, string(body), r.Header.Get("Authorization")}
		if answer == nil {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		_ = json.NewEncoder(w).Encode(answer)
	}))
	t.Cleanup(server.Close)
	return client(t, api.ClientConfig{URL: server.URL, Token: "operator-token"}), last
}

func client(t *testing.T, config api.ClientConfig) *api.Client {
	t.Helper()
	c, err := api.New(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func TestEveryMethodAsksItsRouteWithTheTokenAndReadsItsAnswer(t *testing.T) {
	target := ledger.Target{Service: "review", Stage: "prod"}
	incident := ledger.Incident{ID: "review-prod-1", Target: target, End: ledger.Healed}
	frozen := ledger.Freeze{Service: "review", Why: "launch", By: "kim"}
	event := ledger.Event{Seq: 4, Text: "healed"}
	cases := map[string]struct {
		want seen
		give any
		call func(c *api.Client) (any, error)
	}{
		"status": {seen{"GET", "/v1/status", "", ""}, api.Status{Version: "1.2.3"},
			func(c *api.Client) (any, error) { return c.Status(t.Context()) }},
		"incidents": {seen{"GET", "/v1/incidents?limit=5", "", ""}, []ledger.Incident{incident},
			func(c *api.Client) (any, error) { return c.Incidents(t.Context(), 5) }},
		"incidents without a limit": {seen{"GET", "/v1/incidents", "", ""}, []ledger.Incident{incident},
			func(c *api.Client) (any, error) { return c.Incidents(t.Context(), 0) }},
		"explain": {seen{"GET", "/v1/incidents/last", "", ""}, api.Explained{Incident: incident, Events: []ledger.Event{event}},
			func(c *api.Client) (any, error) { return c.Explain(t.Context(), "last") }},
		"events": {seen{"GET", "/v1/incidents/review-prod-1/events?after=3", "", ""}, []ledger.Event{event},
			func(c *api.Client) (any, error) { return c.Events(t.Context(), "review-prod-1", 3) }},
		"releases": {seen{"GET", "/v1/releases?service=review&since=2026-08-01T00%3A00%3A00Z&stage=prod", "", ""}, []ledger.Release{{Target: target, Label: "v1", Entry: deploy.Entry{Sources: json.RawMessage("{}")}}},
			func(c *api.Client) (any, error) {
				return c.Releases(t.Context(), target, time.Date(2026, 8, 1, 0, 0, 0, 0, time.UTC))
			}},
		"undo": {seen{"POST", "/v1/incidents/a.b_c-1/undo", `{"why":"it was the network"}`, ""}, incident,
			func(c *api.Client) (any, error) { return c.Undo(t.Context(), "a.b_c-1", "it was the network") }},
		"approve": {seen{"POST", "/v1/incidents/last/approve", `{}`, ""}, incident,
			func(c *api.Client) (any, error) { return c.Approve(t.Context(), "last", "") }},
		"reject": {seen{"POST", "/v1/incidents/last/reject", `{}`, ""}, incident,
			func(c *api.Client) (any, error) { return c.Reject(t.Context(), "last", "") }},
		"freeze": {seen{"POST", "/v1/freeze", `{"service":"review","for":"2h","why":"launch"}`, ""}, frozen,
			func(c *api.Client) (any, error) {
				return c.Freeze(t.Context(), api.Freeze{Scope: api.Scope{Service: "review"}, For: policy.Duration(2 * time.Hour), Why: "launch"})
			}},
		"release": {seen{"POST", "/v1/release", `{"service":"review","stage":"prod","lift":true}`, ""}, remedy.Released{AutoSync: true},
			func(c *api.Client) (any, error) {
				return c.Release(t.Context(), api.Release{Target: target, Lift: true})
			}},
		"admit": {seen{"POST", "/v1/admit", `{"service":"review","stage":"prod","release":"v2"}`, ""}, remedy.Admission{Why: "quarantined"},
			func(c *api.Client) (any, error) {
				return c.Admit(t.Context(), api.Admit{Target: target, Release: "v2"})
			}},
		"unfreeze": {seen{"POST", "/v1/unfreeze", `{"service":"review"}`, ""}, nil,
			func(c *api.Client) (any, error) { return nil, c.Unfreeze(t.Context(), api.Scope{Service: "review"}) }},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			c, last := serve(t, test.give)
			got, err := test.call(c)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.give, got); diff != "" {
				t.Errorf("answer (-sent +read):\n%s", diff)
			}
			test.want.Authorization = "Bearer operator-token"
			if diff := cmp.Diff(test.want, *last); diff != "" {
				t.Errorf("request (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAPathBeforeTheRoutesIsKept(t *testing.T) {
	var path string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path = r.URL.Path
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, "{}")
	}))
	t.Cleanup(server.Close)
	c := client(t, api.ClientConfig{URL: server.URL + "/guardian/?x=1#y"})
	if _, err := c.Explain(t.Context(), "last"); err != nil {
		t.Fatal(err)
	}
	if want := "/guardian/v1/incidents/last"; path != want {
		t.Errorf("asked for %s, want %s", path, want)
	}
}
