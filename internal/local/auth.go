package local

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/cinegit/guardian/internal/policy"
)

// bearer is the token of a request; "" if it has none.
func bearer(r *http.Request) string {
	scheme, token, ok := strings.Cut(r.Header.Get("Authorization"), " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}

// sender checks a webhook's token against those in force: one, or two while rotating.
func (g *Guardian) sender(r *http.Request) error {
	refs := g.engine().policy.Server.WebhookTokens
	if len(refs) == 0 {
		return errors.New("no webhook token is set: write server.webhookTokens")
	}
	for _, ref := range refs {
		if g.matches(r.Context(), bearer(r), ref) {
			return nil
		}
	}
	return errors.New("bearer token is missing or wrong")
}

// operator names who a request comes from, by its token.
func (g *Guardian) operator(r *http.Request) (string, error) {
	operators := g.engine().policy.Server.Operators
	names := make([]string, 0, len(operators))
	for name := range operators {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		if g.matches(r.Context(), bearer(r), operators[name]) {
			return name, nil
		}
	}
	return "", errors.New("operator token is missing or wrong: set GUARDIAN_TOKEN")
}

// matches compares in constant time, and both sides hashed, so that not even the length shows. A
// secret that cannot be had matches nothing.
func (g *Guardian) matches(ctx context.Context, given string, ref policy.Secret) bool {
	want, err := g.secrets.Resolve(ctx, ref)
	if err != nil {
		g.log.WarnContext(ctx, "a token cannot be had", "error", err)
		return false
	}
	a, b := sha256.Sum256([]byte(given)), sha256.Sum256([]byte(want))
	return given != "" && subtle.ConstantTimeCompare(a[:], b[:]) == 1
}
