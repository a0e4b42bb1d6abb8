package api

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net"
	"net/http"
	"syscall"

	"github.com/cinegit/guardian/internal/adapter/httpclient"
)

// Error is Guardian's own answer that something was not done.
type Error struct {
	Status  int    // HTTP status; see the package's comment for what each means
	Message string // a sentence
}

// Error is the message.
func (e *Error) Error() string { return e.Message }

// ErrUnreachable is wrapped by the error of a call to which nobody answered.
var ErrUnreachable = errors.New("no answer from guardian")

// ErrForeign is wrapped by the error of a call that something other than Guardian answered.
var ErrForeign = errors.New("the answer is not guardian's")

// read decodes an answer into out, or into the error that it stands for.
func (c *Client) read(resp *http.Response, raw []byte, out any) error {
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		var p Problem
		if json.Unmarshal(raw, &p) == nil && p.Error != "" {
			return &Error{Status: resp.StatusCode, Message: p.Error}
		}
		return c.foreign(resp)
	}
	if out == nil {
		return nil
	}
	if !isJSON(resp) || json.Unmarshal(raw, out) != nil {
		return c.foreign(resp)
	}
	return nil
}

func isJSON(resp *http.Response) bool {
	kind, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	return err == nil && kind == "application/json"
}

// foreign tells of an answer that a proxy, a login page or another program gave. Its text is left
// out: it is made for other eyes, and may be a page long.
func (c *Client) foreign(resp *http.Response) error {
	kind, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if err != nil {
		kind = "no known content type"
	}
	return fmt.Errorf("%w: %s gave status %d with %s: is a proxy or another program in between? check --server or GUARDIAN_URL",
		ErrForeign, c.base, resp.StatusCode, kind)
}

// unreachable says why nobody answered, and what to look at.
func (c *Client) unreachable(err error) error {
	var authority x509.UnknownAuthorityError
	var name x509.HostnameError
	var plain tls.RecordHeaderError
	var host *net.DNSError
	switch cause := httpclient.WithoutURL(err); {
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("%w: connection refused: is guardian serve running at %s? set --server or GUARDIAN_URL", ErrUnreachable, c.base)
	case errors.As(err, &host):
		return fmt.Errorf("%w: the host %s is not known: set --server or GUARDIAN_URL", ErrUnreachable, host.Name)
	case errors.As(err, &authority):
		return fmt.Errorf("%w: the certificate of %s is signed by an authority that is not known here: give it with --ca-file", ErrUnreachable, c.base)
	case errors.As(err, &name):
		return fmt.Errorf("%w: the certificate of %s is for another host: %w", ErrUnreachable, c.base, name)
	case errors.As(err, &plain), errors.Is(err, http.ErrSchemeMismatch):
		return fmt.Errorf("%w: %s does not speak TLS: begin the URL with http://", ErrUnreachable, c.base)
	case errors.Is(err, context.Canceled):
		return context.Canceled
	case timedOut(err):
		return fmt.Errorf("%w: %s did not answer in time: what was asked for may still be done; look with guardian status", ErrUnreachable, c.base)
	default:
		return fmt.Errorf("%w: %s: %w", ErrUnreachable, c.base, cause)
	}
}

func timedOut(err error) bool {
	var timeout net.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.As(err, &timeout) && timeout.Timeout()
}
