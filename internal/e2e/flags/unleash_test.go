//go:build e2e

package flags_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cinegit/guardian/internal/adapter/flagapi/faulty"
	"github.com/cinegit/guardian/internal/adapter/unleash"
	"github.com/cinegit/guardian/internal/e2e/aws/emulator"
	"github.com/cinegit/guardian/internal/e2e/proc"
	"github.com/cinegit/guardian/internal/flag"
	"github.com/cinegit/guardian/internal/flag/flagtest"
)

const (
	unleashVersion = "8.2.0"
	adminToken     = "*:*.guardian-admin"
	appToken       = "default:development.guardian-app"
	seenWithin     = 30 * time.Second
)

// server is a real Unleash with its project default and its environment development.
type server struct {
	url   string
	admin string // base of the project's features
}

func startUnleash(t *testing.T) *server {
	t.Helper()
	node, err := emulator.NodeWith(t.Context(), "unleash-"+unleashVersion, "unleash-server@"+unleashVersion)
	must(t, err)
	ports, err := proc.Ports(1)
	must(t, err)
	port := strconv.Itoa(ports[0])
	process, err := proc.Start(proc.Program{
		Name: "unleash", Path: node.Path, Logs: t.TempDir(),
		Args: []string{filepath.Join(node.Folder, "node_modules", "unleash-server", "dist", "server.js")},
		Env: []string{
			"DATABASE_URL=" + startPostgres(t), "DATABASE_SSL=false", "HTTP_HOST=127.0.0.1", "HTTP_PORT=" + port,
			"CHECK_VERSION=false", "SEND_TELEMETRY=false", "LOG_LEVEL=warn",
			"INIT_ADMIN_API_TOKENS=" + adminToken, "INIT_FRONTEND_API_TOKENS=" + appToken,
		},
	})
	must(t, err)
	t.Cleanup(process.Stop)
	address := "http://127.0.0.1:" + port
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	must(t, process.Ready(ctx, proc.Answers(http.DefaultClient, address+"/health")))
	return &server{url: address, admin: address + "/api/admin/projects/default/features"}
}

func (s *server) store(token string) *unleash.Store {
	return unleash.New(unleash.Config{
		URL: s.url, Project: "default", Environment: "development", HTTP: http.DefaultClient, Timeout: time.Minute,
		Token: func(context.Context) (string, error) { return token, nil },
	})
}

// call asks the admin API as a person does.
func (s *server) call(t *testing.T, method, address string, body any) {
	t.Helper()
	var text []byte
	if body != nil {
		var err error
		text, err = json.Marshal(body)
		must(t, err)
	}
	req, err := http.NewRequestWithContext(context.WithoutCancel(t.Context()), method, address, bytes.NewReader(text))
	must(t, err)
	req.Header.Set("Authorization", adminToken)
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	must(t, err)
	defer res.Body.Close()
	if res.StatusCode/100 != 2 {
		answer, _ := io.ReadAll(res.Body)
		t.Fatalf("%s %s: %s: %s", method, address, res.Status, answer)
	}
}

// flags makes flags that are gone for good with the test.
func (s *server) flags(t *testing.T, flags ...flagtest.Flag) {
	t.Helper()
	for _, f := range flags {
		s.call(t, http.MethodPost, s.admin, map[string]any{"name": f.Key, "type": "release"})
		t.Cleanup(func() {
			s.call(t, http.MethodDelete, s.admin+"/"+f.Key, nil)
			s.call(t, http.MethodDelete, s.url+"/api/admin/archive/"+f.Key, nil)
		})
		s.strategy(t, f)
		if !f.Disabled {
			s.call(t, http.MethodPost, s.admin+"/"+f.Key+"/environments/development/on", nil)
		}
	}
}

func (s *server) strategy(t *testing.T, f flagtest.Flag) {
	t.Helper()
	variants, constraints := []any{}, []any{}
	for _, name := range f.Variants {
		weight := 0
		if name == f.Serving {
			weight = 1000
		}
		variants = append(variants, map[string]any{
			"name": name, "weight": weight, "weightType": "fix", "stickiness": "default",
			"payload": map[string]any{"type": "string", "value": "v-" + name},
		})
	}
	if len(variants) > 0 { // Unleash wants one whose weight is free
		i := 0
		for f.Variants[i] != f.Serving {
			i++
		}
		variants[i].(map[string]any)["weightType"] = "variable"
	}
	if f.Targeted {
		constraints = append(constraints, map[string]any{"contextName": "userId", "operator": "IN", "values": []string{"7"}})
	}
	s.call(t, http.MethodPost, s.admin+"/"+f.Key+"/environments/development/strategies", map[string]any{
		"name": "flexibleRollout", "constraints": constraints, "variants": variants,
		"parameters": map[string]any{"rollout": "100", "stickiness": "default", "groupId": f.Key},
	})
}

