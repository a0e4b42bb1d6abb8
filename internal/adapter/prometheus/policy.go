package prometheus

import (
	"context"

	"github.com/cinegit/guardian/internal/policy"
)

// FromPolicy is the connection that a policy names. The token, nil for none, is asked for before every query.
func FromPolicy(c policy.Prometheus, token func(context.Context) (string, error)) Config {
	return Config{
		URL: c.URL, CAFile: c.CAFile, Insecure: c.Insecure, Timeout: c.Timeout.D(),
		ExternalURL: c.ExternalURL, Token: token,
	}
}
