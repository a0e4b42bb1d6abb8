// Package httpclient builds the HTTP clients that adapters talk to outside systems with, so that
// all of them have a deadline, check certificates the same way and keep their tokens to themselves.
package httpclient

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"time"
)

// DefaultTimeout bounds a call whose Config has no Timeout.
const DefaultTimeout = 10 * time.Second

// maxRedirects is how often a server may send a call on within itself.
const maxRedirects = 3

// ErrRedirect is wrapped by a call's error when the server sent it to another host or scheme.
var ErrRedirect = errors.New("redirects elsewhere")

// Config says how a client reaches its server. Its zero value is a client without a token that
// trusts the machine's certificate authorities.
type Config struct {
	CAFile   string        // PEM file of certificate authorities, beside those of the machine
	Insecure bool          // do not check the server's certificate
	Timeout  time.Duration // of one call with its body; zero is DefaultTimeout
	// Token is asked before every call for the bearer token, so that a rotated one is seen. Nil
	// sends none.
	Token func(ctx context.Context) (string, error)
	// Uncompressed asks for answers as they are. Compressing many small ones costs a server more
	// than it saves.
	Uncompressed bool
}

// New builds a client. It uses the proxies that HTTP_PROXY, HTTPS_PROXY and NO_PROXY name, and
// follows no redirect to another host or scheme: such a call fails with ErrRedirect, because its
// token and its body are meant for nobody else. It fails where CAFile cannot be read.
func New(config Config) (*http.Client, error) {
	tlsConfig, err := TLSConfig(config.CAFile, config.Insecure)
	if err != nil {
		return nil, err
	}
	timeout := config.Timeout
	if timeout <= 0 {
		timeout = DefaultTimeout
	}
	transport := newTransport(tlsConfig)
	transport.DisableCompression = config.Uncompressed
	return &http.Client{
		Transport:     withToken(transport, config.Token),
		CheckRedirect: stayOnHost,
		Timeout:       timeout,
	}, nil
}

func newTransport(config *tls.Config) *http.Transport {
	dialer := &net.Dialer{Timeout: DefaultTimeout, KeepAlive: 30 * time.Second}
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           dialer.DialContext,
		TLSClientConfig:       config,
		ForceAttemptHTTP2:     true,
		MaxIdleConns:          32,
		MaxIdleConnsPerHost:   8,
		IdleConnTimeout:       90 * time.Second,
		TLSHandshakeTimeout:   DefaultTimeout,
		ExpectContinueTimeout: time.Second,
	}
}

// TLSConfig trusts the authorities in caFile (PEM; empty for none) beside those of the machine, or
// checks no certificate at all where insecure is set.
func TLSConfig(caFile string, insecure bool) (*tls.Config, error) {
	out := &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: insecure}
	if caFile == "" {
		return out, nil
	}
	pem, err := os.ReadFile(caFile)
	if err != nil {
		return nil, fmt.Errorf("read caFile: %w", err)
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool() // a machine without authorities of its own still has caFile
	}
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("caFile %s holds no PEM certificate", caFile)
	}
	out.RootCAs = pool
	return out, nil
}

func stayOnHost(next *http.Request, via []*http.Request) error {
	first := via[0].URL
	if next.URL.Host != first.Host || next.URL.Scheme != first.Scheme {
		return fmt.Errorf("%s://%s %w: to %s://%s", first.Scheme, first.Host, ErrRedirect, next.URL.Scheme, next.URL.Host)
	}
	if len(via) > maxRedirects {
		return fmt.Errorf("stopped after %d redirects", maxRedirects)
	}
	return nil
}

// WithoutURL takes the URL out of the error of a call: it may be a secret, or hold one. What is
// left still says which host could not be reached, where the network knows.
func WithoutURL(err error) error {
	var e *url.Error
	if !errors.As(err, &e) {
		return err
	}
	return e.Err
}
