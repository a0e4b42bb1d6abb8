// Package awstest is what the tests of AWS adapters share: a server that speaks the JSON protocols of AWS,
// and a configuration that reaches it and nothing else.
package awstest

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/credentials"
)

// Operation answers one call: a status and what is encoded as its body.
type Operation func(body []byte) (status int, answer any)

// Fault is the answer that stands for an error of a service.
func Fault(kind string) (status int, answer any) {
	return http.StatusBadRequest, map[string]string{"__type": kind, "message": "said " + kind}
}

// Serve starts a service that knows the operations, by their names without the service's; it ends with the
// test. What is retried is retried at once.
func Serve(t *testing.T, operations map[string]Operation) aws.Config {
	t.Helper()
	return Handle(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, name, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
		body, err := io.ReadAll(r.Body)
		do := operations[name]
		if do == nil || err != nil {
			t.Errorf("unknown operation %q, %v", name, err)
			w.WriteHeader(http.StatusNotFound)
			return
		}
		status, answer := do(body)
		w.Header().Set("Content-Type", r.Header.Get("Content-Type"))
		w.WriteHeader(status)
		if err := json.NewEncoder(w).Encode(answer); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}))
}

// Handle starts a service of any other protocol.
func Handle(t *testing.T, h http.Handler) aws.Config {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return aws.Config{
		Region: "eu-west-1", BaseEndpoint: &server.URL,
		Credentials: credentials.NewStaticCredentialsProvider("AKIATEST", "test", ""),
		Retryer: func() aws.Retryer {
			return retry.NewStandard(func(o *retry.StandardOptions) {
				o.Backoff = retry.BackoffDelayerFunc(func(int, error) (time.Duration, error) { return 0, nil })
			})
		},
	}
}
