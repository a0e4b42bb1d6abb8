package argocd_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/cinegit/guardian/internal/adapter/argocd"
	"github.com/cinegit/guardian/internal/deploy"
	sandbox "github.com/cinegit/guardian/internal/sandbox/argocd"
)

var web = deploy.Ref{Name: "web"}

func newClient(t *testing.T, config argocd.Config) *argocd.Client {
	t.Helper()
	client, err := argocd.New(config)
	must(t, err)
	t.Cleanup(func() { must(t, client.Close()) })
	return client
}

func constant(token string) func(context.Context) (string, error) {
	return func(context.Context) (string, error) { return token, nil }
}

// serve starts a sandbox on the loopback with application web, synced once.
func serve(t *testing.T, options sandbox.Options) (server *sandbox.Server, address string) {
	t.Helper()
	options.Accounts = accounts
	options.Timings = sandbox.Timings{PickUp: 1, Sync: 1, Stale: 1, Ready: 1}
	server = sandbox.New(options)
	server.Commit(map[string]sandbox.Manifests{"web": {Images: []string{"example.invalid/web:v1"}}})
	server.Create(sandbox.App{Ref: web, Path: "web"})
	must(t, server.Sync(web, "somebody"))
	address, err := server.Start("127.0.0.1:0")
	must(t, err)
	t.Cleanup(server.Close)
	return server, address
}

func TestAPeerThatAcceptsAndStaysSilentDoesNotHoldACall(t *testing.T) {
	for name, config := range map[string]argocd.Config{
		"plain text": {PlainText: true},
		"TLS":        {Insecure: true},
		"gRPC-web":   {GRPCWeb: true, PlainText: true},
	} {
		t.Run(name, func(t *testing.T) {
			config.Server, config.Timeout, config.Token = silent(t), 50*time.Millisecond, constant("guardian-token")
			client := newClient(t, config)
			if _, err := client.Probe(t.Context()); !errors.Is(err, deploy.ErrUnavailable) {
				t.Errorf("probe: error is %v", err)
			}
			err := client.Rollback(t.Context(), web, 0, false)
			if !errors.Is(err, deploy.ErrUnavailable) || !strings.Contains(err.Error(), "no answer within 50ms") {
				t.Errorf("rollback: error is %v", err)
			}
		})
	}
}

// silent gives the address of a server that accepts connections and never says a word.
func silent(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { _ = conn.Close() })
		}
	}()
	return listener.Addr().String()
}

func TestAMethodThatHangsEndsWithinTheTimeout(t *testing.T) {
	server, address := serve(t, sandbox.Options{})
	client := newClient(t, argocd.Config{Server: address, PlainText: true, Timeout: 50 * time.Millisecond, Token: constant("guardian-token")})
	server.Fail(sandbox.Fault{Method: "Rollback", Hang: true})
	if err := client.Rollback(t.Context(), web, 0, false); !errors.Is(err, deploy.ErrUnavailable) {
		t.Errorf("error is %v", err)
	}
}

func TestTheEnvironmentOfTheArgoCDProgramIsNotLookedAt(t *testing.T) {
	_, address := serve(t, sandbox.Options{})
	t.Setenv("ARGOCD_SERVER", address)
	t.Setenv("ARGOCD_AUTH_TOKEN", "guardian-token")
	if _, err := argocd.New(argocd.Config{PlainText: true, Token: constant("guardian-token")}); err == nil {
		t.Error("the server was taken from ARGOCD_SERVER")
	}
	for _, web := range []bool{false, true} {
		client := newClient(t, argocd.Config{Server: address, PlainText: true, GRPCWeb: web, Token: constant(" ")})
		if _, err := client.Application(t.Context(), deploy.Ref{Name: "web"}); !errors.Is(err, deploy.ErrUnauthenticated) {
			t.Errorf("the token was taken from ARGOCD_AUTH_TOKEN: error is %v", err)
		}
	}
}

func TestBadSettingsAreNamed(t *testing.T) {
	for name, config := range map[string]argocd.Config{
		"server is empty":  {Token: constant("t")},
		"has a scheme":     {Server: "https://argocd.example.invalid", Token: constant("t")},
		"token is missing": {Server: "argocd.example.invalid"},
		"/no/such/ca.pem":  {Server: "argocd.example.invalid", CAFile: "/no/such/ca.pem", Token: constant("t")},
	} {
		if _, err := argocd.New(config); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: error is %v", name, err)
		}
	}
}

func TestARotatedTokenIsTakenUpWithoutARestart(t *testing.T) {
	_, address := serve(t, sandbox.Options{})
	var asked atomic.Int32
	client := newClient(t, argocd.Config{Server: address, PlainText: true, Token: func(context.Context) (string, error) {
		if asked.Add(1) == 1 {
			return "withdrawn-token", nil
		}
		return "guardian-token\n", nil
	}})
	if _, err := client.Application(t.Context(), web); err != nil {
		t.Fatal(err)
	}
	if n := asked.Load(); n != 2 {
		t.Errorf("the token was asked for %d times", n)
	}
}

