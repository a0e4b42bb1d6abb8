package main

import (
	"github.com/cinegit/guardian/internal/adapter/prometheus"
	"github.com/cinegit/guardian/internal/adapter/secrets"
	"github.com/cinegit/guardian/internal/policy"
)

// metricsFlags say by which policy recorded metrics are judged, and where they are.
type metricsFlags struct {
	Config     string `required:"" placeholder:"FILE" type:"path" help:"The policy, guardian.yaml."`
	Prometheus string `placeholder:"URL" help:"Ask this Prometheus, without a token, instead of the policy's."`
}

// load reads the policy.
func (f metricsFlags) load() (*policy.Policy, error) { return policy.Load(f.Config) }

// connect gives a client of the metrics; nobody is called yet. The policy's token goes to the
// policy's server only.
func (f metricsFlags) connect(p *policy.Policy) (*prometheus.Client, error) {
	conn := p.Connections.Prometheus
	if f.Prometheus != "" {
		conn = policy.Prometheus{URL: f.Prometheus, Timeout: conn.Timeout}
	}
	client, err := prometheus.New(prometheus.FromPolicy(conn, secrets.New().Token(conn.Token)))
	if err != nil {
		return nil, badInput("%w", err)
	}
	return client, nil
}
