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
	"github.com/cinegit/guardian/internal/e2e/aws/cloud"
	"github.com/cinegit/guardian/internal/e2e/aws/emulator"
	"github.com/cinegit/guardian/internal/e2e/aws/template"
	"github.com/cinegit/guardian/internal/e2e/proc"
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

	argo     argo
	prom     *prom.Server
	promURL  string
	operator *api.Client

	heard int // of the gateway's calls, those that denials has looked at

	mu   sync.Mutex
	last map[string]time.Time // of the last sample, by service
	ill  map[string]bool      // services that are bad whatever they run
}

// setup says how a world differs from the plain one.
type setup struct {
	mode     string                   // act
	twice    bool                     // every batch of a queue is delivered twice at the same time
	alone    bool                     // no other world is there meanwhile, so that time can be measured
	real     bool                     // Argo CD itself in the place of the sandbox
	policy   func(text string) string // changes the policy
	template func(*template.Template) *template.Template
}

func services() []string { return []string{"player", "search", "review"} }

// newWorld deploys the stack. Its functions have not started: the first events do that.
func newWorld(t *testing.T, s setup) *world {
	t.Helper()
	if !s.alone {
		t.Parallel()
	}
	synthesised, err := stack()
	if err != nil {
		t.Fatal(err)
	}
	s.mode = cmp.Or(s.mode, "act")
	if s.template != nil {
		synthesised = s.template(synthesised)
	}
	w := &world{
		t: t, dir: t.TempDir(), set: s, template: synthesised, http: httpClient(),
		streams: map[string]string{}, urls: map[string]string{}, functions: cloud.Functions{}, machines: cloud.Machines{},
		logs: map[string]*lines{}, forgiven: map[string]bool{}, last: map[string]time.Time{}, ill: map[string]bool{},
	}
	w.startOutside()
	w.startCloud()
	t.Cleanup(w.report)
	w.deploy()
	w.deployRights(w.template)
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

// startOutside starts what Guardian looks at: Argo CD and the metrics.
func (w *world) startOutside() {
	if w.set.real {
		w.argo = startArgoCD(w.t)
	} else {
		w.argo = startSandbox(w.t)
	}
	w.prom = prom.NewServer(time.Hour)
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
		case <-time.After(200 * time.Millisecond):
		}
	}
}

func (w *world) measure(ctx context.Context, service string) {
	bad := 0.0
	if w.argo.runs(service, "v2") || service == "review" && w.flagOn(ctx) {
		bad = 1
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ill[service] {
		bad = 1
	}
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

// sicken makes a service bad from now on, whatever it runs.
func (w *world) sicken(service string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ill[service] = true
}

// ship deploys a tag of services as a pipeline does.
func (w *world) ship(tag string, services ...string) {
	w.t.Helper()
	for _, s := range services {
		before := w.argo.history(s)
		must(w.t, w.argo.deploy(s, tag))
		w.until(s+" runs "+tag, func() bool { return w.argo.runs(s, tag) && w.argo.history(s) == before+1 })
	}
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

// denials gives the calls that were denied since it was asked last, and who made them.
func (w *world) denials() []cloud.Call {
	calls := w.gateway.Calls()
	fresh := calls[w.heard:]
	w.heard = len(calls)
	return slices.DeleteFunc(fresh, func(c cloud.Call) bool { return !c.Denied || w.forgiven[c.Caller] })
}

// report tells of a test that failed what the functions wrote, and of every test which rights they lacked.
func (w *world) report() {
	for _, call := range w.denials() {
		w.t.Errorf("%s was denied %v: the template lacks the right", call.Caller, call.Needs)
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
