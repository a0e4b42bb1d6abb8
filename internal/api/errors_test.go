package api_test

import (
	"context"
	"encoding/pem"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cinegit/guardian/internal/api"
)

// answering gives a client of a server that always answers so.
func answering(t *testing.T, status int, kind, body string) *api.Client {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", kind)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}))
	t.Cleanup(server.Close)
	return client(t, api.ClientConfig{URL: server.URL})
}

// mentions fails unless the error's text holds every part and is one short line.
func mentions(t *testing.T, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatal("no error")
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q does not mention %q", err, part)
		}
	}
	if strings.Contains(err.Error(), "\n") || len(err.Error()) > 300 {
		t.Errorf("not one short line: %q", err)
	}
}

func TestAProblemBecomesAnErrorWithItsStatus(t *testing.T) {
	for _, status := range []int{400, 401, 403, 404, 409, 500, 502} {
		c := answering(t, status, "application/json", `{"error":"nothing is held"}`)
		_, err := c.Status(t.Context())
		var problem *api.Error
		if !errors.As(err, &problem) || problem.Status != status || problem.Message != "nothing is held" {
			t.Errorf("status %d gave %v", status, err)
		}
	}
}

func TestWhatIsNotGuardiansAnswerIsSaidToBeForeign(t *testing.T) {
	cases := map[string]struct {
		status     int
		kind, body string
	}{
		"a proxy's error page":       {502, "text/html", "<html><h1>Bad Gateway</h1>"},
		"a login page":               {200, "text/html; charset=utf-8", "<html>sign in"},
		"garbage that says JSON":     {200, "application/json", "}{"},
		"JSON of another shape":      {200, "application/json", `[1,2]`},
		"an error of another shape":  {404, "application/json", `{"message":"no route"}`},
		"TLS spoken to as plain":     {400, "text/plain", "Client sent an HTTP request to an HTTPS server."},
		"JSON without its type":      {200, "text/plain", "{}"},
		"an empty error, no content": {503, "", ""},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := answering(t, test.status, test.kind, test.body).Status(t.Context())
			if !errors.Is(err, api.ErrForeign) {
				t.Fatalf("got %v", err)
			}
			mentions(t, err, "check --server or GUARDIAN_URL")
			if test.body != "" && strings.Contains(err.Error(), test.body) {
				t.Errorf("the foreign text is echoed: %q", err)
			}
		})
	}
}

func TestAnAnswerWithoutEndIsNotRead(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		spaces := []byte(strings.Repeat(" ", 1<<20))
		for range 64 {
			if _, err := w.Write(spaces); err != nil {
				return
			}
		}
	}))
	t.Cleanup(server.Close)
	_, err := client(t, api.ClientConfig{URL: server.URL}).Status(t.Context())
	mentions(t, err, "larger than 32 MiB")
}

func TestNobodyListeningSaysWhatToSet(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := "http://" + listener.Addr().String()
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	_, err = client(t, api.ClientConfig{URL: address}).Status(t.Context())
	if !errors.Is(err, api.ErrUnreachable) {
		t.Errorf("got %v", err)
	}
	mentions(t, err, "is guardian serve running at "+address+"?", "set --server or GUARDIAN_URL")
}

func TestASilentServerIsNotWaitedForBeyondTheTimeout(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	c := client(t, api.ClientConfig{URL: "http://" + listener.Addr().String(), Timeout: 20 * time.Millisecond})
	_, err = c.Undo(t.Context(), "last", "")
	if !errors.Is(err, api.ErrUnreachable) {
		t.Errorf("got %v", err)
	}
	mentions(t, err, "did not answer in time", "may still be done")
}

func TestACallEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := answering(t, 200, "application/json", "{}").Status(ctx)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestAnUnknownAuthorityIsMetByTheCAFile(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, "{}")
	}))
	t.Cleanup(server.Close)
	_, err := client(t, api.ClientConfig{URL: server.URL}).Status(t.Context())
	mentions(t, err, "authority", "--ca-file")

	file := filepath.Join(t.TempDir(), "ca.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := client(t, api.ClientConfig{URL: server.URL, CAFile: file}).Status(t.Context()); err != nil {
		t.Errorf("with its authority: %v", err)
	}
	if _, err := client(t, api.ClientConfig{URL: server.URL, Insecure: true}).Status(t.Context()); err != nil {
		t.Errorf("insecure: %v", err)
	}
}

func TestHTTPSToAPlainServerSaysSo(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(server.Close)
	c := client(t, api.ClientConfig{URL: strings.Replace(server.URL, "http:", "https:", 1)})
	_, err := c.Status(t.Context())
	mentions(t, err, "does not speak TLS", "http://")
}

func TestAnAddressThatCannotBeUsedIsRefusedWithoutShowingIt(t *testing.T) {
	for _, bad := range []string{"", "guardian", "guardian:8080", "ftp://guardian", "http://", "http://kim:hunter2@guardian", "http://hunter2\x7f"} {
		_, err := api.New(api.ClientConfig{URL: bad})
		if err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q gave %v", bad, err)
		}
	}
}

func TestAnIDNeverLeadsToAnotherRoute(t *testing.T) {
	c, last := serve(t, api.Explained{})
	for _, bad := range []string{"", ".", "..", "../status", "a/b", "a?b", "a b", "a%2fb", "é"} {
		_, err := c.Explain(t.Context(), bad)
		var problem *api.Error
		if !errors.As(err, &problem) || problem.Status != http.StatusBadRequest {
			t.Errorf("%q gave %v", bad, err)
		}
	}
	if *last != (seen{}) {
		t.Errorf("the server was asked: %+v", *last)
	}
}
