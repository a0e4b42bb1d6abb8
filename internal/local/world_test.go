package local

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"

	"github.com/cinegit/guardian/internal/api"
	"github.com/cinegit/guardian/internal/deploy"
	"github.com/cinegit/guardian/internal/sandbox/argocd"
	prom "github.com/cinegit/guardian/internal/sandbox/metrics"
)

// The tokens of the world; each is in a file of its own.
const (
	argoToken = "argocd-token-1f0a"
	hookToken = "webhook-token-77d2"
	nextToken = "webhook-token-next-3c"
	annaToken = "operator-token-anna-9e"
	benToken  = "operator-token-ben-4b"
)

// setup says how a world differs from the plain one: review in prod, mode act.
type setup struct {
	services []string // each with stage prod and an application of its name
	mode     string
	autoSync bool
	more     string // further sections of the policy
}

// world is a sandbox with Argo CD, metrics, flags and a policy that connects them. A service's gate
// fails while the metric app_bad is 1, which the world makes so while the tag v2 runs.
type world struct {
	t    *testing.T
	dir  string
	data string // of the ledger, below dir
	set  setup
	argo *argocd.Server
	prom *prom.Server
	log  *journal

	argoAddr, promURL string

	mu   sync.Mutex
	last map[string]time.Time // of the last sample, by service
}

func newWorld(t *testing.T, s setup) *world {
	t.Helper()
	if len(s.services) == 0 {
		s.services = []string{"review"}
	}
	if s.mode == "" {
		s.mode = "act"
	}
	w := &world{t: t, dir: t.TempDir(), data: "data", set: s, prom: prom.NewServer(time.Hour), log: &journal{}, last: map[string]time.Time{}}
	w.argo = argocd.New(argocd.Options{
		Accounts: map[string]argocd.Account{argoToken: {Name: "guardian", Get: true, Sync: true, Update: true}},
		Timings: argocd.Timings{
			PickUp: time.Millisecond, Sync: time.Millisecond, Stale: time.Millisecond, Ready: time.Millisecond, SelfHeal: time.Millisecond,
		},
		OnChange: func(ref deploy.Ref) { w.measure(ref.Name) },
	})
	addr, err := w.argo.Start("127.0.0.1:0")
	must(t, err)
	t.Cleanup(w.argo.Close)
	web := httptest.NewServer(w.prom.Handler())
	t.Cleanup(web.Close)
	w.argoAddr, w.promURL = addr, web.URL
	for name, token := range map[string]string{"argo": argoToken, "hook": hookToken, "next": nextToken, "anna": annaToken, "ben": benToken} {
		w.write(name+".token", token+"\n")
	}
	w.write("flags.json", `{"flags": {"guardian-may-act": {"state": "ENABLED", "variants": {"on": true, "off": false}, "defaultVariant": "on"}}}`)
	w.write("guardian.yaml", w.policy())
	for _, name := range s.services {
		w.sample(name, 0)
	}
	return w
}

// policy is the world's guardian.yaml.
func (w *world) policy() string {
	var b strings.Builder
	fmt.Fprintf(&b, `apiVersion: guardian/v1
mode: %[1]s
server:
  webhookTokens: ["file:%[2]s/hook.token", "file:%[2]s/next.token"]
  operators: {anna: "file:%[2]s/anna.token", ben: "file:%[2]s/ben.token"}
connections:
  argocd: {server: %[3]q, token: "file:%[2]s/argo.token", plainText: true, timeout: 5s}
  prometheus: {url: %[4]q, timeout: 5s}
  flags: {flagd: "%[2]s/flags.json"}
gates:
  errors:
    query: sum(app_bad{service="$service",env="$stage"})
    failureCondition: result > 0.5
    window: 1s
    interval: 1s
    failureLimit: 30
    consecutiveSuccessLimit: 1
rules:
  - match: '{alertname="Bad"}'
    target: {service: label service, stage: label env}
    remedies: [revert]
    verify: {within: 1m}
limits: {fleet: 1000 in 15m, share: 100%%, cooldown: 1m}
services:
`, w.set.mode, w.dir, w.argoAddr, w.promURL)
	for _, name := range w.set.services {
		fmt.Fprintf(&b, "  %[1]s: {gates: [errors], unproven: allow, stages: [{name: prod, application: %[1]s}]}\n", name)
	}
	return b.String() + w.set.more
}

func (w *world) write(name, text string) {
	w.t.Helper()
	must(w.t, os.WriteFile(filepath.Join(w.dir, name), []byte(text), 0o600))
}

