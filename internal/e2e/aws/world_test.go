//go:build e2e

package aws_test

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"

	"github.com/cinegit/guardian/internal/api"
	"github.com/cinegit/guardian/internal/deploy"
	"github.com/cinegit/guardian/internal/e2e/aws/cloud"
	"github.com/cinegit/guardian/internal/e2e/aws/emulator"
	"github.com/cinegit/guardian/internal/e2e/aws/template"
	"github.com/cinegit/guardian/internal/e2e/proc"
	"github.com/cinegit/guardian/internal/sandbox/argocd"
	prom "github.com/cinegit/guardian/internal/sandbox/metrics"
)

// world is the stack as it would be deployed, with moto for what keeps data, and a sandbox of Argo CD and
// metrics. A service is bad while its tag is v2, or its flag on.
type world struct {
	t        *testing.T
	dir      string // of the logs
	set      setup
	template *template.Template

	moto     *emulator.Server
	gateway  *cloud.Gateway
	url      string
	http     *http.Client
	admin    cloud.Client // may do everything
	objects  *s3.Client
	streams  map[string]string // ARN in moto by that of the template
	urls     map[string]string // of functions
	topic    string
	machine  *cloud.Machine
	machines cloud.Machines

	functions cloud.Functions
	logs      map[string]*lines
	forgiven  map[string]bool // access keys

	argo              *argocd.Server
	prom              *prom.Server
	argoAddr, promURL string
	operator          *api.Client

	mu   sync.Mutex
	last map[string]time.Time // of the last sample, by service
}

// setup says how a world differs from the plain one.
type setup struct {
	mode     string                   // act
	timeouts map[string]time.Duration // of functions, in the place of the template's, where a test waits for a deadline
	twice    bool                     // every batch of a queue is delivered twice at the same time
}

func services() []string { return []string{"player", "search", "review"} }

// newWorld deploys the stack. Its functions have not started: the first events do that.
func newWorld(t *testing.T, s setup) *world {
	t.Helper()
	synthesised, err := stack()
	if err != nil {
		t.Fatal(err)
	}
	s.mode = cmp.Or(s.mode, "act")
	w := &world{
		t: t, dir: t.TempDir(), set: s, template: synthesised, http: httpClient(),
		streams: map[string]string{}, urls: map[string]string{}, functions: cloud.Functions{}, machines: cloud.Machines{},
		logs: map[string]*lines{}, forgiven: map[string]bool{}, last: map[string]time.Time{},
	}
	w.startSandbox()
	w.startCloud()
	t.Cleanup(w.report)
	w.deploy()
	w.startFunctions()
	w.startMachine()
	w.startSources()
	w.operator, err = api.New(api.ClientConfig{URL: w.urls["operator"], Token: annaToken})
	must(t, err)
	t.Cleanup(w.operator.Close)
	w.background(w.traffic)
	return w
}

func (w *world) startCloud() {
	w.moto = started(w.t, emulator.Moto)
	gateway, err := cloud.NewGateway(w.moto.URL)
	must(w.t, err)
	gateway.Functions, gateway.Machines = w.functions, w.machines
	server := httptest.NewServer(gateway)
	w.t.Cleanup(server.Close)
	w.gateway, w.url = gateway, server.URL
	w.admin = cloud.Client{URL: w.url, Key: "AKIAADMIN", HTTP: w.http}
	cfg := w.moto.Config()
	w.objects = s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true })
}

func (w *world) startSandbox() {
	quick := time.Millisecond
	w.prom = prom.NewServer(time.Hour)
	w.argo = argocd.New(argocd.Options{
		Accounts: map[string]argocd.Account{argoToken: {Name: "guardian", Get: true, Sync: true, Update: true}},
		Timings:  argocd.Timings{PickUp: quick, Sync: quick, Stale: quick, Ready: quick, SelfHeal: quick},
	})
	var err error
	w.argoAddr, err = w.argo.Start("127.0.0.1:0")
	must(w.t, err)
	w.t.Cleanup(w.argo.Close)
	web := httptest.NewServer(w.prom.Handler())
	w.t.Cleanup(web.Close)
	w.promURL = web.URL
}

