package local

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/cinegit/guardian/internal/api"
	"github.com/cinegit/guardian/internal/intake"
	"github.com/cinegit/guardian/internal/operator"
	"github.com/cinegit/guardian/internal/remedy"
)

// probeTimeout bounds one connection's probe of /readyz.
const probeTimeout = 3 * time.Second

// Handler is everything that Guardian serves on its one port.
func (g *Guardian) Handler() http.Handler {
	mux := http.NewServeMux()
	g.intake().Serve(mux, intake.Alerts, intake.AlertList, intake.ArgoCD)
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, map[string]string{"status": "ok"})
	})
	mux.HandleFunc("GET /readyz", g.readyz)
	mux.Handle("GET /metrics", promhttp.HandlerFor(g.metrics.registry, promhttp.HandlerOpts{}))
	g.operator().Serve(mux)
	return mux
}

// operator answers operators, by the tokens of the policy in force.
func (g *Guardian) operator() *operator.Operator {
	return &operator.Operator{
		Flow: func() *remedy.Flow { return g.engine().flow }, Ledger: g.ledger,
		Authorize: func(r *http.Request) (string, error) {
			refs := map[string]string{}
			for name, ref := range g.engine().policy.Server.Operators {
				refs[name] = string(ref)
			}
			return g.tokens().Who(r, refs)
		},
		Send: func(ctx context.Context, id, token string, next remedy.Answer) error {
			return g.upkeep().Send(ctx, id, token, next)
		},
		Ended: g.metrics.ended, About: g.about, Log: g.log,
	}
}

func (g *Guardian) about(ctx context.Context) (operator.About, error) {
	queued, err := g.queued(ctx)
	return operator.About{
		Version: g.options.Version, Started: g.started, Queue: queued, Connections: g.probeAll(ctx),
		Policy: api.PolicyStatus{File: g.options.Config, LoadedAt: g.engine().loadedAt, Problem: g.policyProblem()},
	}, err
}

func (g *Guardian) queued(ctx context.Context) (api.Queue, error) {
	depth, err := g.queue.Depth(ctx)
	if err != nil {
		return api.Queue{}, err
	}
	dead, err := g.queue.Dead(ctx)
	return api.Queue{Depth: depth, Dead: len(dead)}, err
}

// readyz answers 200 when every connection works, else 503 with why not.
func (g *Guardian) readyz(w http.ResponseWriter, r *http.Request) {
	connections := g.probeAll(r.Context())
	status := http.StatusOK
	for _, c := range connections {
		if !c.OK {
			status = http.StatusServiceUnavailable
		}
	}
	answer(w, status, map[string]any{"ready": status == http.StatusOK, "connections": connections})
}

// probeAll asks every connection at once.
func (g *Guardian) probeAll(ctx context.Context) []api.Connection {
	return operator.AskAll(ctx, append([]operator.Probe{{Name: "ledger", Ask: g.probeLedger}, {Name: "policy", Ask: g.probePolicy}}, g.engine().probes...), probeTimeout)
}

func (g *Guardian) probeLedger(ctx context.Context) error {
	_, err := g.ledger.OpenIncidents(ctx)
	return err
}

func (g *Guardian) probePolicy(context.Context) error {
	if problem := g.policyProblem(); problem != "" {
		return errors.New("a newer policy file is not taken, the loaded one stays in force: " + problem)
	}
	return nil
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the client is gone: nobody left to tell
}
