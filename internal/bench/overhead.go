package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/alertmanager/template"

	"github.com/cinegit/guardian/events/alertmanager"
	"github.com/cinegit/guardian/internal/adapter/argocd"
	"github.com/cinegit/guardian/internal/adapter/prometheus"
	"github.com/cinegit/guardian/internal/deploy"
	"github.com/cinegit/guardian/internal/local"
)

// How many incidents are measured, on the sandbox and on a real Argo CD; the first five warm up.
const (
	rounds     = 200
	realRounds = 45
)

// overhead compares the time from a webhook's sending to the Rollback call's leaving with the bare sequence
// of the same remote calls by the same clients: two queries, the application and its sync windows for
// blame and choose, the application again before acting.
func overhead(ctx context.Context) error {
	cd, err := newReal()
	if err != nil {
		return err
	}
	services, which := rounds, "sandbox Argo CD over gRPC"
	if cd != nil {
		services, which = realRounds, "real Argo CD over gRPC and TLS"
		defer cd.close()
	}
	w, err := newWorld(services, cd, "limits: {cooldown: 0s, fleet: 100000 in 1m, share: 100%}")
	if err != nil {
		return err
	}
	defer w.close()
	if cd != nil {
		defer cd.remove(context.WithoutCancel(ctx), w.services)
		err = cd.deploy(ctx, w.services)
	} else {
		err = w.deploy(ctx)
	}
	if err != nil {
		return err
	}
	guardian, bare, err := w.race(ctx)
	if err != nil {
		return err
	}
	ratio := func(q float64) float64 { return float64(guardian.at(q)) / float64(bare.at(q)) }
	fmt.Fprintf(os.Stdout, `
Guardian's own cost: webhook sent -> Rollback call leaves
input: %d incidents one after the other, one alert each, %s and
  sandbox Prometheus over HTTP, all on loopback, bbolt ledger in %s; peer: the same
  remote calls bare, by the same clients, each right before its incident
  guardian  %s
  bare      %s
  ratio     median %.2f  p95 %.2f   (target: at most 1.5 and 2)
  by which  median %s a remediation: intake, %s
`, len(guardian), which, os.TempDir(), guardian, bare, ratio(0.5), ratio(0.95), round(guardian.at(0.5)-bare.at(0.5)),
		"queue, dispatch, decisions and every durable write")
	return nil
}

// race runs bare sequence and incident for each service in turn.
func (w *world) race(ctx context.Context) (guardian, bare times, err error) {
	leaving := newLeaving()
	url, end, err := w.serve(ctx, leaving)
	if err != nil {
		return nil, nil, err
	}
	defer end()
	peer, err := w.newPeer()
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = peer.argo.Close() }()
	for i, service := range w.services {
		if i%20 == 0 {
			if err := w.sample(30, time.Now()); err != nil {
				return nil, nil, err
			}
		}
		took, err := peer.sequence(ctx, service)
		if err != nil {
			return nil, nil, err
		}
		began := time.Now()
		if err := post(ctx, url, alerts(began.Add(-time.Second), service)); err != nil {
			return nil, nil, err
		}
		left, err := leaving.wait(ctx, service)
		if err != nil {
			return nil, nil, err
		}
		if i >= 5 { // connections are warm
			bare, guardian = append(bare, took), append(guardian, left.Sub(began))
		}
	}
	return guardian, bare, nil
}

// serve starts Guardian in this process.
func (w *world) serve(ctx context.Context, log slog.Handler) (url string, end func(), err error) {
	g, err := local.New(ctx, local.Options{Config: w.config, Data: filepath.Join(w.dir, "data"), Log: slog.New(log), Reconcile: time.Hour, FlagPoll: time.Hour})
	if err != nil {
		return "", nil, err
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	ctx, stop := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := g.Run(ctx, listener); err != nil {
			fmt.Fprintln(os.Stderr, "guardian:", err)
		}
	}()
	return "http://" + listener.Addr().String(), func() { stop(); <-ended }, nil
}

