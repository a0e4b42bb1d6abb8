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

	// ErrUnchecked means that the token was not compared with every secret, as one cannot be had: whether it
	// opens is not known.
	ErrUnchecked = errors.New("the bearer token cannot be checked now: send it again")
)

// Any lets a request in that carries one of the tokens: one, or two while rotating. Else its error is
// ErrNoTokens, ErrWrong or ErrUnchecked.
func (c Check) Any(r *http.Request, refs []string) error {
	if len(refs) == 0 {
		return ErrNoTokens
	}
	given, otherwise := token(r), ErrWrong
	for _, ref := range refs {
		opens, err := c.matches(r.Context(), given, ref)
		if opens {
			return nil
		}
		if err != nil {
			otherwise = ErrUnchecked
		}
	}
	return otherwise
}

// Who names the operator whose token a request carries; refs are by name. Else its error is ErrStranger.
func (c Check) Who(r *http.Request, refs map[string]string) (string, error) {
	given := token(r)
	for _, name := range slices.Sorted(maps.Keys(refs)) {
		if opens, _ := c.matches(r.Context(), given, refs[name]); opens {
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
// a secret is none of it: no header can carry it. Its error, which is logged, is that the secret cannot be had.
func (c Check) matches(ctx context.Context, given, ref string) (bool, error) {
	if given == "" {
		return false, nil
	}
	want, err := c.Resolve(ctx, ref)
	if err != nil {
		c.Log.WarnContext(ctx, "a token cannot be had", "error", err)
		return false, err
	}
	a, b := sha256.Sum256([]byte(given)), sha256.Sum256([]byte(strings.TrimSpace(want)))
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1, nil
}