// traffic measures every service until the test ends.
func (w *world) traffic(ctx context.Context) {
	for ctx.Err() == nil {
		for _, s := range services() {
			w.measure(ctx, s)
		}
		select {
		case <-ctx.Done():
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func (w *world) measure(ctx context.Context, service string) {
	bad := 0.0
	if w.runs(service, "v2") || service == "review" && w.flagOn(ctx) {
		bad = 1
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	at := time.Now()
	if last := w.last[service]; !at.After(last.Add(time.Millisecond)) {
		at = last.Add(time.Millisecond)
	}
	w.last[service] = at
	set := labels.FromStrings(model.MetricNameLabel, "app_bad", "service", service, "env", "prod")
	if err := w.prom.Append(set, at, bad); err != nil {
		w.t.Errorf("sample of %s: %v", service, err)
	}
}

func (w *world) flagOn(ctx context.Context) bool {
	out, err := w.objects.GetObject(ctx, &s3.GetObjectInput{Bucket: aws.String(flagBucket), Key: aws.String(flagKey)})
	if err != nil {
		return false
	}
	defer func() { _ = out.Body.Close() }()
	return !strings.Contains(strings.ReplaceAll(readAll(out.Body), " ", ""), `"defaultVariant":"off"`)
}

// runs tells whether a tag of a service is what its pods run.
func (w *world) runs(service, tag string) bool {
	images, err := w.argo.Serving(deploy.Ref{Name: service})
	return err == nil && len(images) > 0 && !slices.ContainsFunc(images, func(i string) bool { return !strings.HasSuffix(i, ":"+tag) })
}

// ship deploys a tag of services as a pipeline does.
func (w *world) ship(tag string, services ...string) {
	w.t.Helper()
	for _, s := range services {
		w.argo.Commit(map[string]argocd.Manifests{s: {Images: []string{"example.invalid/" + s + ":" + tag}}})
		if _, err := w.argo.Object(deploy.Ref{Name: s}); err != nil {
			w.argo.Create(argocd.App{Ref: deploy.Ref{Name: s}, Path: s})
		}
		before := w.history(s)
		must(w.t, w.argo.Sync(deploy.Ref{Name: s}, "pipeline"))
		w.until(s+" runs "+tag, func() bool { return w.runs(s, tag) && w.history(s) == before+1 })
	}
}

// history is how many deployments of a service Argo CD has on record.
func (w *world) history(service string) int {
	object, err := w.argo.Object(deploy.Ref{Name: service})
	must(w.t, err)
	return len(object.Status.History)
}

// until waits for something that the outside does, at most three minutes.
func (w *world) until(what string, is func() bool) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), 3*time.Minute)
	defer cancel()
	if err := proc.Until(ctx, func(context.Context) error {
		if !is() {
			return fmt.Errorf("it is not so that %s", what)
		}
		return nil
	}); err != nil {
		w.t.Fatal(err)
	}
}

// forgive lets calls of functions be denied that a test made them make.
func (w *world) forgive(functions ...string) {
	for _, f := range functions {
		w.forgiven[key(f)] = true
	}
}

// report tells of a test that failed what the functions wrote, and of every test which rights they lacked.
func (w *world) report() {
	for _, call := range w.gateway.Calls() {
		if call.Denied && !w.forgiven[call.Caller] {
			w.t.Errorf("%s was denied %v: its role in the template lacks the right", call.Caller, call.Needs)
		}
	}
	if !w.t.Failed() {
		return
	}
	if keep := os.Getenv("GUARDIAN_E2E_LOGS"); keep != "" {
		must(w.t, os.CopyFS(filepath.Join(keep, w.t.Name()), os.DirFS(w.dir)))
	}
	for name, l := range w.logs {
		if text := l.String(); text != "" {
			w.t.Logf("%s:\n%s", name, tail(text, 12))
		}
	}
}

func tail(text string, n int) string {
	all := strings.Split(strings.TrimSpace(text), "\n")
	all = slices.DeleteFunc(all, func(l string) bool { return strings.Contains(l, `"_aws"`) })
	return strings.Join(all[max(0, len(all)-n):], "\n")
}
