package operator_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cinegit/guardian/internal/ledger"
	"github.com/cinegit/guardian/internal/operator"
	"github.com/cinegit/guardian/internal/policy"
	"github.com/cinegit/guardian/internal/remedy"
	"github.com/cinegit/guardian/internal/remedy/remedytest"
	"github.com/cinegit/guardian/internal/sandbox/scenario"
)

func review() ledger.Target { return ledger.Target{Service: "review", Stage: "prod"} }

func app() remedytest.App { return remedytest.App{Name: "review-prod", AutoSync: true} }

// office answers operators over a world. Whoever says a name is let in, but for eve.
type office struct {
	*operator.Operator
	*scenario.World
	mux   *http.ServeMux
	about operator.About
	down  error // of About
	log   bytes.Buffer

	mu    sync.Mutex
	sent  []string
	ended []string
	fails error // of Send
}

func open(t *testing.T, mode string) *office {
	t.Helper()
	p, err := policy.Parse("guardian.yaml", []byte(`apiVersion: guardian/v1
mode: `+mode+`
connections:
  argocd: {server: argocd.example.org, token: env:TOKEN}
  prometheus: {url: http://prometheus.example.org}
  flags: {flagd: flags.json}
gates: {errors: {query: 'ratio{service="$service",stage="$stage"}', failureCondition: result > 0.05}}
services:
  review:
    gates: [errors]
    flags: {new-ranking: {safe: "off"}}
    stages: [{name: dev, application: review-dev}, {name: prod, application: review-prod, bake: 3m, settle: 2m}]
rules:
  - match: '{alertname="ManyErrors"}'
    target: {service: label service, stage: label env}
    remedies: [revert]
    verify: {within: 4m}
`))
	must(t, err)
	w, err := scenario.New(t.TempDir(), p, slog.New(slog.DiscardHandler), app())
	must(t, err)
	o := &office{World: w, mux: http.NewServeMux()}
	o.Operator = &operator.Operator{
		Flow: func() *remedy.Flow { return w.Flow }, Ledger: w.Ledger, Log: slog.New(slog.NewTextHandler(&o.log, nil)),
		Authorize: func(r *http.Request) (string, error) {
			if name := r.Header.Get("Name"); name != "" && name != "eve" {
				return name, nil
			}
			return "", errors.New("who are you?")
		},
		Send: func(_ context.Context, id, token string, next remedy.Answer) error {
			o.mu.Lock()
			defer o.mu.Unlock()
			o.sent = append(o.sent, strings.Join([]string{id, token, string(next.End)}, " "))
			return o.fails
		},
		Ended: func(a remedy.Answer) {
			o.mu.Lock()
			defer o.mu.Unlock()
			if a.End != "" {
				o.ended = append(o.ended, string(a.End))
			}
		},
		About: func(context.Context) (operator.About, error) { return o.about, o.down },
	}
	o.Serve(o.mux)
	return o
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// ask sends a request as METHOD /path, and gives what it is answered.
func (o *office) ask(t *testing.T, by, request, body string) *httptest.ResponseRecorder {
	t.Helper()
	method, path, _ := strings.Cut(request, " ")
	r := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body))
	r.Header.Set("Name", by)
	w := httptest.NewRecorder()
	o.mux.ServeHTTP(w, r)
	return w
}

// wants checks the status of an answer and that it says something.
func (o *office) wants(t *testing.T, by, request, body string, status int, says string) {
	t.Helper()
	w := o.ask(t, by, request, body)
	if w.Code != status || !strings.Contains(w.Body.String(), says) || !json.Valid(w.Body.Bytes()) {
		t.Errorf("%s %.100s by %q is answered with %d %s\nwant %d …%s…", request, body, by, w.Code, w.Body, status, says)
	}
}

// asks opens an incident that waits for a person.
func (o *office) asks(t *testing.T, id string) {
	t.Helper()
	inc := ledger.Incident{
		ID: id, Target: review(), Rule: o.Policy().Rules[0].Name, OpenedAt: o.Now(), StartsAt: o.Now(), Mode: policy.Suggest,
		Step: ledger.StepApprove, Token: "token", AskedAt: o.Now(),
		Plan: []ledger.Remedy{{Kind: policy.RemedyRevert, Bad: "b", BadName: "v42", Ask: "mode is suggest"}},
	}
	_, err := o.World.Ledger.Open(t.Context(), inc, ledger.Lease{Target: review()}.Taken(id, o.Now(), time.Hour))
	must(t, err)
}

// healed lets a bad release be reverted, and gives the incident.
func (o *office) healed(t *testing.T) string {
	t.Helper()
	o.Argo.Ship(app(), "v41", "ci")
	o.Until(t.Context(), 6*time.Minute)
	o.Metrics.Breaks["v42"] = 0.2
	o.Argo.Ship(app(), "v42", "ci")
	o.Until(t.Context(), 8*time.Minute)
	o.Receive(scenario.Alert("ManyErrors", "review", "prod", o.Now(), "firing"))
	o.Until(t.Context(), 12*time.Minute)
	all, err := o.World.Ledger.Incidents(t.Context(), 1)
	if err != nil || len(all) == 0 || all[0].End != ledger.Healed {
		t.Fatalf("incidents %+v, %v", all, err)
	}
	return all[0].ID
}
