package argocd

import (
	"context"
	"errors"

	"github.com/cinegit/guardian/internal/deploy"
	"github.com/cinegit/guardian/internal/ledger"
	"github.com/cinegit/guardian/internal/policy"
)

// FromPolicy is the connection that a policy names. The token is asked for before every call.
func FromPolicy(c policy.ArgoCD, token func(context.Context) (string, error)) Config {
	return Config{
		Server: c.Server, CAFile: c.CAFile, Insecure: c.Insecure, PlainText: c.PlainText,
		GRPCWeb: c.GRPCWeb, Timeout: c.Timeout.D(), Token: token,
	}
}

// ProbeFor asks for the version, which takes no token, and then for one application of the policy, which
// does. Only a token that is not taken counts: what a single application lacks is told with its target.
func (c *Client) ProbeFor(ctx context.Context, p *policy.Policy) error {
	if _, err := c.Probe(ctx); err != nil {
		return err
	}
	if all := ledger.Targets(p); len(all) > 0 {
		_, stage, _ := p.Stage(all[0].Service, all[0].Stage)
		_, err := c.Application(ctx, deploy.ParseRef(stage.Application, stage.Project))
		if errors.Is(err, deploy.ErrUnauthenticated) {
			return err
		}
	}
	return nil
}
