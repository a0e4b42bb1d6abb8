// Package secrets looks up what the references of a policy stand for. Package lookup below it does so
// without knowing what a policy is, for what must stay small.
package secrets

import (
	"context"

	"github.com/cinegit/guardian/internal/adapter/secrets/lookup"
	"github.com/cinegit/guardian/internal/policy"
)

// Resolver looks secrets up. Nothing is connected to before the first secret:NAME. Many goroutines
// may use it at once.
type Resolver struct{ refs *lookup.Resolver }

// New makes a resolver.
func New() *Resolver { return &Resolver{lookup.New()} }

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
