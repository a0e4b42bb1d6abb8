// Package operator answers the guardian program: the API of package api over the ledger and the flow.
package operator

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/cinegit/guardian/internal/api"
	"github.com/cinegit/guardian/internal/deploy"
	"github.com/cinegit/guardian/internal/flag"
	"github.com/cinegit/guardian/internal/ledger"
	"github.com/cinegit/guardian/internal/remedy"
)

// errBadInput means that a request is not understood.
var errBadInput = errors.New("bad input")

// MaxBody is how long a request's body may be, in bytes.
const MaxBody = 1 << 20

// Operator is what the API works on.
type Operator struct {
	Flow      func() *remedy.Flow // under the policy in force
	Ledger    *ledger.Ledger
	Authorize func(r *http.Request) (name string, err error)
	Send      func(ctx context.Context, id, token string, next remedy.Answer) error // wakes the state machine that waits with the token
	Ended     func(a remedy.Answer)                                                 // called with an answer that is an incident's end
	About     func(ctx context.Context) (About, error)
	Log       *slog.Logger
}

// About is what only the process that serves knows of itself.
type About struct {
	Version     string
	Started     time.Time
	Policy      api.PolicyStatus
	Connections []api.Connection
	Queue       api.Queue
}

// act is what one route does for an operator; its answer is sent as JSON.
type act func(r *http.Request, by string) (any, error)

// Serve routes the API.
func (o *Operator) Serve(mux *http.ServeMux) {
	routes := map[string]act{
		"GET /v1/status":                  o.getStatus,
		"GET /v1/incidents":               o.getIncidents,
		"GET /v1/incidents/{id}":          o.getIncident,
		"GET /v1/incidents/{id}/events":   o.getEvents,
		"GET /v1/releases":                o.getReleases,
		"POST /v1/incidents/{id}/undo":    o.postUndo,
		"POST /v1/incidents/{id}/approve": o.postApprove(true),
		"POST /v1/incidents/{id}/reject":  o.postApprove(false),
		"POST /v1/freeze":                 o.postFreeze,
		"POST /v1/unfreeze":               o.postUnfreeze,
		"POST /v1/release":                o.postRelease,
		"POST /v1/admit":                  o.postAdmit,
	}
	for pattern, do := range routes {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			by, err := o.Authorize(r)
			if err != nil {
				problem(w, http.StatusUnauthorized, err)
				return
			}
			r.Body = http.MaxBytesReader(w, r.Body, MaxBody)
			body, err := do(r, by)
			if err != nil {
				problem(w, statusOf(err), err)
				return
			}
			answer(w, http.StatusOK, body)
		})
	}
}

// statusOf maps what went wrong to HTTP: see package api.
func statusOf(err error) int {
	switch {
	case isAny(err, errBadInput, ledger.ErrAmbiguous):
		return http.StatusBadRequest
	case errors.Is(err, ledger.ErrNotFound):
		return http.StatusNotFound
	case isAny(err, remedy.ErrCannotUndo, remedy.ErrNotAsking, remedy.ErrNotHeld, remedy.ErrQuarantined,
		ledger.ErrHeld, ledger.ErrConflict, flag.ErrConflict, deploy.ErrBusy):
		return http.StatusConflict
	case isAny(err, deploy.ErrDenied, deploy.ErrUnauthenticated, deploy.ErrUnavailable, deploy.ErrRefused, deploy.ErrNotFound,
		deploy.ErrGone, deploy.ErrAutoSync, flag.ErrDenied, flag.ErrUnavailable, flag.ErrInvalid, flag.ErrNotFound, flag.ErrNoVariant):
		return http.StatusBadGateway
	}
	return http.StatusInternalServerError
}

func isAny(err error, kinds ...error) bool {
	for _, kind := range kinds {
		if errors.Is(err, kind) {
			return true
		}
	}
	return false
}

func decode(r *http.Request, into any) error {
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields()
	err := d.Decode(into)
	if errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: body: it is empty: send a JSON object", errBadInput)
	}
	if err != nil {
		return fmt.Errorf("%w: body: %.200s", errBadInput, err) //nolint:errorlint // cut, so that a long field of the sender's is not told whole
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: body: it goes on after the JSON object", errBadInput)
	}
	return nil
}

func (o *Operator) getIncidents(r *http.Request, _ string) (any, error) {
	limit := 20
	if s := r.URL.Query().Get("limit"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 || n > 1000 {
			return nil, fmt.Errorf("%w: limit %.20q is not a number from 1 to 1000", errBadInput, s)
		}
		limit = n
	}
	incidents, err := o.Ledger.Incidents(r.Context(), limit)
	for i := range incidents {
		incidents[i].Effects = withoutImages(incidents[i].Effects)
	}
	return incidents, err
}

// withoutImages leaves out what an effect changed, whole specs and documents, which a list has no use for.
func withoutImages(effects []ledger.Effect) []ledger.Effect {
	out := slices.Clone(effects)
	for i := range out {
		out[i].Before, out[i].After = nil, nil
	}
	return out
}

func (o *Operator) getIncident(r *http.Request, _ string) (any, error) {
	return Explain(r.Context(), o.Ledger, r.PathValue("id"))
}

func (o *Operator) getEvents(r *http.Request, _ string) (any, error) {
	id, err := o.Ledger.Find(r.Context(), r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	after := -1
	if s := r.URL.Query().Get("after"); s != "" {
		if after, err = strconv.Atoi(s); err != nil {
			return nil, fmt.Errorf("%w: after %.20q is not a number", errBadInput, s)
		}
	}
	return o.Ledger.Events(r.Context(), id, after)
}

func (o *Operator) getReleases(r *http.Request, _ string) (any, error) {
	query := r.URL.Query()
	t := ledger.Target{Service: query.Get("service"), Stage: query.Get("stage")}
	if err := o.knownTarget(t); err != nil {
		return nil, err
	}
	since, err := time.Parse(time.RFC3339, query.Get("since"))
	if err != nil {
		return nil, fmt.Errorf("%w: since %.40q is not a time as 2026-08-01T14:30:00Z", errBadInput, query.Get("since"))
	}
	return o.Ledger.ReleasesSince(r.Context(), t, since)
}

// problem answers with an api.Problem.
func problem(w http.ResponseWriter, status int, err error) {
	answer(w, status, api.Problem{Error: err.Error()})
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the client is gone: nobody left to tell
}

// Explain tells an incident with its timeline; id may be a unique prefix, or "last".
func Explain(ctx context.Context, l *ledger.Ledger, id string) (api.Explained, error) {
	id, err := l.Find(ctx, id)
	if err != nil {
		return api.Explained{}, err
	}
	inc, err := l.Incident(ctx, id)
	if err != nil {
		return api.Explained{}, err
	}
	events, err := l.Events(ctx, id, -1)
	return api.Explained{Incident: inc, Events: events}, err
}
