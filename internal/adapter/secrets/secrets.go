// Package secrets looks up what the references of a policy stand for. Package lookup below it does so
// without knowing what a policy is, for what must stay small.
package secrets

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/smithy-go/logging"

	"github.com/cinegit/guardian/internal/adapter/secrets/lookup"
	"github.com/cinegit/guardian/internal/policy"
)

// Resolver looks secrets up. Nothing is connected to before the first secret:NAME. Many goroutines
// may use it at once.
type Resolver struct{ refs *lookup.Resolver }

// New makes a resolver that reaches AWS as the AWS SDK does: by environment, profile or role.
func New() *Resolver {
	return With(func(ctx context.Context) (aws.Config, error) {
		return config.LoadDefaultConfig(ctx, config.WithLogger(logging.Nop{})) // what fails is returned; its own log would go past ours
	})
}

// With makes a resolver that reaches AWS by a configuration; it is loaded when it is first needed.
func With(load func(ctx context.Context) (aws.Config, error)) *Resolver {
	return &Resolver{lookup.New(load)}
}

// Resolve gives what a reference stands for; see lookup.Resolver.
func (r *Resolver) Resolve(ctx context.Context, ref policy.Secret) (string, error) {
	return r.refs.Resolve(ctx, string(ref))
}

// Token resolves a reference at every call, so that a rotated secret is taken up; nil for none.
func (r *Resolver) Token(ref policy.Secret) func(context.Context) (string, error) {
	if ref == "" {
		return nil
	}
	return func(ctx context.Context) (string, error) { return r.Resolve(ctx, ref) }
}