// evaluated waits until an application gets what is wanted: a variant, on or off.
func (s *server) evaluated(t *testing.T, key, user, want string) time.Duration {
	t.Helper()
	begun := time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), seenWithin)
	defer cancel()
	must(t, proc.Until(ctx, func(ctx context.Context) error {
		got, err := s.evaluate(ctx, key, user)
		if err == nil && got != want {
			err = fmt.Errorf("the application gets %q, want %q", got, want)
		}
		return err
	}))
	return time.Since(begun)
}

// evaluate asks as an application does, which gets only flags that are on.
func (s *server) evaluate(ctx context.Context, key, user string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url+"/api/frontend?userId="+user, http.NoBody)
	if err != nil {
		return "", err
	}
	req.Header.Set("Authorization", appToken)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	var answer struct {
		Toggles []struct {
			Name    string
			Variant struct {
				Name    string
				Enabled bool
			}
		}
	}
	if err := json.NewDecoder(res.Body).Decode(&answer); err != nil {
		return "", err
	}
	for _, toggle := range answer.Toggles {
		if toggle.Name == key && toggle.Variant.Enabled {
			return toggle.Variant.Name, nil
		}
		if toggle.Name == key {
			return "on", nil
		}
	}
	return "off", nil
}

func TestUnleash(t *testing.T) {
	s := startUnleash(t)
	t.Run("keeps the contract", func(t *testing.T) {
		flagtest.Run(t, func(t *testing.T, flags ...flagtest.Flag) flag.Store {
			s.flags(t, flags...)
			return s.store(adminToken)
		})
	})
	t.Run("bears what goes wrong", func(t *testing.T) { s.faults(t) })
	t.Run("applications get what was killed and restored", func(t *testing.T) { applications(t, s) })
	t.Run("a flag without variants is switched", func(t *testing.T) { switched(t, s) })
	t.Run("what it refuses is told", func(t *testing.T) { refused(t, s) })
}

// faults reaches the server through one that loses requests and answers.
func (s *server) faults(t *testing.T) {
	target, err := url.Parse(s.url)
	must(t, err)
	between := faulty.Serve(t, httputil.NewSingleHostReverseProxy(target))
	through := &server{url: between.URL}
	isWrite := func(r *http.Request) bool { return r.Method != http.MethodGet }
	flagtest.RunFaults(t, func(t *testing.T, flags ...flagtest.Flag) flagtest.Faulty {
		s.flags(t, flags...)
		return flagtest.Faulty{
			Store: through.store(adminToken),
			Fail:  func(fault flagtest.Fault, seen func()) { between.Fail(fault, seen, isWrite) },
		}
	})
}

func applications(t *testing.T, s *server) {
	s.flags(t, flagtest.Flag{Key: "merge", Variants: []string{"fast", "slow"}, Serving: "fast", Targeted: true})
	store := s.store(adminToken)
	s.evaluated(t, "merge", "7", "fast")
	s.evaluated(t, "merge", "8", "off")
	before, err := store.Flag(t.Context(), "merge")
	must(t, err)
	if before.Modified.IsZero() {
		t.Error("Unleash does not date the flag")
	}
	written, err := store.Kill(t.Context(), before, "slow")
	must(t, err)
	fmt.Fprintf(os.Stdout, "an application of Unleash gets a killed flag after %s\n", s.evaluated(t, "merge", "7", "slow").Round(10*time.Millisecond))
	s.evaluated(t, "merge", "8", "slow")
	must(t, store.Restore(t.Context(), before, written))
	s.evaluated(t, "merge", "7", "fast")
	s.evaluated(t, "merge", "8", "off")
}

func switched(t *testing.T, s *server) {
	s.flags(t, flagtest.Flag{Key: "search", Targeted: true})
	store := s.store(adminToken)
	s.evaluated(t, "search", "7", "on")
	first, err := store.Flag(t.Context(), "search")
	must(t, err)
	offed, err := store.Kill(t.Context(), first, "off")
	must(t, err)
	s.evaluated(t, "search", "7", "off")
	onned, err := store.Kill(t.Context(), offed, "on")
	must(t, err)
	s.evaluated(t, "search", "8", "on")
	must(t, store.Restore(t.Context(), offed, onned))
	s.evaluated(t, "search", "7", "off")
	must(t, store.Restore(t.Context(), first, offed))
	s.evaluated(t, "search", "7", "on")
	s.evaluated(t, "search", "8", "off")
}

func refused(t *testing.T, s *server) {
	must(t, s.store(adminToken).Probe(t.Context()))
	_, err := s.store("*:*.wrong").Flag(t.Context(), "search")
	if !errors.Is(err, flag.ErrDenied) || strings.Contains(err.Error(), "wrong") {
		t.Errorf("a wrong token: %v", err)
	}
	for name, c := range map[string]unleash.Config{
		"project": {Project: "nix", Environment: "development"}, "environment": {Project: "default", Environment: "nix"},
	} {
		c.URL, c.HTTP = s.url, http.DefaultClient
		c.Token = func(context.Context) (string, error) { return adminToken, nil }
		if err := unleash.New(c).Probe(t.Context()); !errors.Is(err, flag.ErrInvalid) {
			t.Errorf("a wrong %s: %v", name, err)
		}
	}
}