func TestATokenThatStaysBadIsTriedOnce(t *testing.T) {
	_, address := serve(t, sandbox.Options{})
	var asked atomic.Int32
	client := newClient(t, argocd.Config{Server: address, PlainText: true, Token: func(context.Context) (string, error) {
		asked.Add(1)
		return "withdrawn-token", nil
	}})
	_, err := client.Application(t.Context(), web)
	if !errors.Is(err, deploy.ErrUnauthenticated) || asked.Load() != 2 {
		t.Errorf("asked %d times, error is %v", asked.Load(), err)
	}
}

func TestATokenThatCannotBeHadIsSaidSo(t *testing.T) {
	_, address := serve(t, sandbox.Options{})
	lost := errors.New("no such secret")
	client := newClient(t, argocd.Config{Server: address, PlainText: true, Token: func(context.Context) (string, error) { return "", lost }})
	_, err := client.Application(t.Context(), web)
	if !errors.Is(err, deploy.ErrUnauthenticated) || !errors.Is(err, lost) {
		t.Errorf("error is %v", err)
	}
}

func TestOneConnectionServesAllCalls(t *testing.T) {
	_, address := serve(t, sandbox.Options{})
	proxied, accepted := counting(t, address)
	client := newClient(t, argocd.Config{Server: proxied, PlainText: true, Token: constant("guardian-token")})
	for range 5 {
		if _, err := client.Application(t.Context(), web); err != nil {
			t.Fatal(err)
		}
	}
	if version, err := client.Probe(t.Context()); err != nil || version != "v2.14.21+sandbox" {
		t.Errorf("version is %q, error %v", version, err)
	}
	if n := accepted.Load(); n != 1 {
		t.Errorf("there were %d connections", n)
	}
}

func TestAServerThatComesBackIsFoundAgain(t *testing.T) {
	server, address := serve(t, sandbox.Options{})
	client := newClient(t, argocd.Config{Server: address, PlainText: true, Token: constant("guardian-token")})
	if _, err := client.Application(t.Context(), web); err != nil {
		t.Fatal(err)
	}
	server.Close()
	if _, err := client.Application(t.Context(), web); !errors.Is(err, deploy.ErrUnavailable) {
		t.Fatalf("while down: error is %v", err)
	}
	if _, err := server.Start(address); err != nil {
		t.Fatal(err)
	}
	for t.Context().Err() == nil {
		_, err := client.Application(t.Context(), web)
		if err == nil {
			return
		}
		if !errors.Is(err, deploy.ErrUnavailable) {
			t.Fatal(err)
		}
	}
}

func TestACertificateIsCheckedUnlessToldOtherwise(t *testing.T) {
	config, caFile := certificate(t)
	_, address := serve(t, sandbox.Options{TLS: config})
	for name, tt := range map[string]struct {
		config argocd.Config
		ok     bool
	}{
		"an unknown authority is refused": {argocd.Config{}, false},
		"caFile makes it known":           {argocd.Config{CAFile: caFile}, true},
		"insecure does not ask":           {argocd.Config{Insecure: true}, true},
		"plain text is not understood":    {argocd.Config{PlainText: true}, false},
	} {
		t.Run(name, func(t *testing.T) {
			tt.config.Server, tt.config.Token = address, constant("guardian-token")
			_, err := newClient(t, tt.config).Application(t.Context(), web)
			if (err == nil) != tt.ok {
				t.Errorf("error is %v", err)
			}
			if err != nil && !errors.Is(err, deploy.ErrUnavailable) {
				t.Errorf("error is %v", err)
			}
			if name == "an unknown authority is refused" && !strings.Contains(err.Error(), "see caFile") {
				t.Errorf("error names no setting: %v", err)
			}
		})
	}
}

func TestALostAnswerSaysNothingOfWhetherTheRollbackLanded(t *testing.T) {
	server, address := serve(t, sandbox.Options{})
	client := newClient(t, argocd.Config{Server: address, PlainText: true, Token: constant("guardian-token")})
	server.Commit(map[string]sandbox.Manifests{"web": {Images: []string{"example.invalid/web:v2"}}})
	must(t, server.Refresh(web))
	must(t, server.Sync(web, "somebody"))
	before, err := client.Application(t.Context(), web)
	must(t, err)
	for _, landed := range []bool{false, true} {
		server.Fail(sandbox.Fault{Method: "Rollback", Code: codes.Unavailable, Landed: landed})
		if err := client.Rollback(t.Context(), web, 0, false); !errors.Is(err, deploy.ErrUnavailable) {
			t.Fatalf("error is %v", err)
		}
		now, err := client.Application(t.Context(), web)
		must(t, err)
		if got := deploy.Landed(now, deploy.MarkOf(before), before.History[0]); got != landed {
			t.Errorf("landed is %t where it is %t: %+v", got, landed, now.Operation)
		}
	}
}