// sample appends one sample of a service's app_bad, as of now.
func (w *world) sample(service string, value float64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	at := time.Now()
	if last := w.last[service]; !at.After(last.Add(time.Millisecond)) {
		at = last.Add(time.Millisecond)
	}
	w.last[service] = at
	set := labels.FromStrings(model.MetricNameLabel, "app_bad", "service", service, "env", "prod")
	if err := w.prom.Append(set, at, value); err != nil {
		w.t.Errorf("sample of %s: %v", service, err)
	}
}

func (w *world) measure(service string) {
	images, err := w.argo.Serving(deploy.Ref{Name: service})
	if err != nil || len(images) == 0 {
		return
	}
	bad := 0.0
	if w.runs(service, "v2") {
		bad = 1
	}
	w.sample(service, bad)
}

// runs tells whether a tag of a service is what its pods run.
func (w *world) runs(service, tag string) bool {
	images, err := w.argo.Serving(deploy.Ref{Name: service})
	return err == nil && len(images) > 0 && !slices.ContainsFunc(images, func(i string) bool { return !strings.HasSuffix(i, ":"+tag) })
}

// badRelease ships v1 and then v2, which is bad, to every service of the world.
func (w *world) badRelease() {
	w.t.Helper()
	for i, tag := range []string{"v1", "v2"} {
		folders := map[string]argocd.Manifests{}
		for _, s := range w.set.services {
			folders[s] = argocd.Manifests{Images: []string{"example.invalid/" + s + ":" + tag}}
		}
		w.argo.Commit(folders)
		for _, s := range w.set.services {
			if i == 0 {
				w.argo.Create(argocd.App{Ref: deploy.Ref{Name: s}, Path: s, AutoSync: w.set.autoSync})
			}
			if w.set.autoSync {
				must(w.t, w.argo.Refresh(deploy.Ref{Name: s}))
			} else {
				must(w.t, w.argo.Sync(deploy.Ref{Name: s}, "pipeline"))
			}
		}
		for _, s := range w.set.services {
			until(w.t, s+" runs "+tag, func() bool { return w.runs(s, tag) && w.history(s) == i+1 })
		}
	}
}

// history is how many deployments of a service Argo CD has on record.
func (w *world) history(service string) int {
	object, err := w.argo.Object(deploy.Ref{Name: service})
	if err != nil {
		w.t.Errorf("application %s: %v", service, err)
	}
	return len(object.Status.History)
}

// options are those of a Guardian that looks at files and outbox often, and at nothing else by itself.
func (w *world) options() Options {
	return Options{
		Config: filepath.Join(w.dir, "guardian.yaml"), Data: filepath.Join(w.dir, w.data), Version: "test",
		Reconcile: time.Hour, FlagPoll: time.Hour, Outbox: 20 * time.Millisecond, Reload: 20 * time.Millisecond,
		Log: slog.New(slog.NewTextHandler(w.log, nil)),
	}
}

// guardian opens one that serves by Handler and handles messages by drain; its loops do not run.
func (w *world) guardian() *Guardian {
	w.t.Helper()
	g, err := New(w.t.Context(), w.options())
	must(w.t, err)
	w.t.Cleanup(func() { die(w.t, g) })
	return g
}

// die ends a Guardian without a word to the outside: what is on the disk is all that stays. It may be called
// again.
func die(t *testing.T, g *Guardian) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 10*time.Second)
	defer cancel()
	must(t, g.runner.Stop(ctx))
	must(t, g.Close())
}

// serving is a Guardian with all its loops on a port.
type serving struct {
	*Guardian
	url  string
	stop func() error // ends it as SIGTERM does, and gives what Run returned; again it gives the same
}

func (w *world) serve() *serving {
	w.t.Helper()
	g, err := New(w.t.Context(), w.options())
	must(w.t, err)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(w.t, err)
	ctx, cancel := context.WithCancel(context.WithoutCancel(w.t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- g.Run(ctx, listener) }()
	s := &serving{Guardian: g, url: "http://" + listener.Addr().String()}
	s.stop = sync.OnceValue(func() error {
		cancel()
		return <-ended
	})
	w.t.Cleanup(func() { must(w.t, s.stop()) })
	return s
}

// client speaks to a serving Guardian as an operator.
func (s *serving) client(t *testing.T, token string) *api.Client {
	t.Helper()
	c, err := api.New(api.ClientConfig{URL: s.url, Token: token})
	must(t, err)
	t.Cleanup(c.Close)
	return c
}
