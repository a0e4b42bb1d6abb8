package httpclient_test

import (
	"context"
	"encoding/pem"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cinegit/guardian/internal/adapter/httpclient"
)

func newClient(t *testing.T, config httpclient.Config) *http.Client {
	t.Helper()
	client, err := httpclient.New(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.CloseIdleConnections)
	return client
}

func serve(t *testing.T, handler http.HandlerFunc) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server
}

func get(t *testing.T, client *http.Client, url string) (*http.Response, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := client.Do(req)
	if err == nil {
		_ = resp.Body.Close()
	}
	return resp, err
}

func constant(token string) func(context.Context) (string, error) {
	return func(context.Context) (string, error) { return token, nil }
}

func TestTheTokenIsAskedForBeforeEveryCall(t *testing.T) {
	var got []string
	server := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		got = append(got, r.Header.Get("Authorization"))
	})
	tokens := []string{"old", "new"}
	client := newClient(t, httpclient.Config{Token: func(context.Context) (string, error) {
		return tokens[len(got)], nil
	}})
	for range tokens {
		if _, err := get(t, client, server.URL); err != nil {
			t.Fatal(err)
		}
	}
	if strings.Join(got, ",") != "Bearer old,Bearer new" {
		t.Errorf("authorization headers were %q", got)
	}
}

func TestACallWithoutItsTokenIsNotMade(t *testing.T) {
	server := serve(t, func(http.ResponseWriter, *http.Request) { t.Error("the server was called") })
	lost := errors.New("no such secret")
	client := newClient(t, httpclient.Config{Token: func(context.Context) (string, error) { return "", lost }})
	if _, err := get(t, client, server.URL); !errors.Is(err, lost) {
		t.Errorf("error is %v", err)
	}
}

func TestARedirectToAnotherHostIsRefused(t *testing.T) {
	other := serve(t, func(http.ResponseWriter, *http.Request) { t.Error("the other host was called") })
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, other.URL+"/secret-path", http.StatusTemporaryRedirect)
	})
	_, err := get(t, newClient(t, httpclient.Config{Token: constant("s3cret")}), server.URL)
	if !errors.Is(err, httpclient.ErrRedirect) {
		t.Fatalf("error is %v", err)
	}
	if got := httpclient.WithoutURL(err).Error(); strings.Contains(got, "secret") {
		t.Errorf("error tells more than the host: %s", got)
	}
}

func TestARedirectWithinTheHostIsFollowedWithTheToken(t *testing.T) {
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/" {
			http.Redirect(w, r, "/prometheus", http.StatusFound)
			return
		}
		w.Header().Set("Got", r.Header.Get("Authorization"))
	})
	resp, err := get(t, newClient(t, httpclient.Config{Token: constant("s3cret")}), server.URL)
	if err != nil {
		t.Fatal(err)
	}
	if got := resp.Header.Get("Got"); got != "Bearer s3cret" {
		t.Errorf("authorization after the redirect is %q", got)
	}
}

func TestARedirectLoopEnds(t *testing.T) {
	server := serve(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/", http.StatusFound) })
	if _, err := get(t, newClient(t, httpclient.Config{}), server.URL); err == nil {
		t.Error("the loop had a happy end")
	}
}

func TestASilentServerRunsIntoTheTimeout(t *testing.T) {
	silence := make(chan struct{})
	server := serve(t, func(http.ResponseWriter, *http.Request) { <-silence })
	defer close(silence)
	_, err := get(t, newClient(t, httpclient.Config{Timeout: time.Millisecond}), server.URL)
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error is %v", err)
	}
}

func TestACertificateIsCheckedUnlessToldOtherwise(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(server.Close)
	caFile := filepath.Join(t.TempDir(), "ca.pem")
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(caFile, block, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		config httpclient.Config
		ok     bool
	}{
		"an unknown authority is refused": {httpclient.Config{}, false},
		"caFile makes it known":           {httpclient.Config{CAFile: caFile}, true},
		"insecure does not ask":           {httpclient.Config{Insecure: true}, true},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := get(t, newClient(t, tt.config), server.URL)
			if (err == nil) != tt.ok {
				t.Errorf("error is %v", err)
			}
		})
	}
}

func TestABadCAFileIsNamed(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{empty, "/no/such/ca.pem"} {
		_, err := httpclient.New(httpclient.Config{CAFile: path})
		if err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("error for %s is %v", path, err)
		}
	}
}

func TestTheErrorOfACallCanBeHadWithoutItsURL(t *testing.T) {
	server := serve(t, func(http.ResponseWriter, *http.Request) {})
	url := server.URL + "/services/T0/B0/s3cret"
	server.Close()
	_, err := get(t, newClient(t, httpclient.Config{}), url)
	if err == nil || !strings.Contains(err.Error(), "s3cret") {
		t.Fatalf("error without the URL to begin with: %v", err)
	}
	if got := httpclient.WithoutURL(err); strings.Contains(got.Error(), "s3cret") {
		t.Errorf("error is %v", got)
	}
}
