package argocd_test

import (
	"context"
	"testing"

	"github.com/cinegit/guardian/internal/adapter/argocd"
)

func newClient(t *testing.T, config argocd.Config) *argocd.Client {
	t.Helper()
	client, err := argocd.New(config)
	must(t, err)
	t.Cleanup(func() { must(t, client.Close()) })
	return client
}

func constant(token string) func(context.Context) (string, error) {
	return func(context.Context) (string, error) { return token, nil }
}
