package operator_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cinegit/guardian/internal/adapter/memledger"
	"github.com/cinegit/guardian/internal/api"
	"github.com/cinegit/guardian/internal/deploy"
	"github.com/cinegit/guardian/internal/flag"
	"github.com/cinegit/guardian/internal/ledger"
	"github.com/cinegit/guardian/internal/operator"
	"github.com/cinegit/guardian/internal/remedy"
)

// posts are the routes that change something, with a body that each takes.
func posts() map[string]string {
	return map[string]string{
		"POST /v1/incidents/i-1/undo": `{}`, "POST /v1/incidents/i-1/approve": `{}`, "POST /v1/incidents/i-1/reject": `{"why":"no"}`,
		"POST /v1/freeze": `{"for":"1h","why":"x"}`, "POST /v1/unfreeze": `{}`,
		"POST /v1/release": `{"service":"review","stage":"prod"}`, "POST /v1/admit": `{"service":"review","stage":"prod","release":"v1"}`,
	}
}

func TestWhoIsNotAllowedLearnsAndChangesNothing(t *testing.T) {
	routes := posts()
	for _, get := range []string{"status", "incidents", "incidents/i-1", "incidents/i-1/events", "incidents/none", "releases"} {
		routes["GET /v1/"+get] = ""
	}
	for route, body := range routes {
		for _, by := range []string{"", "eve"} {
			o := open(t, "act")
			o.asks(t, "i-1")
			before := o.Store.Writes()
			w := o.ask(t, by, route, body)
			want := `{"error":"who are you?"}` + "\n"
			if w.Code != http.StatusUnauthorized || w.Body.String() != want || o.Store.Writes() != before || len(o.sent) != 0 {
				t.Errorf("%s by %q: %d %s, %d writes", route, by, w.Code, w.Body, o.Store.Writes()-before)
			}
		}
	}
}

func TestABodyThatIsNotUnderstoodIsRefusedBeforeAnythingIsDone(t *testing.T) {
	for route, good := range posts() {
		for name, body := range map[string]string{
			"nothing":           "",
			"no JSON":           "please",
			"a list":            "[]",
			"cut off":           good[:len(good)-1],
			"an unknown field":  strings.Replace(good, "{", `{"forse":true,`, 1),
			"two bodies":        good + good,
			"something after":   good + "x",
			"nested too deep":   strings.Repeat("[", 100_000),
			"too large":         `{"why":"` + strings.Repeat("x", operator.MaxBody) + `"}`,
			"of a wrong type":   strings.Replace(good, "{", `{"why":7,"for":7,"service":7,`, 1),
			"too large outside": strings.Repeat(" ", operator.MaxBody+1) + good,
		} {
			o := open(t, "act")
			o.asks(t, "i-1")
			before := o.Store.Writes()
			w := o.ask(t, "anna", route, body)
			var problem api.Problem
			if err := json.Unmarshal(w.Body.Bytes(), &problem); err != nil || w.Code != http.StatusBadRequest || !strings.HasPrefix(problem.Error, "bad input: body: ") {
				t.Errorf("%s with %s: %d %s, %v", route, name, w.Code, w.Body, err)
			}
			if name == "nothing" && !strings.Contains(problem.Error, "it is empty") {
				t.Errorf("%s with nothing: %s", route, problem.Error)
			}
			if len(problem.Error) > 300 || o.Store.Writes() != before || len(o.sent) != 0 {
				t.Errorf("%s with %s: %d writes, %s", route, name, o.Store.Writes()-before, problem.Error)
			}
		}
	}
}

func TestAnIncidentIsFoundByWhatNamesItAloneAndElseItIsSaidWhy(t *testing.T) {
	o := open(t, "act")
	for i, id := range []string{"review-prod-11", "review-prod-12"} {
		inc := ledger.Incident{ID: id, OpenedAt: o.Now().Add(time.Duration(i) * time.Minute), Target: ledger.Target{Service: id, Stage: "prod"}}
		_, err := o.World.Ledger.Open(t.Context(), inc, ledger.Lease{Target: inc.Target})
		must(t, err)
	}
	for id, want := range map[string]string{"review-prod-11": "review-prod-11", "last": "review-prod-12", "review-prod-12": "review-prod-12"} {
		o.wants(t, "anna", "GET /v1/incidents/"+id, "", 200, `"id":"`+want+`"`)
	}
	for _, route := range []string{"GET /v1/incidents/%s", "GET /v1/incidents/%s/events", "POST /v1/incidents/%s/undo", "POST /v1/incidents/%s/approve", "POST /v1/incidents/%s/reject"} {
		status, says := http.StatusNotFound, `nobody-1`
		if strings.HasSuffix(route, "/events") {
			status, says = http.StatusOK, "[]" // no incident has no events
		}
		o.wants(t, "anna", fmt.Sprintf(route, "nobody-1"), `{}`, status, says)
		o.wants(t, "anna", fmt.Sprintf(route, "review-prod"), `{}`, http.StatusBadRequest, "could be any of review-prod-12, review-prod-11")
	}
}

