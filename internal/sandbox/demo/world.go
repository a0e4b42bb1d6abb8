// Package demo is `guardian demo`: the real Guardian on loopback beside a sandbox of Argo CD, metrics,
// flags and traffic, and a story in two acts.
package demo

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/cinegit/guardian/internal/adapter/flagd"
	"github.com/cinegit/guardian/internal/deploy"
	"github.com/cinegit/guardian/internal/sandbox/argocd"
	"github.com/cinegit/guardian/internal/sandbox/metrics"
)

// scrape is how often the sandbox's Prometheus scrapes.
const scrape = 250 * time.Millisecond

// The cast: two services in prod, one flag, one bad release.
const (
	flagService    = "review"
	releaseService = "player"
	stage          = "prod"
	flagKey        = "timeline-merge"
	badTag         = "v42"
	argoToken      = "sandbox-argocd-token"
)

// world is the sandbox: what Guardian watches and acts on.
type world struct {
	dir     string
	flags   string // path of the flagd document
	argo    *argocd.Server
	metrics *metrics.Server
	traffic map[string]*metrics.Traffic

	argoAddr, metricsAddr string
	closers               []func()
}

// newWorld starts the sandbox's servers on free loopback ports, with half an hour of healthy history.
func newWorld(dir string, notify func(app deploy.Ref)) (*world, error) {
	w := &world{dir: dir, flags: filepath.Join(dir, "flags.json"), metrics: metrics.NewServer(time.Hour), traffic: map[string]*metrics.Traffic{}}
	if err := os.WriteFile(w.flags, []byte(flagDocument), 0o600); err != nil {
		return nil, err
	}
	w.argo = argocd.New(argocd.Options{
		Accounts: map[string]argocd.Account{argoToken: {Name: "guardian", Get: true, Sync: true, Update: true}},
		OnChange: notify,
	})
	var err error
	if w.argoAddr, err = w.argo.Start("127.0.0.1:0"); err != nil {
		return nil, fmt.Errorf("sandbox Argo CD: %w", err)
	}
	w.closers = append(w.closers, w.argo.Close)
	if err := w.serveMetrics(); err != nil {
		w.close()
		return nil, err
	}
	now := time.Now()
	for i, name := range []string{flagService, releaseService} {
		t := metrics.NewTraffic(w.metrics.Store, name, stage, healthy(), uint64(i+1))
		if err := t.Backfill(now.Add(-30*time.Minute), now.Add(-5*time.Second), 5*time.Second); err != nil {
			w.close()
			return nil, err
		}
		w.traffic[name] = t
	}
	return w, nil
}

func (w *world) serveMetrics() error {
	listener, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("sandbox Prometheus: %w", err)
	}
	server := &http.Server{Handler: w.metrics.Handler(), ReadHeaderTimeout: 5 * time.Second}
	go func() { _ = server.Serve(listener) }() // ends with Close
	w.metricsAddr = "http://" + listener.Addr().String()
	w.closers = append(w.closers, func() { _ = server.Close() })
	return nil
}

func (w *world) close() {
	for _, end := range w.closers {
		end()
	}
}

// run keeps the traffic flowing until ctx ends. What runs and what the flag says decide how well it goes.
func (w *world) run(ctx context.Context) error {
	store := flagd.New(w.flags)
	var all errgroup.Group
	for name, t := range w.traffic {
		all.Go(func() error {
			for {
				load := healthy()
				if w.bad(ctx, name, store) {
					load.ErrorRatio = 0.3
				}
				t.Set(load)
				if err := t.Scrape(time.Now()); err != nil {
					return err
				}
				select {
				case <-ctx.Done():
					return nil
				case <-time.After(scrape):
				}
			}
		})
	}
	return all.Wait()
}

func (w *world) bad(ctx context.Context, service string, store *flagd.Store) bool {
	if service == flagService {
		d, err := store.Flag(ctx, flagKey)
		return err == nil && (d.Serving != "off" || d.Targeted)
	}
	images, err := w.argo.Serving(app(service))
	return err == nil && slices.ContainsFunc(images, func(image string) bool { return strings.HasSuffix(image, ":"+badTag) })
}

func healthy() metrics.Load { return metrics.Load{RPS: 100, ErrorRatio: 0.002} }

func app(service string) deploy.Ref { return deploy.Ref{Name: service + "-" + stage} }

// ship commits a tag of a service to git and syncs its application, as a pipeline does.
func (w *world) ship(service, tag string) (revision string, err error) {
	revision = w.argo.Commit(map[string]argocd.Manifests{service: {Images: []string{"example.invalid/cinegit-" + service + ":" + tag}}})
	return revision, w.argo.Sync(app(service), "pipeline")
}

// flip turns the flag on for everybody, as a person does in an editor.
func (w *world) flip() error {
	raw, err := os.ReadFile(w.flags)
	if err != nil {
		return err
	}
	turned := strings.Replace(string(raw), `"defaultVariant": "off"`, `"defaultVariant": "on"`, 1)
	if turned == string(raw) {
		return errors.New("the flag is on already")
	}
	return os.WriteFile(w.flags, []byte(turned), 0o600)
}

const flagDocument = `{
  "$schema": "https://flagd.dev/schema/v0/flags.json",
  "flags": {
    "timeline-merge": {
      "state": "ENABLED",
      "variants": {"on": true, "off": false},
      "defaultVariant": "off"
    },
    "new-subtitles": {
      "state": "ENABLED",
      "variants": {"on": true, "off": false},
      "defaultVariant": "on"
    }
  }
}
`

// notifier posts Argo CD's notifications to Guardian, as its notifications controller does.
type notifier struct {
	mu   sync.Mutex
	post func(app deploy.Ref)
}

func (n *notifier) changed(app deploy.Ref) {
	n.mu.Lock()
	post := n.post
	n.mu.Unlock()
	if post != nil {
		post(app)
	}
}

func (n *notifier) to(post func(app deploy.Ref)) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.post = post
}
