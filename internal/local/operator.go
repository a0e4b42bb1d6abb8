package local

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
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

// act is what one route does for an operator; its answer is sent as JSON.
type act func(r *http.Request, by string) (any, error)

func (g *Guardian) operatorRoutes(mux *http.ServeMux) {
	routes := map[string]act{
		"GET /v1/status":                  g.getStatus,
		"GET /v1/incidents":               g.getIncidents,
		"GET /v1/incidents/{id}":          g.getIncident,
		"GET /v1/incidents/{id}/events":   g.getEvents,
		"GET /v1/releases":                g.getReleases,
		"POST /v1/incidents/{id}/undo":    g.postUndo,
		"POST /v1/incidents/{id}/approve": g.postApprove(true),
		"POST /v1/incidents/{id}/reject":  g.postApprove(false),
		"POST /v1/freeze":                 g.postFreeze,
		"POST /v1/unfreeze":               g.postUnfreeze,
		"POST /v1/release":                g.postRelease,
		"POST /v1/admit":                  g.postAdmit,
	}
	for pattern, do := range routes {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			by, err := g.operator(r)
			if err != nil {
				problem(w, http.StatusUnauthorized, err)
				return
			}
			r.Body = http.MaxBytesReader(w, r.Body, maxBody)
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
		deploy.ErrGone, deploy.ErrAutoSync, flag.ErrUnavailable, flag.ErrInvalid, flag.ErrNotFound, flag.ErrNoVariant):
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

func (g *Guardian) getIncidents(r *http.Request, _ string) (any, error) {
	limit := 20
	if s := r.URL.Query().Get("limit"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 || n > 1000 {
			return nil, fmt.Errorf("%w: limit %.20q is not a number from 1 to 1000", errBadInput, s)
		}
		limit = n
	}
	incidents, err := g.ledger.Incidents(r.Context(), limit)
	return orEmpty(incidents), err
}

func (g *Guardian) getIncident(r *http.Request, _ string) (any, error) {
	return explain(r.Context(), g.ledger, r.PathValue("id"))
}

func (g *Guardian) getEvents(r *http.Request, _ string) (any, error) {
	id, err := g.ledger.Find(r.Context(), r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	after := -1
	if s := r.URL.Query().Get("after"); s != "" {
		if after, err = strconv.Atoi(s); err != nil {
			return nil, fmt.Errorf("%w: after %.20q is not a number", errBadInput, s)
		}
	}
	events, err := g.ledger.Events(r.Context(), id, after)
	return orEmpty(events), err
}

func (g *Guardian) getReleases(r *http.Request, _ string) (any, error) {
	query := r.URL.Query()
	t := ledger.Target{Service: query.Get("service"), Stage: query.Get("stage")}
	if _, _, ok := g.engine().policy.Stage(t.Service, t.Stage); !ok {
		return nil, fmt.Errorf("%w: the policy knows no service %.60q with stage %.60q", errBadInput, t.Service, t.Stage)
	}
	since, err := time.Parse(time.RFC3339, query.Get("since"))
	if err != nil {
		return nil, fmt.Errorf("%w: since %.40q is not a time as 2026-08-01T14:30:00Z", errBadInput, query.Get("since"))
	}
	releases, err := g.ledger.ReleasesSince(r.Context(), t, since)
	return orEmpty(releases), err
}

func (g *Guardian) postUndo(r *http.Request, by string) (any, error) {
	var reason api.Reason
	if err := decode(r, &reason); err != nil {
		return nil, err
	}
	id, err := g.ledger.Find(r.Context(), r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	return g.engine().flow.Undo(r.Context(), id, by, reason.Why)
}

// postApprove records a person's answer and wakes the state machine that waits for it.
func (g *Guardian) postApprove(granted bool) act {
	return func(r *http.Request, by string) (any, error) {
		var reason api.Reason
		if err := decode(r, &reason); err != nil {
			return nil, err
		}
		id, err := g.ledger.Find(r.Context(), r.PathValue("id"))
		if err != nil {
			return nil, err
		}
		token, next, err := g.approve(r.Context(), id, ledger.Approval{Granted: granted, By: by, At: time.Now(), Why: reason.Why})
		if err != nil {
			return nil, err
		}
		g.metrics.ended(next)
		if err := g.send(r.Context(), token, next); err != nil {
			g.log.WarnContext(r.Context(), "the answer is recorded and will be sent again", "incident", id, "error", err)
		}
		return g.ledger.Incident(r.Context(), id)
	}
}

// approve tries again where an alert or a step wrote the incident at the same moment: a person is not to
// be asked twice for that.
func (g *Guardian) approve(ctx context.Context, id string, a ledger.Approval) (token string, next remedy.Answer, err error) {
	for range conflicts {
		token, next, err = g.engine().flow.Approve(ctx, id, a)
		if !errors.Is(err, ledger.ErrConflict) {
			break
		}
	}
	return token, next, err
}

func (g *Guardian) postFreeze(r *http.Request, by string) (any, error) {
	var f api.Freeze
	if err := decode(r, &f); err != nil {
		return nil, err
	}
	if err := g.known(f.Scope); err != nil {
		return nil, err
	}
	if f.For <= 0 || f.Why == "" {
		return nil, fmt.Errorf("%w: a freeze needs a time above zero and a reason", errBadInput)
	}
	now := time.Now()
	freeze := ledger.Freeze{Service: f.Service, Stage: f.Stage, Until: now.Add(f.For.D()), Why: f.Why, By: by, At: now}
	return freeze, g.ledger.SetFreeze(r.Context(), freeze)
}

func (g *Guardian) postUnfreeze(r *http.Request, _ string) (any, error) {
	var s api.Scope
	if err := decode(r, &s); err != nil {
		return nil, err
	}
	if err := g.known(s); err != nil {
		return nil, err
	}
	return s, g.ledger.LiftFreeze(r.Context(), s.Service, s.Stage)
}

// known checks that a scope names what the policy has.
func (g *Guardian) known(s api.Scope) error {
	p := g.engine().policy
	switch {
	case s.Service == "" && s.Stage == "":
		return nil
	case s.Stage == "":
		if _, ok := p.Services[s.Service]; ok {
			return nil
		}
	default:
		if _, _, ok := p.Stage(s.Service, s.Stage); ok {
			return nil
		}
	}
	return fmt.Errorf("%w: the policy knows no service %q with stage %q", errBadInput, s.Service, s.Stage)
}

func (g *Guardian) postRelease(r *http.Request, by string) (any, error) {
	var body api.Release
	if err := decode(r, &body); err != nil {
		return nil, err
	}
	if err := g.known(api.Scope{Service: body.Service, Stage: body.Stage}); err != nil {
		return nil, err
	}
	return g.engine().flow.Release(r.Context(), body.Target, by, body.Lift)
}

func (g *Guardian) postAdmit(r *http.Request, _ string) (any, error) {
	var body api.Admit
	if err := decode(r, &body); err != nil {
		return nil, err
	}
	if err := g.known(api.Scope{Service: body.Service, Stage: body.Stage}); err != nil {
		return nil, err
	}
	if body.Release == "" {
		return nil, fmt.Errorf("%w: name the release", errBadInput)
	}
	return g.engine().flow.Admit(r.Context(), body.Target, body.Release)
}

// orEmpty is a list that encodes as [] rather than null.
func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}
