// Package prometheus asks a Prometheus-compatible server (Prometheus, Thanos, Mimir,
// VictoriaMetrics) over its HTTP API.
package prometheus

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/api"
	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"

	"github.com/cinegit/guardian/internal/adapter/httpclient"
	"github.com/cinegit/guardian/internal/health"
)

// Config says where the server is and how it is reached.
type Config struct {
	URL         string // base URL, without /api/v1
	Token       func(ctx context.Context) (string, error)
	CAFile      string        // PEM file of certificate authorities, beside those of the machine
	Insecure    bool          // do not check the server's certificate
	Timeout     time.Duration // of one query; zero is httpclient.DefaultTimeout
	ExternalURL string        // where people open it, for links; empty is URL
}

// Client asks one server. It is safe for concurrent use.
type Client struct {
	api      v1.API
	http     *http.Client
	timeout  time.Duration
	external string
}

var _ health.Querier = (*Client)(nil)

// New builds a client and calls nobody. It fails where a URL or CAFile cannot be used.
func New(config Config) (*Client, error) {
	if err := checkURL("url", config.URL); err != nil {
		return nil, err
	}
	external := config.ExternalURL
	if external == "" {
		external = config.URL
	}
	if err := checkURL("externalURL", external); err != nil {
		return nil, err
	}
	if config.Timeout <= 0 {
		config.Timeout = httpclient.DefaultTimeout
	}
	client, err := httpclient.New(httpclient.Config{
		CAFile: config.CAFile, Insecure: config.Insecure, Timeout: config.Timeout, Token: config.Token,
		Uncompressed: true,
	})
	if err != nil {
		return nil, fmt.Errorf("prometheus: %w", err)
	}
	client.Transport = bounded{client.Transport}
	raw, err := api.NewClient(api.Config{Address: config.URL, Client: client})
	if err != nil {
		return nil, fmt.Errorf("prometheus: %w", err)
	}
	return &Client{api: v1.NewAPI(raw), http: client, timeout: config.Timeout, external: strings.TrimRight(external, "/")}, nil
}

// checkURL keeps the URL itself out of its errors, for it may hold a password.
func checkURL(name, text string) error {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return fmt.Errorf("prometheus: %s is not an http or https URL: write it like https://prometheus.example.com", name)
	}
	if u.User != nil {
		return fmt.Errorf("prometheus: %s holds a user or password: use token instead", name)
	}
	return nil
}

// Close lets the idle connections go.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Query asks an instant query as of a moment, within the client's timeout. A query that the
// server refuses, or whose result is no vector or scalar, wraps health.ErrQuery. An answer that
// the server calls incomplete (a warning that is not about the query, as Thanos gives for a store
// out of reach) is an error: half of the data is no measurement.
func (c *Client) Query(ctx context.Context, promql string, at time.Time) ([]float64, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	value, warnings, _, err := c.api.Query(ctx, promql, at)
	if err != nil {
		return nil, c.inWords(err)
	}
	if err := complete(warnings); err != nil {
		return nil, err
	}
	return valuesOf(value)
}

// complete is an error where the server says that data is missing from its answer.
func complete(warnings v1.Warnings) error {
	if i := slices.IndexFunc(warnings, incomplete); i >= 0 {
		return fmt.Errorf("prometheus: the answer is not complete: %s", warnings[i])
	}
	return nil
}

// incomplete tells a warning about the data from one about the query, as a quantile out of range,
// which Prometheus marks.
func incomplete(warning string) bool { return !strings.HasPrefix(warning, "PromQL ") }

// Probe asks the smallest query there is, to tell whether the server answers and takes the token.
func (c *Client) Probe(ctx context.Context) error {
	_, err := c.Query(ctx, "vector(1)", time.Time{})
	return err
}

func valuesOf(value model.Value) ([]float64, error) {
	switch v := value.(type) {
	case *model.Scalar:
		return []float64{float64(v.Value)}, nil
	case model.Vector:
		values := make([]float64, 0, len(v))
		for _, sample := range v {
			if sample.Histogram != nil {
				return nil, fmt.Errorf("%w: it gives a native histogram: apply histogram_quantile or histogram_count", health.ErrQuery)
			}
			values = append(values, float64(sample.Value))
		}
		return values, nil
	case nil:
		return nil, errors.New("prometheus: the answer has no result")
	}
	return nil, fmt.Errorf("%w: it gives a %s, not an instant vector or a scalar", health.ErrQuery, value.Type())
}

// inWords tells a wrong query from a server that could not answer, in one line.
func (c *Client) inWords(err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("prometheus: no answer within %s: %w", c.timeout, context.DeadlineExceeded)
	}
	var refused *v1.Error
	if !errors.As(err, &refused) {
		return fmt.Errorf("prometheus: %w", httpclient.WithoutURL(err))
	}
	switch {
	case refused.Type == v1.ErrBadData || refused.Type == v1.ErrExec:
		return fmt.Errorf("%w: %s", health.ErrQuery, refused.Msg)
	case strings.Contains(refused.Msg, `unexpected value type "string"`): // the library does not read it
		return fmt.Errorf("%w: it gives a string, not an instant vector or a scalar", health.ErrQuery)
	}
	return fmt.Errorf("prometheus: %s%s", refused.Msg, hint(refused))
}

// hint is what to look at when something other than a Prometheus that knows us answers.
func hint(refused *v1.Error) string {
	switch {
	case strings.HasSuffix(refused.Msg, "401"), strings.HasSuffix(refused.Msg, "403"):
		return ": the server does not take the token"
	case refused.Type == v1.ErrBadResponse, strings.HasSuffix(refused.Msg, "404"):
		return ": is url the base URL of a Prometheus, without /api/v1?"
	}
	return ""
}

// Link opens the query in Prometheus' own page, as of the moment.
func (c *Client) Link(promql string, at time.Time) string {
	q := url.Values{"g0.expr": {promql}, "g0.tab": {"0"}, "g0.range_input": {"1h"}}
	if !at.IsZero() {
		q.Set("g0.end_input", at.UTC().Format(time.DateTime))
		q.Set("g0.moment_input", at.UTC().Format(time.DateTime))
	}
	return c.external + "/graph?" + q.Encode()
}