func TestListsAreBoundedAndEmptyRatherThanNothing(t *testing.T) {
	o := open(t, "act")
	since := o.Now().Format(time.RFC3339)
	for request, says := range map[string]string{
		"GET /v1/incidents":         "[]",
		"GET /v1/incidents?limit=1": "[]", "GET /v1/incidents?limit=1000": "[]",
		"GET /v1/releases?service=review&stage=prod&since=" + since: "[]",
	} {
		o.wants(t, "anna", request, "", http.StatusOK, says)
	}
	for request, says := range map[string]string{
		"GET /v1/incidents?limit=0": "limit", "GET /v1/incidents?limit=-1": "limit", "GET /v1/incidents?limit=1001": "limit",
		"GET /v1/incidents?limit=many":                              "limit",
		"GET /v1/incidents/x/events?after=x":                        "after",
		"GET /v1/releases?service=review&stage=prod":                "since",
		"GET /v1/releases?service=review&stage=prod&since=now":      "since",
		"GET /v1/releases?service=nobody&stage=prod&since=" + since: "knows no service",
		"GET /v1/releases?service=review&stage=none&since=" + since: "knows no service",
		"GET /v1/releases": "knows no service",
	} {
		o.wants(t, "anna", request, "", http.StatusBadRequest, says)
	}
}

func TestAListLeavesOutWhatAnEffectChangedAndAnIncidentTellsIt(t *testing.T) {
	o := open(t, "act")
	id := o.healed(t)
	images := func(raw []byte) int {
		return strings.Count(string(raw), `"before":`) + strings.Count(string(raw), `"after":`)
	}
	if raw := o.ask(t, "alice", "GET /v1/incidents", "").Body.Bytes(); images(raw) != 0 || !strings.Contains(string(raw), id) {
		t.Errorf("the list is %s", raw)
	}
	if raw := o.ask(t, "alice", "GET /v1/incidents/"+id, "").Body.Bytes(); images(raw) == 0 {
		t.Errorf("the incident is %s", raw)
	}
}

func TestIncidentsAreAsManyAsAreAskedForAndElseTwenty(t *testing.T) {
	o := open(t, "act")
	for i := range 25 {
		inc := ledger.Incident{ID: fmt.Sprint("i", i), OpenedAt: o.Now().Add(time.Duration(i) * time.Minute), Target: ledger.Target{Service: fmt.Sprint(i)}}
		_, err := o.World.Ledger.Open(t.Context(), inc, ledger.Lease{Target: inc.Target})
		must(t, err)
	}
	for query, want := range map[string]int{"": 20, "?limit=1": 1, "?limit=24": 24, "?limit=1000": 25} {
		var got []ledger.Incident
		w := o.ask(t, "anna", "GET /v1/incidents"+query, "")
		must(t, json.Unmarshal(w.Body.Bytes(), &got))
		if len(got) != want || got[0].ID != "i24" || w.Header().Get("Content-Type") != "application/json" {
			t.Errorf("%q gives %d, the first %s, as %s", query, len(got), got[0].ID, w.Header().Get("Content-Type"))
		}
	}
}

func TestEventsAreThoseAfterTheOneNamed(t *testing.T) {
	o := open(t, "act")
	id := o.healed(t)
	var all, later []ledger.Event
	must(t, json.Unmarshal(o.ask(t, "anna", "GET /v1/incidents/"+id+"/events", "").Body.Bytes(), &all))
	must(t, json.Unmarshal(o.ask(t, "anna", "GET /v1/incidents/last/events?after=1", "").Body.Bytes(), &later))
	if len(all) < 4 {
		t.Fatalf("all events: %+v", all)
	}
	if diff := cmp.Diff(all[2:], later); diff != "" {
		t.Error(diff)
	}
}

