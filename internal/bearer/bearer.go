// Package bearer checks the bearer token of a request against secrets that are looked up when they are
// needed, so that a rotated one is taken up. It knows neither policy nor store.
package bearer

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// Check looks up what a reference stands for and compares.
type Check struct {
	Resolve func(ctx context.Context, ref string) (string, error)
	Log     *slog.Logger
}

// Errors of a request whose token opens nothing.
var (
	ErrWrong    = errors.New("bearer token is missing or wrong")
	ErrNoTokens = errors.New("no webhook token is set: write server.webhookTokens")
	ErrStranger = errors.New("operator token is missing or wrong: set GUARDIAN_TOKEN")
)

// Any lets a request in that carries one of the tokens: one, or two while rotating.
func (c Check) Any(r *http.Request, refs []string) error {
	if len(refs) == 0 {
		return ErrNoTokens
	}
	given := token(r)
	for _, ref := range refs {
		if c.matches(r.Context(), given, ref) {
			return nil
		}
	}
	return ErrWrong
}

// Who names the operator whose token a request carries; refs are by name.
func (c Check) Who(r *http.Request, refs map[string]string) (string, error) {
	given := token(r)
	for _, name := range slices.Sorted(maps.Keys(refs)) {
		if c.matches(r.Context(), given, refs[name]) {
			return name, nil
		}
	}
	return "", ErrStranger
}

// token is the token of a request; "" if it has none.
func token(r *http.Request) string {
	scheme, token, ok := strings.Cut(r.Header.Get("Authorization"), " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}

// matches compares in constant time, and both sides hashed, so that not even the length shows. Space around
// a secret is none of it: no header can carry it. A secret that cannot be had matches nothing.
func (c Check) matches(ctx context.Context, given, ref string) bool {
	if given == "" {
		return false
	}
	want, err := c.Resolve(ctx, ref)
	if err != nil {
		c.Log.WarnContext(ctx, "a token cannot be had", "error", err)
		return false
	}
	a, b := sha256.Sum256([]byte(given)), sha256.Sum256([]byte(strings.TrimSpace(want)))
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1
}
