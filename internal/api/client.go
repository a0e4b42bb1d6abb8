package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/cinegit/guardian/internal/adapter/httpclient"
	"github.com/cinegit/guardian/internal/ledger"
	"github.com/cinegit/guardian/internal/remedy"
)

// maxAnswer bounds what is read of one answer, in bytes.
const maxAnswer = 32 << 20

// ClientConfig says where a running `guardian serve` is and who asks.
type ClientConfig struct {
	URL      string        // http or https, without /v1; a path before /v1 is kept
	Token    string        // the operator's bearer token; empty sends none
	CAFile   string        // PEM file of certificate authorities, beside those of the machine
	Insecure bool          // do not check the server's certificate
	Timeout  time.Duration // of one call; zero is httpclient.DefaultTimeout
}

// Client talks to a running `guardian serve`, one method a route. An answer that is no success comes
// back as *Error. It is safe for concurrent use.
type Client struct {
	base *url.URL
	http *http.Client
}

// New builds a client and calls nobody. It fails where URL or CAFile cannot be used.
func New(config ClientConfig) (*Client, error) {
	base, err := parseURL(config.URL)
	if err != nil {
		return nil, err
	}
	hc := httpclient.Config{CAFile: config.CAFile, Insecure: config.Insecure, Timeout: config.Timeout}
	if config.Token != "" {
		hc.Token = func(context.Context) (string, error) { return config.Token, nil }
	}
	client, err := httpclient.New(hc)
	if err != nil {
		return nil, err
	}
	return &Client{base: base, http: client}, nil
}

// parseURL keeps the text itself out of its errors, for it may hold a password.
func parseURL(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, errors.New("the server is not an http or https URL: write it like https://guardian.example.com or http://127.0.0.1:8080")
	}
	if u.User != nil {
		return nil, errors.New("the server's URL holds a user or password: give the token in GUARDIAN_TOKEN instead")
	}
	u.RawQuery, u.Fragment = "", ""
	return u, nil
}

// Close lets the idle connections go.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Status tells how Guardian and everything it watches is.
func (c *Client) Status(ctx context.Context) (out Status, err error) {
	return out, c.get(ctx, c.at("status"), &out)
}

// Incidents gives at most limit incidents, the newest first; 0 leaves the number to the server.
func (c *Client) Incidents(ctx context.Context, limit int) (out []ledger.Incident, err error) {
	at := c.at("incidents")
	if limit > 0 {
		at.RawQuery = url.Values{"limit": {strconv.Itoa(limit)}}.Encode()
	}
	return out, c.get(ctx, at, &out)
}

// Explain gives an incident with its timeline. The id may be a unique prefix, or "last".
func (c *Client) Explain(ctx context.Context, id string) (out Explained, err error) {
	if err := checkID(id); err != nil {
		return out, err
	}
	return out, c.get(ctx, c.at("incidents", id), &out)
}

// Events gives the entries of an incident's timeline whose Seq is above after; -1 gives all.
func (c *Client) Events(ctx context.Context, id string, after int) (out []ledger.Event, err error) {
	if err := checkID(id); err != nil {
		return nil, err
	}
	at := c.at("incidents", id, "events")
	at.RawQuery = url.Values{"after": {strconv.Itoa(after)}}.Encode()
	return out, c.get(ctx, at, &out)
}

// Releases gives the runs of a target that began at a moment or later, the oldest first.
func (c *Client) Releases(ctx context.Context, t ledger.Target, since time.Time) (out []ledger.Release, err error) {
	at := c.at("releases")
	at.RawQuery = url.Values{"service": {t.Service}, "stage": {t.Stage}, "since": {since.Format(time.RFC3339)}}.Encode()
	return out, c.get(ctx, at, &out)
}

// Undo puts back what Guardian changed in an incident.
func (c *Client) Undo(ctx context.Context, id, why string) (ledger.Incident, error) {
	return c.decide(ctx, id, "undo", why)
}

// Approve lets the remedy that an incident waits with be carried out.
func (c *Client) Approve(ctx context.Context, id, why string) (ledger.Incident, error) {
	return c.decide(ctx, id, "approve", why)
}

// Reject forbids it.
func (c *Client) Reject(ctx context.Context, id, why string) (ledger.Incident, error) {
	return c.decide(ctx, id, "reject", why)
}

func (c *Client) decide(ctx context.Context, id, what, why string) (out ledger.Incident, err error) {
	if err := checkID(id); err != nil {
		return out, err
	}
	return out, c.post(ctx, c.at("incidents", id, what), Reason{Why: why}, &out)
}

// Freeze stops promotions in a scope for a while.
func (c *Client) Freeze(ctx context.Context, f Freeze) (out ledger.Freeze, err error) {
	return out, c.post(ctx, c.at("freeze"), f, &out)
}

// Unfreeze lifts the freeze of exactly this scope.
func (c *Client) Unfreeze(ctx context.Context, s Scope) error {
	return c.post(ctx, c.at("unfreeze"), s, nil)
}

// Release gives a target's auto-sync back.
func (c *Client) Release(ctx context.Context, r Release) (out remedy.Released, err error) {
	return out, c.post(ctx, c.at("release"), r, &out)
}

// Admit asks whether a release may be shipped to a target now. Not admitted is an answer, no error.
func (c *Client) Admit(ctx context.Context, a Admit) (out remedy.Admission, err error) {
	return out, c.post(ctx, c.at("admit"), a, &out)
}

// checkID keeps an id from pointing to another route.
func checkID(id string) error {
	other := func(r rune) bool { return !strings.ContainsRune(idRunes, r) }
	if strings.Trim(id, ".") == "" || strings.ContainsFunc(id, other) {
		return &Error{Status: http.StatusBadRequest, Message: fmt.Sprintf("%q is not an incident's id: guardian incidents lists them", id)}
	}
	return nil
}

// idRunes are those of service and stage names and of hexadecimal digits.
const idRunes = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-"

func (c *Client) at(route ...string) *url.URL {
	return c.base.JoinPath(append([]string{"v1"}, route...)...)
}

func (c *Client) get(ctx context.Context, at *url.URL, out any) error {
	return c.call(ctx, http.MethodGet, at, http.NoBody, out)
}

func (c *Client) post(ctx context.Context, at *url.URL, in, out any) error {
	raw, err := json.Marshal(in)
	if err != nil {
		return fmt.Errorf("encode request: %w", err)
	}
	return c.call(ctx, http.MethodPost, at, bytes.NewReader(raw), out)
}

func (c *Client) call(ctx context.Context, method string, at *url.URL, body io.Reader, out any) error {
	req, err := http.NewRequestWithContext(ctx, method, at.String(), body)
	if err != nil {
		return fmt.Errorf("ask guardian: %w", httpclient.WithoutURL(err))
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("Content-Type", "application/json")
	resp, err := c.http.Do(req)
	if err != nil {
		return c.unreachable(err)
	}
	defer func() { _ = resp.Body.Close() }()
	raw, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err != nil {
		return c.unreachable(err)
	}
	if len(raw) > maxAnswer {
		return fmt.Errorf("the answer of %s is larger than %d MiB: ask for less, as with --limit", c.base, maxAnswer>>20)
	}
	return c.read(resp, raw, out)
}
