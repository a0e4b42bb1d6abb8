// Package emulator starts programs that stand in for AWS on loopback ports: moto for most services, and
// dynalite for DynamoDB's conditional writes.
package emulator

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/cinegit/guardian/internal/e2e/argocd"
	"github.com/cinegit/guardian/internal/e2e/proc"
)

// The versions that the tests were written for.
const (
	MotoVersion     = "5.2.1"
	DynaliteVersion = "4.0.0"
)

// startWait bounds the wait for a program that was started, and for one that is installed.
const startWait = 2 * time.Minute

// Server is a program that runs.
type Server struct {
	URL     string
	client  *http.Client
	process *proc.Process
}

// Close ends the program.
func (s *Server) Close() { s.process.Stop() }

// Config points an AWS client at the program, with credentials that are worth nothing.
func (s *Server) Config() aws.Config {
	return aws.Config{
		Region: "eu-west-1", BaseEndpoint: &s.URL, HTTPClient: s.client,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "AKIATEST", SecretAccessKey: "test"}, nil
		}),
	}
}

// Moto starts moto's server; its log goes to the folder. It keeps all in memory, and does one thing after
// the other, as it answers two transactions at once wrongly.
func Moto(ctx context.Context, logs string) (*Server, error) {
	path, err := exec.LookPath("moto_server")
	if err != nil {
		return nil, fmt.Errorf("moto_server is not installed: pip install 'moto[server]==%s'", MotoVersion)
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	client := &http.Client{Transport: &oneByOne{next: http.DefaultTransport}}
	return start(ctx, port, client, proc.Program{
		Name: "moto", Path: path, Args: []string{"-H", "127.0.0.1", "-p", port}, Logs: logs,
	})
}

// Dynalite starts dynalite, and installs it from npm the first time; its log goes to the folder. It has
// no transactions and no time to live.
func Dynalite(ctx context.Context, logs string) (*Server, error) {
	node, err := proc.Find("node", "nodejs")
	if err != nil {
		return nil, err
	}
	script, err := installed(ctx)
	if err != nil {
		return nil, err
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	return start(ctx, port, http.DefaultClient, proc.Program{
		Name: "dynalite", Path: node, Logs: logs,
		Args: []string{script, "--host", "127.0.0.1", "--port", port, "--createTableMs", "0", "--deleteTableMs", "0"},
	})
}

func start(ctx context.Context, port string, client *http.Client, program proc.Program) (*Server, error) {
	process, err := proc.Start(program)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, startWait)
	defer cancel()
	address := net.JoinHostPort("127.0.0.1", port)
	if err := process.Ready(ctx, proc.Listens(address)); err != nil {
		process.Kill()
		return nil, err
	}
	return &Server{URL: "http://" + address, client: client, process: process}, nil
}

func freePort() (string, error) {
	ports, err := proc.Ports(1)
	if err != nil {
		return "", err
	}
	return strconv.Itoa(ports[0]), nil
}

// installed gives dynalite's script. It is put into the cache folder whole or not at all.
func installed(ctx context.Context) (script string, err error) {
	cache, err := argocd.CacheDir()
	if err != nil {
		return "", err
	}
	folder := filepath.Join(cache, "dynalite-"+DynaliteVersion)
	script = filepath.Join(folder, "node_modules", "dynalite", "cli.js")
	if _, err := os.Stat(script); err == nil {
		return script, nil
	}
	npm, err := proc.Find("npm", "npm")
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return "", fmt.Errorf("install dynalite: %w", err)
	}
	fresh, err := os.MkdirTemp(cache, "dynalite-")
	if err != nil {
		return "", fmt.Errorf("install dynalite: %w", err)
	}
	defer func() { _ = os.RemoveAll(fresh) }() // gone, where all went well
	ctx, cancel := context.WithTimeout(ctx, startWait)
	defer cancel()
	install := exec.CommandContext(ctx, npm, "install", "--prefix", fresh, "--no-audit", "--no-fund", "dynalite@"+DynaliteVersion)
	if out, err := install.CombinedOutput(); err != nil {
		return "", fmt.Errorf("npm install dynalite@%s: %w: %s", DynaliteVersion, err, strings.TrimSpace(string(out)))
	}
	if err := os.Rename(fresh, folder); err != nil && !errors.Is(err, os.ErrExist) { // another process was faster
		return "", fmt.Errorf("install dynalite: %w", err)
	}
	return script, nil
}

// oneByOne sends one request at a time.
type oneByOne struct {
	mu   sync.Mutex
	next http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (o *oneByOne) RoundTrip(r *http.Request) (*http.Response, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.next.RoundTrip(r)
}
