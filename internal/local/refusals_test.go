package local

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/cinegit/guardian/internal/api"
)

// asking is one request of an operator and the answer to it.
type asking struct {
	method, path, body string
	status             int
	says               string
}

func TestOperatorsGetTheStatusAndTheReasonOfARefusal(t *testing.T) {
	w := newWorld(t, setup{services: []string{"review", "rating"}})
	w.prom.Down(true)
	g := w.guardian()
	h := g.Handler()
	send(h, http.MethodPost, "/webhooks/alertmanager", hookToken, message(t, time.Now(), bad("review"), bad("rating")))
	drain(t, g)
	cases := []asking{
		{"GET", "/v1/incidents?limit=1", "", 200, `"id":"r`},
		{"GET", "/v1/incidents?limit=0", "", 400, "1 to 1000"},
		{"GET", "/v1/incidents?limit=many", "", 400, "many"},
		{"GET", "/v1/incidents/last", "", 200, `"events":[`},
		{"GET", "/v1/incidents/review", "", 200, `"service":"review"`},
		{"GET", "/v1/incidents/r", "", 400, "more than one incident"},
		{"GET", "/v1/incidents/nothing", "", 404, "nothing"},
		{"GET", "/v1/incidents/review/events?after=0", "", 200, `[`},
		{"GET", "/v1/incidents/review/events?after=x", "", 400, "not a number"},
		{"POST", "/v1/incidents/nothing/undo", "{}", 404, "nothing"},
		{"POST", "/v1/incidents/r/undo", "{}", 400, "more than one incident"},
		{"POST", "/v1/incidents/review/undo", "{}", 409, "still at work"},
		{"POST", "/v1/incidents/review/undo", "", 400, "empty"},
		{"POST", "/v1/incidents/review/undo", `{"wy":"x"}`, 400, `unknown field \"wy\"`},
		{"POST", "/v1/incidents/review/approve", "{}", 409, "review"},
		{"POST", "/v1/incidents/review/reject", "{} {}", 400, "goes on"},
		{"POST", "/v1/freeze", `{"for":"2h"}`, 400, "reason"},
		{"POST", "/v1/freeze", `{"for":"0s","why":"x"}`, 400, "above zero"},
		{"POST", "/v1/freeze", `{"for":"2","why":"x"}`, 400, "body"},
		{"POST", "/v1/freeze", `{"for":"2h","why":"x","service":"nobody"}`, 400, "nobody"},
		{"POST", "/v1/freeze", `{"for":"2h","why":"x","stage":"prod"}`, 400, "prod"},
		{"POST", "/v1/unfreeze", `{"service":"review","stage":"moon"}`, 400, "moon"},
		{"POST", "/v1/release", `{"service":"review","stage":"moon"}`, 400, "moon"},
		{"POST", "/v1/release", `{"service":"review","stage":"prod"}`, 409, ""},
		{"POST", "/v1/admit", `{"service":"review","stage":"prod"}`, 400, "name the release"},
		{"POST", "/v1/admit", `{"service":"review","stage":"prod","release":"v1"}`, 200, `"admitted":true`},
		{"POST", "/v1/admit", `[]`, 400, "body"},
		{"POST", "/v1/status", `{}`, 405, ""},
		{"GET", "/v1/nothing", "", 404, ""},
	}
	for _, c := range cases {
		t.Run(c.method+" "+c.path+" "+c.body, func(t *testing.T) {
			got := send(h, c.method, c.path, annaToken, []byte(c.body))
			if got.Code != c.status || !strings.Contains(got.Body.String(), c.says) {
				t.Errorf("status %d, want %d that says %q: %.500s", got.Code, c.status, c.says, got.Body)
			}
		})
	}
	huge := send(h, http.MethodPost, "/v1/freeze", annaToken, []byte(`{"`+strings.Repeat("x", 1000)+`":1}`))
	if huge.Code != http.StatusBadRequest || huge.Body.Len() > 400 {
		t.Errorf("a long unknown field: status %d and an answer of %d bytes", huge.Code, huge.Body.Len())
	}
}

func TestStatusTellsOfEveryTargetAndWhatIsOpen(t *testing.T) {
	w := newWorld(t, setup{services: []string{"review", "rating"}})
	w.badRelease()
	w.prom.Down(true)
	g := w.guardian()
	send(g.Handler(), http.MethodPost, "/webhooks/alertmanager", hookToken, message(t, time.Now(), bad("review"), bad("nobody")))
	drain(t, g)
	g.reconcile(t.Context())
	var s api.Status
	must(t, json.Unmarshal(send(g.Handler(), http.MethodGet, "/v1/status", annaToken, nil).Body.Bytes(), &s))
	if len(s.Targets) != 2 || len(s.Open) != 1 || len(s.Ignored) != 1 || s.Queue != (api.Queue{}) || s.Version != "test" {
		t.Fatalf("status %+v", s)
	}
	for _, target := range s.Targets {
		want := ""
		if target.Service == "review" {
			want = s.Open[0].ID
		}
		if target.Incident != want || target.Release == "" || target.Health != "Healthy" || target.Sync != "Synced" || target.SeenAt.IsZero() {
			t.Errorf("target %+v", target)
		}
	}
}
