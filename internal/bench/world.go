package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"

	"github.com/cinegit/guardian/internal/deploy"
	"github.com/cinegit/guardian/internal/sandbox/argocd"
	"github.com/cinegit/guardian/internal/sandbox/metrics"
)

const (
	sandboxToken = "bench-argocd"
	hookToken    = "bench-webhook"
	userToken    = "bench-operator"
)

// world is a sandbox of so many services, each with a good release behind a bad one, and metrics that are
// bad for all of them.
type world struct {
	dir, config        string
	argoAddr, promAddr string
	argoToken, argoTLS string         // argoTLS as the policy writes it
	argo               *argocd.Server // nil beside a real one
	prom               *metrics.Server
	services           []string
	closers            []func()
	sampled            time.Time // the last sample's time
	ticks              float64   // samples so far
}

func newWorld(services int, cd *real, extra string) (*world, error) {
	dir, err := os.MkdirTemp("", "guardian-bench-")
	if err != nil {
		return nil, err
	}
	w := &world{dir: dir, config: filepath.Join(dir, "guardian.yaml"), prom: metrics.NewServer(time.Hour)}
	w.closers = append(w.closers, func() { _ = os.RemoveAll(dir) })
	if cd != nil {
		w.argoAddr, w.argoToken, w.argoTLS = cd.server, cd.token, "insecure: true"
	} else if err := w.startArgo(); err != nil {
		return nil, err
	}
	listener, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	server := &http.Server{Handler: w.prom.Handler(), ReadHeaderTimeout: time.Second}
	go func() { _ = server.Serve(listener) }() // ends with Close
	w.closers = append(w.closers, func() { _ = server.Close() })
	w.promAddr = "http://" + listener.Addr().String()
	for i := range services {
		w.services = append(w.services, fmt.Sprintf("svc%04d", i))
	}
	return w, w.write(extra)
}

func (w *world) startArgo() (err error) {
	w.argoToken, w.argoTLS = sandboxToken, "plainText: true"
	w.argo = argocd.New(argocd.Options{Accounts: map[string]argocd.Account{sandboxToken: {Name: "guardian", Get: true, Sync: true, Update: true}}})
	w.argoAddr, err = w.argo.Start("127.0.0.1:0")
	w.closers = append(w.closers, w.argo.Close)
	return err
}

func (w *world) close() {
	for _, end := range w.closers {
		end()
	}
}

// write writes the policy: every guard is on, and wide enough for a bench.
func (w *world) write(extra string) error {
	var b strings.Builder
	fmt.Fprintf(&b, `apiVersion: guardian/v1
mode: act
server:
  webhookTokens: ["file:%[1]s/hook"]
  operators: {bench: "file:%[1]s/user"}
connections:
  argocd: {server: %[2]q, token: "file:%[1]s/argo", %[5]s}
  prometheus: {url: %[3]q}
gates:
  errors:
    bad: sum(increase(http_requests_total{service="$service",code="500"}[$window]))
    total: sum(increase(http_requests_total{service="$service"}[$window]))
    max: 5%%
rules:
  - match: '{alertname="Bench"}'
    target: {service: label service, stage: prod}
    remedies: [revert]
    verify: {within: 4m}
%[4]s
services:
`, w.dir, w.argoAddr, w.promAddr, extra, w.argoTLS)
	for _, s := range w.services {
		fmt.Fprintf(&b, "  %s: {gates: [errors], unproven: allow, stages: [{name: prod, application: %s}]}\n", s, s)
	}
	files := map[string]string{"hook": hookToken, "user": userToken, "argo": w.argoToken, "guardian.yaml": b.String()}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(w.dir, name), []byte(text), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// deploy gives every service a good release and then a bad one, and waits until both are done.
func (w *world) deploy(ctx context.Context) error {
	for _, tag := range []string{"v1", "v2"} {
		folders := map[string]argocd.Manifests{}
		for _, s := range w.services {
			folders[s] = argocd.Manifests{Images: []string{"example.invalid/" + s + ":" + tag}}
		}
		w.argo.Commit(folders)
		for _, s := range w.services {
			if tag == "v1" {
				w.argo.Create(argocd.App{Ref: deploy.Ref{Name: s}, Path: s})
			}
			if err := w.argo.Sync(deploy.Ref{Name: s}, "pipeline"); err != nil {
				return err
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(2500 * time.Millisecond): // sync, roll-out and reconcile take one
		}
	}
	return nil
}

// sample leaves samples every five seconds up to now, from two minutes before at the first call, with so
// many errors of a hundred requests.
func (w *world) sample(errors float64, now time.Time) error {
	if w.sampled.IsZero() {
		w.sampled = now.Add(-2 * time.Minute)
	}
	for at := w.sampled.Add(5 * time.Second); !at.After(now); at = at.Add(5 * time.Second) {
		w.ticks++
		w.sampled = at
		for _, s := range w.services {
			for code, n := range map[string]float64{"200": 100 - errors, "500": errors} {
				set := labels.FromStrings(model.MetricNameLabel, "http_requests_total", "service", s, "code", code)
				if err := w.prom.Append(set, at, w.ticks*n); err != nil {
					return err
				}
			}
		}
	}
	return nil
}
