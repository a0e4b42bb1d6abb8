package main

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/cinegit/guardian/internal/api"
	"github.com/cinegit/guardian/internal/ledger"
	"github.com/cinegit/guardian/internal/policy"
	"github.com/cinegit/guardian/internal/remedy"
)

// fakeServe answers as `guardian serve` does for one target review/prod with one incident. Below
// /proxy it answers as a proxy does.
func fakeServe(now time.Time) http.Handler {
	mux := http.NewServeMux()
	routes := map[string]func(r *http.Request) (int, any){
		"GET /v1/status":         func(*http.Request) (int, any) { return 200, fakeStatus(now) },
		"GET /v1/incidents":      fakeIncidents(now),
		"GET /v1/incidents/{id}": byID(func(r *http.Request) (int, any) { return 200, fakeExplained(now) }),
		"GET /v1/releases":       fakeReleases,
		"POST /v1/incidents/{id}/undo": byID(func(r *http.Request) (int, any) {
			inc := fakeIncident(now)
			inc.Effects[0].UndoneAt, inc.Effects[0].UndoneBy = now, "kim"
			return 200, inc
		}),
		"POST /v1/incidents/{id}/approve": byID(func(r *http.Request) (int, any) {
			return 409, api.Problem{Error: "incident review-prod-1f2e3d4c waits for no approval"}
		}),
		"POST /v1/incidents/{id}/reject": byID(rejected(now)),
		"POST /v1/freeze":                fakeFreeze(now),
		"POST /v1/unfreeze":              func(r *http.Request) (int, any) { return 200, read[api.Scope](r) },
		"POST /v1/release":               fakeRelease,
		"POST /v1/admit":                 fakeAdmit,
	}
	for pattern, route := range routes {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			status, answer := route(r)
			switch r.Header.Get("Authorization") {
			case "Bearer operator-token":
			case "Bearer viewer-token":
				status, answer = 403, api.Problem{Error: "this token may only look"}
			default:
				status, answer = 401, api.Problem{Error: "the token is missing or not known"}
			}
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(status)
			_ = json.NewEncoder(w).Encode(answer)
		})
	}
	mux.HandleFunc("/proxy/", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(http.StatusBadGateway)
		_, _ = io.WriteString(w, "<html>Bad Gateway</html>")
	})
	return mux
}

func read[T any](r *http.Request) (v T) {
	_ = json.NewDecoder(r.Body).Decode(&v)
	return v
}

// byID answers for the one incident there is, and 404 for any other.
func byID(next func(*http.Request) (int, any)) func(*http.Request) (int, any) {
	return func(r *http.Request) (int, any) {
		id := r.PathValue("id")
		if id == "last" || strings.HasPrefix("review-prod-1f2e3d4c", id) {
			return next(r)
		}
		return 404, api.Problem{Error: "incident " + id + " is not in the ledger"}
	}
}

func fakeIncident(now time.Time) ledger.Incident {
	return ledger.Incident{
		ID: "review-prod-1f2e3d4c", Target: ledger.Target{Service: "review", Stage: "prod"}, Rule: "5xx", Mode: policy.Act,
		StartsAt: now.Add(-time.Hour), OpenedAt: now.Add(-59 * time.Minute), Step: ledger.StepEnd, Current: -1,
		Effects: []ledger.Effect{{Kind: ledger.EffectRollback, What: "roll review-prod to v1", DoneAt: now.Add(-58 * time.Minute)}},
		End:     ledger.Healed, EndedAt: now.Add(-55 * time.Minute), Reason: "reverted v2 to v1",
	}
}

func fakeIncidents(now time.Time) func(*http.Request) (int, any) {
	return func(r *http.Request) (int, any) {
		if r.URL.Query().Get("limit") == "7" {
			return 200, []ledger.Incident{}
		}
		return 200, []ledger.Incident{fakeIncident(now)}
	}
}

func fakeExplained(now time.Time) api.Explained {
	inc := fakeIncident(now)
	return api.Explained{Incident: inc, Events: []ledger.Event{
		{Incident: inc.ID, Seq: 0, At: inc.OpenedAt, Kind: ledger.EventAlert, Text: "alert High5xxRate fires"},
		{Incident: inc.ID, Seq: 1, At: inc.EndedAt, Kind: ledger.EventEnd, End: inc.End, Text: "Healed: " + inc.Reason},
	}}
}

func rejected(now time.Time) func(*http.Request) (int, any) {
	return func(r *http.Request) (int, any) {
		inc := fakeIncident(now)
		inc.End, inc.Reason = ledger.StoodDown, read[api.Reason](r).Why
		return 200, inc
	}
}

func fakeFreeze(now time.Time) func(*http.Request) (int, any) {
	return func(r *http.Request) (int, any) {
		f := read[api.Freeze](r)
		if f.Service == "nosuch" {
			return 400, api.Problem{Error: `bad input: the policy knows no service "nosuch"`}
		}
		return 200, ledger.Freeze{Service: f.Service, Stage: f.Stage, Until: now.Add(f.For.D()), Why: f.Why, By: "kim", At: now}
	}
}

func fakeRelease(r *http.Request) (int, any) {
	switch body := read[api.Release](r); {
	case body.Service == "idle":
		return 409, api.Problem{Error: "idle/prod: nothing is held"}
	case body.Service == "broken":
		return 502, api.Problem{Error: "Argo CD is not reachable"}
	case body.Lift:
		return 200, remedy.Released{AutoSync: true, Lifted: []ledger.Quarantine{{Target: body.Target, Label: "v2", Incident: "review-prod-1f2e3d4c"}}}
	}
	return 200, remedy.Released{AutoSync: true}
}

func fakeAdmit(r *http.Request) (int, any) {
	if read[api.Admit](r).Release == "v2" {
		return 200, remedy.Admission{Why: "v2 is quarantined since incident review-prod-1f2e3d4c"}
	}
	return 200, remedy.Admission{Admitted: true, Why: "neither quarantined nor frozen"}
}

// fakeReleases knows one release of review/prod within what recorded has.
func fakeReleases(r *http.Request) (int, any) {
	if r.FormValue("stage") != "prod" {
		return 200, []ledger.Release{}
	}
	return 200, []ledger.Release{{
		Target: ledger.Target{Service: "review", Stage: "prod"}, Label: "v1.8.0", From: time.Date(2026, 8, 1, 10, 0, 0, 0, time.UTC),
	}}
}

func fakeStatus(now time.Time) api.Status {
	target := ledger.Target{Service: "review", Stage: "prod"}
	return api.Status{
		Version: "v0.2.0", Now: now, Started: now.Add(-time.Hour), Mode: policy.Act,
		Policy:      api.PolicyStatus{File: "guardian.yaml", LoadedAt: now.Add(-time.Hour)},
		Connections: []api.Connection{{Name: "argocd", OK: true}},
		Targets:     []api.Target{{Target: target, Mode: policy.Act, Release: "v1", Since: now.Add(-time.Hour), Proven: true, Health: "Healthy"}},
	}
}
