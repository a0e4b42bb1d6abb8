package secrets_test

import (
	"testing"

	"github.com/cinegit/guardian/internal/adapter/secrets"
	"github.com/cinegit/guardian/internal/policy"
)

func TestAReferenceOfAPolicyIsLookedUp(t *testing.T) {
	t.Setenv("GUARDIAN_TEST", "value")
	r := secrets.New()
	if got, err := r.Resolve(t.Context(), policy.Secret("env:GUARDIAN_TEST")); err != nil || got != "value" {
		t.Errorf("got %q, %v", got, err)
	}
	if _, err := r.Resolve(t.Context(), "value"); err == nil {
		t.Error("a secret that stands in the policy itself is taken")
	}
}
