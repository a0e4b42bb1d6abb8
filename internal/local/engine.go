package local

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/cinegit/guardian/internal/adapter/argocd"
	"github.com/cinegit/guardian/internal/adapter/flagstore"
	"github.com/cinegit/guardian/internal/adapter/notify"
	"github.com/cinegit/guardian/internal/adapter/prometheus"
	"github.com/cinegit/guardian/internal/adapter/secrets"
	"github.com/cinegit/guardian/internal/health"
	"github.com/cinegit/guardian/internal/ledger"
	"github.com/cinegit/guardian/internal/operator"
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
	probes   []operator.Probe
	close    func() error
}

// newEngine connects what the policy names. It calls nobody: what is not reachable now may be later.
func newEngine(p *policy.Policy, l *ledger.Ledger, resolver *secrets.Resolver, log *slog.Logger) (*engine, error) {
	argo, err := argocd.New(argocd.FromPolicy(p.Connections.ArgoCD, resolver.Token(p.Connections.ArgoCD.Token)))
	if err != nil {
		return nil, fmt.Errorf("connections.argocd: %w", err)
	}
	prom, err := prometheus.New(prometheus.FromPolicy(p.Connections.Prometheus, resolver.Token(p.Connections.Prometheus.Token)))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("connections.prometheus: %w", err), argo.Close())
	}
	flags, err := flagstore.FromPolicy(p.Connections.Flags, resolver.Token)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("connections.flags: %w", err), argo.Close())
	}
	channels, err := notify.New(p.Notify, resolver.Resolve, log)
	if err != nil {
		return nil, errors.Join(err, argo.Close(), flags.Close())
	}
	e := &engine{
		policy: p, loadedAt: time.Now(), channels: channels,
		close: func() error { return errors.Join(argo.Close(), flags.Close()) },
		probes: []operator.Probe{
			{Name: "argocd", Ask: func(ctx context.Context) error { return argo.ProbeFor(ctx, p) }},
			{Name: "prometheus", Ask: prom.Probe},
		},
	}
	if flags.Probe != nil {
		e.probes = append(e.probes, operator.Probe{Name: "flags", Ask: flags.Probe})
	}
	current := func() *policy.Policy { return p }
	judge := health.Judge{Metrics: prom}
	e.flow = &remedy.Flow{
		Policy: current, Ledger: l, Health: judge, Deployer: argo, Flags: flags.Flags, Switch: flags.Switch,
		Now: time.Now, Log: log,
	}
	e.rec = &reconcile.Reconciler{
		Policy: current, Ledger: l, Deployer: argo, Flags: flags.Flags, Health: judge, Now: time.Now, Log: log,
	}
	return e, nil
}
