// Package emulator starts programs that stand in for AWS on loopback ports: moto for most services, and
// dynalite for DynamoDB's conditional writes.
package emulator

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

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
func Moto(ctx context.Context, logs string) (*Server, error) { return moto(ctx, logs, nil) }

// MotoTaught starts moto with a folder of Python's modules, of which sitecustomize.py is run before moto.
// AWS clients there call moto itself.
func MotoTaught(ctx context.Context, logs, folder string) (*Server, error) {
	return moto(ctx, logs, func(address string) []string {
		return []string{
			"PYTHONPATH=" + folder, "PYTHONDONTWRITEBYTECODE=1", "AWS_ENDPOINT_URL=" + address, "AWS_DEFAULT_REGION=eu-west-1",
			"AWS_ACCESS_KEY_ID=AKIATEST", "AWS_SECRET_ACCESS_KEY=test",
		}
	})
}

// MotoWithLambda starts moto with state machines that run, and that invoke functions at a loopback port
// which is not moto's: moto's own functions need containers.
func MotoWithLambda(ctx context.Context, logs string, port int) (*Server, error) {
	s, err := moto(ctx, logs, func(string) []string { return []string{"MOTO_PORT=" + strconv.Itoa(port)} })
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL+"/moto-api/config", strings.NewReader(`{"stepfunctions": {"execute_state_machine": true}}`))
	if err == nil {
		var res *http.Response
		if res, err = s.client.Do(r); err == nil {
			return s, res.Body.Close()
		}
	}
	s.Close()
	return nil, fmt.Errorf("configure moto: %w", err)
}

func moto(ctx context.Context, logs string, env func(address string) []string) (*Server, error) {
	path, err := exec.LookPath("moto_server")
	if err != nil {
		return nil, fmt.Errorf("moto_server is not installed: pip install 'moto[server]==%s'", MotoVersion)
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	client := &http.Client{Transport: &oneByOne{next: http.DefaultTransport}}
	program := proc.Program{Name: "moto", Path: path, Args: []string{"-H", "127.0.0.1", "-p", port}, Logs: logs}
	if env != nil {
		program.Env = env("http://" + net.JoinHostPort("127.0.0.1", port))
	}
	return start(ctx, port, client, program)
}

// Dynalite starts dynalite, and installs it from npm the first time; its log goes to the folder. It has
// no transactions and no time to live.
func Dynalite(ctx context.Context, logs string) (*Server, error) {
	node, err := proc.Find("node", "nodejs")
	if err != nil {
		return nil, err
	}
	folder, err := installed(ctx, "dynalite-"+DynaliteVersion, "dynalite@"+DynaliteVersion)
	if err != nil {
		return nil, err
	}
	script := filepath.Join(folder, "node_modules", "dynalite", "cli.js")
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
