package httpclient

import (
	"context"
	"fmt"
	"net/http"
)

// bearer puts a bearer token on every request that it passes on.
type bearer struct {
	next  *http.Transport
	token func(context.Context) (string, error)
}

func withToken(next *http.Transport, token func(context.Context) (string, error)) http.RoundTripper {
	if token == nil {
		return next
	}
	return bearer{next: next, token: token}
}

// RoundTrip implements http.RoundTripper.
func (b bearer) RoundTrip(req *http.Request) (*http.Response, error) {
	token, err := b.token(req.Context())
	if err != nil {
		closeBody(req)
		return nil, fmt.Errorf("get token: %w", err)
	}
	out := req.Clone(req.Context())
	out.Header.Set("Authorization", "Bearer "+token)
	return b.next.RoundTrip(out)
}

// CloseIdleConnections lets http.Client.CloseIdleConnections through.
func (b bearer) CloseIdleConnections() { b.next.CloseIdleConnections() }

// closeBody keeps http.RoundTripper's promise that the body is closed also on an error.
func closeBody(req *http.Request) {
	if req.Body != nil {
		_ = req.Body.Close()
	}
}
