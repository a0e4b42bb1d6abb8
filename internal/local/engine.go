package local

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/cinegit/guardian/internal/adapter/argocd"
	"github.com/cinegit/guardian/internal/adapter/notify"
	"github.com/cinegit/guardian/internal/adapter/prometheus"
	"github.com/cinegit/guardian/internal/adapter/secrets"
	"github.com/cinegit/guardian/internal/deploy"
	"github.com/cinegit/guardian/internal/health"
	"github.com/cinegit/guardian/internal/ledger"
	"github.com/cinegit/guardian/internal/policy"
	"github.com/cinegit/guardian/internal/reconcile"
	"github.com/cinegit/guardian/internal/remedy"
)

// engine is one policy with everything that it connects. A reload makes a new one; what runs keeps
// the one that it began with.
type engine struct {
	policy   *policy.Policy
	loadedAt time.Time
	flow     *remedy.Flow
	rec      *reconcile.Reconciler
	channels []notify.Channel
	probes   []probe
	close    func() error
}

// probe asks one connection whether it works.
type probe struct {
	name string
	ask  func(ctx context.Context) error
}

// newEngine connects what the policy names. It calls nobody: what is not reachable now may be later.
func newEngine(p *policy.Policy, l *ledger.Ledger, resolver *secrets.Resolver, log *slog.Logger) (*engine, error) {
	argo, err := argocd.New(argocdConfig(p.Connections.ArgoCD, resolver))
	if err != nil {
		return nil, fmt.Errorf("connections.argocd: %w", err)
	}
	prom, err := prometheus.New(prometheusConfig(p.Connections.Prometheus, resolver))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("connections.prometheus: %w", err), argo.Close())
	}
	flags, err := newFlags(p.Connections.Flags)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("connections.flags: %w", err), argo.Close())
	}
	channels, err := notify.New(p.Notify, resolver.Resolve, log)
	if err != nil {
		return nil, errors.Join(err, argo.Close(), flags.close())
	}
	e := &engine{
		policy: p, loadedAt: time.Now(), channels: channels,
		close: func() error { return errors.Join(argo.Close(), flags.close()) },
		probes: []probe{
			{"argocd", func(ctx context.Context) error { return probeArgoCD(ctx, argo, p) }},
			{"prometheus", prom.Probe},
		},
	}
	if flags.store != nil {
		e.probes = append(e.probes, probe{"flags", func(ctx context.Context) error { _, err := flags.store.All(ctx); return err }})
	}
	current := func() *policy.Policy { return p }
	judge := health.Judge{Metrics: prom}
	e.flow = &remedy.Flow{
		Policy: current, Ledger: l, Health: judge, Deployer: argo, Flags: flags.flags, Switch: flags.own,
		Now: time.Now, Log: log,
	}
	e.rec = &reconcile.Reconciler{
		Policy: current, Ledger: l, Deployer: argo, Flags: flags.flags, Health: judge, Now: time.Now, Log: log,
	}
	return e, nil
}

// probeArgoCD asks for the version, which takes no token, and then for one application, which does. Only
// a token that is not taken counts: what a single application lacks is told with its target.
func probeArgoCD(ctx context.Context, argo *argocd.Client, p *policy.Policy) error {
	if _, err := argo.Probe(ctx); err != nil {
		return err
	}
	if all := ledger.Targets(p); len(all) > 0 {
		_, stage, _ := p.Stage(all[0].Service, all[0].Stage)
		_, err := argo.Application(ctx, deploy.ParseRef(stage.Application, stage.Project))
		if errors.Is(err, deploy.ErrUnauthenticated) {
			return err
		}
	}
	return nil
}

func argocdConfig(c policy.ArgoCD, r *secrets.Resolver) argocd.Config {
	return argocd.Config{
		Server: c.Server, CAFile: c.CAFile, Insecure: c.Insecure, PlainText: c.PlainText,
		GRPCWeb: c.GRPCWeb, Timeout: c.Timeout.D(), Token: token(r, c.Token),
	}
}

func prometheusConfig(c policy.Prometheus, r *secrets.Resolver) prometheus.Config {
	return prometheus.Config{
		URL: c.URL, CAFile: c.CAFile, Insecure: c.Insecure, Timeout: c.Timeout.D(),
		ExternalURL: c.ExternalURL, Token: token(r, c.Token),
	}
}

// token resolves a reference at every call, so that a rotated secret is taken up; nil for none.
func token(r *secrets.Resolver, ref policy.Secret) func(context.Context) (string, error) {
	if ref == "" {
		return nil
	}
	return func(ctx context.Context) (string, error) { return r.Resolve(ctx, ref) }
}