func TestStatusTellsOfEveryTargetAndOfWhatIsOpenFrozenHeldAndQuarantined(t *testing.T) {
	o := open(t, "act")
	o.about = operator.About{Version: "1.2.3", Queue: api.Queue{Depth: 3, Dead: 1}, Policy: api.PolicyStatus{File: "guardian.yaml"}}
	id := o.healed(t)
	o.wants(t, "anna", "POST /v1/freeze", `{"service":"review","for":"1h","why":"release day"}`, 200, "release day")
	var s api.Status
	must(t, json.Unmarshal(o.ask(t, "anna", "GET /v1/status", "").Body.Bytes(), &s))
	if s.Version != "1.2.3" || s.Queue.Depth != 3 || len(s.Freezes) != 1 || len(s.Quarantines) != 1 || len(s.Holds) != 1 || len(s.Open) != 0 || len(s.Targets) != 2 {
		t.Fatalf("status %+v", s)
	}
	if d := s.Targets[0]; d.Target.Stage != "dev" || d.Held || d.Release != "" || d.Proven {
		t.Errorf("dev is %+v", d)
	}
	if p := s.Targets[1]; !p.Held || p.Release != "v41" && !strings.Contains(p.Release, "v41") || !p.Proven || p.Health != "Healthy" || p.Incident != "" {
		t.Errorf("prod is %+v, after incident %s", p, id)
	}
	o.opens(t)
	must(t, json.Unmarshal(o.ask(t, "anna", "GET /v1/status", "").Body.Bytes(), &s))
	if s.Targets[0].Incident != "dev-1" || s.Targets[1].Incident != "" || len(s.Open) != 1 {
		t.Errorf("with an incident at dev: %+v", s.Targets)
	}
}

// opens lets there be an incident at dev.
func (o *office) opens(t *testing.T) {
	t.Helper()
	inc := ledger.Incident{ID: "dev-1", Target: ledger.Target{Service: "review", Stage: "dev"}, OpenedAt: o.Now()}
	_, err := o.World.Ledger.Open(t.Context(), inc, ledger.Lease{Target: inc.Target})
	must(t, err)
}

func TestAStatusThatCannotBeReadWholeIsNoStatus(t *testing.T) {
	o := open(t, "act")
	o.healed(t)
	reads, whole := 0, 0
	count := func(op string, _ []ledger.Op) memledger.Fault { reads++; return memledger.Fault{} }
	o.Store.SetFaults(count)
	o.wants(t, "anna", "GET /v1/status", "", http.StatusOK, "review-prod")
	whole, reads = reads, 0
	if whole < 6 {
		t.Fatalf("it reads %d times", whole)
	}
	for n := range whole {
		reads = 0
		o.Store.SetFaults(func(string, []ledger.Op) memledger.Fault {
			reads++
			if reads-1 == n {
				return memledger.Fault{Lost: memledger.ErrInjected}
			}
			return memledger.Fault{}
		})
		o.wants(t, "anna", "GET /v1/status", "", http.StatusInternalServerError, "injected")
	}
}

func TestAnErrorIsAStatusByWhatTheCallerCanDo(t *testing.T) {
	for _, tt := range []struct {
		status int
		errs   []error
	}{
		{http.StatusNotFound, []error{ledger.ErrNotFound}},
		{http.StatusBadRequest, []error{ledger.ErrAmbiguous}},
		{http.StatusConflict, []error{
			remedy.ErrCannotUndo, remedy.ErrNotAsking, remedy.ErrNotHeld, remedy.ErrQuarantined, ledger.ErrHeld, ledger.ErrConflict, flag.ErrConflict, deploy.ErrBusy,
		}},
		{http.StatusBadGateway, []error{
			deploy.ErrDenied, deploy.ErrUnauthenticated, deploy.ErrNotFound, deploy.ErrAutoSync, deploy.ErrGone, deploy.ErrUnavailable, deploy.ErrRefused,
			flag.ErrNotFound, flag.ErrNoVariant, flag.ErrUnavailable, flag.ErrInvalid, flag.ErrDenied,
		}},
		{http.StatusInternalServerError, []error{errors.New("disk full"), ledger.ErrTooLarge}},
	} {
		for _, err := range tt.errs {
			o := open(t, "act")
			o.down = fmt.Errorf("ask: %w", errors.Join(errors.New("beside"), err))
			o.wants(t, "anna", "GET /v1/status", "", tt.status, err.Error())
		}
	}
}

func TestWhatNoRouteIsIsNotFoundOrNotAllowed(t *testing.T) {
	o := open(t, "act")
	for request, want := range map[string]int{
		"GET /v1/": 404, "GET /v1/incidents/": 404, "GET /v2/status": 404, "POST /v1/status": 405, "GET /v1/freeze": 405, "DELETE /v1/incidents/x": 405,
	} {
		method, path, _ := strings.Cut(request, " ")
		w := httptest.NewRecorder()
		o.mux.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), method, path, http.NoBody))
		if w.Code != want {
			t.Errorf("%s: %d, want %d", request, w.Code, want)
		}
	}
}
