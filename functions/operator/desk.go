package main

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"github.com/cinegit/guardian/internal/adapter/hand"
	"github.com/cinegit/guardian/internal/adapter/sqs"
	"github.com/cinegit/guardian/internal/adapter/stepfunctions"
	"github.com/cinegit/guardian/internal/api"
	"github.com/cinegit/guardian/internal/bearer"
	"github.com/cinegit/guardian/internal/lambdakit"
	"github.com/cinegit/guardian/internal/lambdakit/live"
	"github.com/cinegit/guardian/internal/operator"
	"github.com/cinegit/guardian/internal/policy"
	"github.com/cinegit/guardian/internal/remedy"
	"github.com/cinegit/guardian/internal/upkeep"
)

// version is what the Go linker wrote into the program.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "unknown"
	}
	return info.Main.Version
}

// probeTimeout bounds the probe of one connection.
const probeTimeout = 5 * time.Second

// desk is where operators are answered.
type desk struct {
	base                 *live.Base
	engines              *live.Engines[*remedy.Flow]
	started              time.Time
	address              string // of the policy
	machine              *stepfunctions.Machine
	queue                *sqs.Queue
	argocd, flags, judge hand.Invoke
}

// ServeHTTP answers one request, under the policy in force when it came.
func (d desk) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	e, err := d.engines.Current(r.Context())
	if err != nil {
		d.base.Log.ErrorContext(r.Context(), "policy", "error", err)
		say(w, http.StatusServiceUnavailable, api.Problem{Error: "the policy cannot be read: guardian's log says why"})
		return
	}
	o := &operator.Operator{
		Flow: func() *remedy.Flow { return e.Parts }, Ledger: d.base.Ledger, Ended: d.base.Ended, Log: d.base.Log,
		Authorize: func(r *http.Request) (string, error) { return d.who(r, e.Policy) },
		Send:      upkeep.Upkeep{Flow: e.Parts, Machine: d.machine, Ended: d.base.Ended}.Send,
		About:     func(ctx context.Context) (operator.About, error) { return d.about(ctx, e) },
	}
	mux := http.NewServeMux()
	o.Serve(mux)
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		say(w, http.StatusOK, map[string]string{"status": "ok"})
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) { d.readyz(w, r, e) })
	mux.ServeHTTP(w, r)
}

// who names the operator: who signed the request, where AWS demands a signature, else by the token.
func (d desk) who(r *http.Request, p *policy.Policy) (string, error) {
	if arn := lambdakit.Caller(r.Context()); arn != "" {
		return arn[strings.LastIndexByte(arn, '/')+1:], nil
	}
	check := bearer.Check{Log: d.base.Log, Resolve: func(ctx context.Context, ref string) (string, error) {
		return d.base.Secrets.Resolve(ctx, policy.Secret(ref))
	}}
	refs := map[string]string{}
	for name, ref := range p.Server.Operators {
		refs[name] = string(ref)
	}
	return check.Who(r, refs)
}

func (d desk) about(ctx context.Context, e live.Engine[*remedy.Flow]) (operator.About, error) {
	waiting, dead, err := d.queue.Depth(ctx)
	return operator.About{
		Version: version(), Started: d.started, Connections: d.connections(ctx, e),
		Policy: api.PolicyStatus{File: d.address, LoadedAt: e.LoadedAt, Problem: e.Problem},
		Queue:  api.Queue{Depth: waiting, Dead: dead},
	}, err
}

// connections asks everything at once whether it works.
func (d desk) connections(ctx context.Context, e live.Engine[*remedy.Flow]) []api.Connection {
	return operator.AskAll(ctx, []operator.Probe{
		{Name: "ledger", Ask: d.base.ProbeLedger},
		{Name: "policy", Ask: func(context.Context) error { return problem(e.Problem) }},
		{Name: "argocd", Ask: func(ctx context.Context) error { return hand.Probe(ctx, d.argocd) }},
		{Name: "prometheus", Ask: func(ctx context.Context) error { return hand.Probe(ctx, d.judge) }},
		{Name: "flags", Ask: func(ctx context.Context) error { return hand.Probe(ctx, d.flags) }},
	}, probeTimeout)
}

func problem(text string) error {
	if text == "" {
		return nil
	}
	return errors.New("a newer policy is not taken, the one in force stays: " + text)
}

// readyz answers an operator 200 when every connection works, else 503 with why not. Anybody else it tells
// nothing: it asks every hand, which costs.
func (d desk) readyz(w http.ResponseWriter, r *http.Request, e live.Engine[*remedy.Flow]) {
	if _, err := d.who(r, e.Policy); err != nil {
		say(w, http.StatusUnauthorized, api.Problem{Error: err.Error()})
		return
	}
	connections, status := d.connections(r.Context(), e), http.StatusOK
	for _, c := range connections {
		if !c.OK {
			status = http.StatusServiceUnavailable
		}
	}
	say(w, status, map[string]any{"ready": status == http.StatusOK, "connections": connections})
}

func say(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the answer is kept in memory
}
