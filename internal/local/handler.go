package local

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/cinegit/guardian/internal/api"
)

// probeTimeout bounds one connection's probe of /readyz.
const probeTimeout = 3 * time.Second

// Handler is everything that Guardian serves on its one port.
func (g *Guardian) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("POST /webhooks/alertmanager", g.intake(kindAlerts, alertsGroup))
	mux.Handle("POST /webhooks/alertmanager/api/v2/alerts", g.intake(kindAlertList, alertListGroup))
	mux.Handle("POST /webhooks/argocd", g.intake(kindArgoCD, argocdGroup))
	mux.HandleFunc("/webhooks/", g.astray)
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, map[string]string{"status": "ok"})
	})
	mux.HandleFunc("GET /readyz", g.readyz)
	mux.Handle("GET /metrics", promhttp.HandlerFor(g.metrics.registry, promhttp.HandlerOpts{}))
	g.operatorRoutes(mux)
	return mux
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
	return askAll(ctx, append([]probe{{"ledger", g.probeLedger}, {"policy", g.probePolicy}}, g.engine().probes...), probeTimeout)
}

// askAll asks all at once, each for at most so long, and gives the answers in their order.
func askAll(ctx context.Context, probes []probe, timeout time.Duration) []api.Connection {
	out := make([]api.Connection, len(probes))
	var all sync.WaitGroup
	for i, p := range probes {
		all.Go(func() {
			ctx, cancel := context.WithTimeout(ctx, timeout)
			defer cancel()
			out[i] = api.Connection{Name: p.name, OK: true}
			if err := p.ask(ctx); err != nil {
				out[i].OK, out[i].Why = false, err.Error()
			}
		})
	}
	all.Wait()
	return out
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