// peer makes the remote calls of a remediation and nothing else.
type peer struct {
	argo *argocd.Client
	prom *prometheus.Client
}

func (w *world) newPeer() (peer, error) {
	token := func(context.Context) (string, error) { return w.argoToken, nil }
	a, err := argocd.New(argocd.Config{Server: w.argoAddr, PlainText: w.argo != nil, Insecure: w.argo == nil, Token: token})
	if err != nil {
		return peer{}, err
	}
	p, err := prometheus.New(prometheus.Config{URL: w.promAddr})
	return peer{argo: a, prom: p}, err
}

func (p peer) sequence(ctx context.Context, service string) (time.Duration, error) {
	began := time.Now()
	var both sync.WaitGroup
	var failed [2]error
	for i, extra := range []string{`,code="500"`, ""} {
		both.Go(func() {
			_, failed[i] = p.prom.Query(ctx, fmt.Sprintf(`sum(increase(http_requests_total{service=%q%s}[1m]))`, service, extra), time.Now())
		})
	}
	both.Wait()
	if failed[0] != nil || failed[1] != nil {
		return 0, fmt.Errorf("query: %w, %w", failed[0], failed[1])
	}
	app, err := p.argo.Application(ctx, deploy.Ref{Name: service})
	if err != nil {
		return 0, err
	}
	if _, _, err := p.argo.SyncAllowed(ctx, app.Ref); err != nil {
		return 0, err
	}
	if _, err := p.argo.Application(ctx, deploy.Ref{Name: service}); err != nil {
		return 0, err
	}
	return time.Since(began), nil
}

// alerts is a webhook message with one firing alert a service.
func alerts(startsAt time.Time, services ...string) []byte {
	m := alertmanager.Message{Version: "4", GroupKey: strings.Join(services, ","), Data: template.Data{Status: "firing"}}
	for _, s := range services {
		m.Alerts = append(m.Alerts, template.Alert{
			Status: "firing", StartsAt: startsAt, Labels: template.KV{"alertname": "Bench", "service": s, "severity": "critical"},
		})
	}
	body, _ := json.Marshal(m) // strings and times always encode
	return body
}

func post(ctx context.Context, url string, body []byte) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/webhooks/alertmanager", bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+hookToken)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusAccepted {
		return fmt.Errorf("webhook answered %s", resp.Status)
	}
	return nil
}

// leaving is a log handler that notes when Guardian says that it is about to roll back: the decision is
// written then, and the call leaves next.
type leaving struct {
	mu   sync.Mutex
	at   map[string]time.Time
	news chan struct{}
}

func newLeaving() *leaving { return &leaving{at: map[string]time.Time{}, news: make(chan struct{}, 1)} }

func (l *leaving) Enabled(context.Context, slog.Level) bool { return true }
func (l *leaving) WithAttrs([]slog.Attr) slog.Handler       { return l }
func (l *leaving) WithGroup(string) slog.Handler            { return l }

func (l *leaving) Handle(_ context.Context, r slog.Record) error {
	now := time.Now()
	var text, target string
	r.Attrs(func(a slog.Attr) bool {
		switch a.Key {
		case "text":
			text = a.Value.String()
		case "target":
			target = a.Value.String()
		}
		return true
	})
	if !strings.HasPrefix(text, "about to roll") {
		return nil
	}
	service, _, _ := strings.Cut(target, "/")
	l.mu.Lock()
	l.at[service] = now
	l.mu.Unlock()
	select {
	case l.news <- struct{}{}:
	default:
	}
	return nil
}

// wait gives the moment at which the service's rollback left.
func (l *leaving) wait(ctx context.Context, service string) (time.Time, error) {
	deadline := time.After(10 * time.Second)
	for {
		l.mu.Lock()
		at, ok := l.at[service]
		l.mu.Unlock()
		if ok {
			return at, nil
		}
		select {
		case <-l.news:
		case <-ctx.Done():
			return time.Time{}, ctx.Err()
		case <-deadline:
			return time.Time{}, fmt.Errorf("%s was not rolled back within 10s", service)
		}
	}
}
