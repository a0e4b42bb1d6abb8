//go:build e2e

package e2e

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cinegit/guardian/internal/e2e/proc"
)

// patience is how long anything may take that has to happen.
const patience = 2 * time.Minute

// flagKey is the feature flag of services that have one.
const flagKey = "new-timeline"

// setup says how a case differs from the plainest one: a manual-sync application of plain manifests.
type setup struct {
	service  string // the case's name where empty
	autoSync bool
	helm     bool
	flag     bool // the service has a flag, off at first
	badFlag  bool // it is the flag that makes it fail, not the release
	reader   bool // Guardian's token may only read
	alone    bool // with a Prometheus of its own
}

// stack is one case's own service, application, Guardian, and all lines between them. Release v1 runs
// and has proved good.
type stack struct {
	*world
	setup
	name, app  string
	branch     *branch
	proxy      *argoProxy
	guardian   *guardian
	inbox      *inbox
	prometheus *prometheusServer
	flags      string      // path of the flagd document
	awake      atomic.Bool // the service shows what is wrong with what runs
	ill        atomic.Bool // it fails whatever runs
}

func (w *world) stack(t *testing.T, o setup) *stack {
	t.Helper()
	t.Parallel()
	_, name, _ := strings.Cut(t.Name(), "/")
	name = strings.ReplaceAll(name, "_", "-")
	s := &stack{world: w, setup: o, name: name, app: w.run + "-" + name, prometheus: w.prometheus}
	s.service = cmp.Or(o.service, name)
	dir := filepath.Join(w.dir, "cases", name)
	s.branch = newBranch(t, w.pushURL, s.app)
	s.deploy(t)
	registry := w.metrics.shared
	if o.alone {
		path := "/metrics/" + name
		registry = w.metrics.alone(path)
		s.prometheus = startPrometheus(t, filepath.Join(dir, "prometheus"), w.metricsAt, path, w.alertmanager)
	}
	if o.flag {
		s.flags = filepath.Join(dir, "flags.json")
		s.setFlag(t, "off")
	}
	serve(t, registry, s.service, stage, s.isBad)
	s.startGuardian(t, dir)
	s.proved(t)
	return s
}

// deploy makes the application and ships v1.
func (s *stack) deploy(t *testing.T) {
	t.Helper()
	src := source{RepoURL: s.gitURL, Path: ".", TargetRevision: s.branch.name}
	if s.helm {
		src.Helm = &helm{Parameters: []parameter{{"image.tag", "v1"}}}
		s.branch.commit(t, "chart", chart(s.app, s.image))
	} else {
		s.branch.commit(t, "v1", manifests(s.app, s.tag("v1")))
	}
	s.argo.create(t, s.app, s.namespace, src, s.autoSync)
	if !s.autoSync {
		s.argo.sync(t, s.app)
	}
	s.waitRuns(t, "v1")
}

func (s *stack) startGuardian(t *testing.T, dir string) {
	t.Helper()
	ports, err := proc.Ports(1)
	if err != nil {
		t.Fatal(err)
	}
	listen := fmt.Sprintf("127.0.0.1:%d", ports[0])
	s.proxy = newArgoProxy(t, s.argoServer)
	s.inbox = s.relay.open("http://"+listen, s.service, s.app)
	t.Cleanup(func() { s.relay.close(s.service, s.app) })
	wires := wiring{
		service: s.service, application: s.app, project: s.argo.project, argo: s.proxy, argoToken: s.tokens.guardian,
		prometheus: s.prometheus.url, say: s.relayURL + "/say/" + s.service, flags: s.flags, remedies: "revert",
		webhookToken: s.webhookToken,
	}
	if s.flag {
		wires.remedies = "flag, revert"
	}
	if s.reader {
		wires.argoToken = s.tokens.reader
	}
	s.guardian = startGuardian(t, s.binary, dir, listen, wires)
}

// tag gives the image with a tag.
func (s *stack) tag(tag string) string { return s.image + ":" + tag }

// isBad is what the service does: it fails while a broken image runs, or while its bad flag is on.
func (s *stack) isBad(ctx context.Context) (bool, error) {
	if s.ill.Load() {
		return true, nil
	}
	if !s.awake.Load() {
		return false, nil
	}
	if s.badFlag {
		variant, err := s.flagServes()
		return variant == "on", err
	}
	app, err := s.argo.get(ctx, s.app)
	return slices.ContainsFunc(app.Status.Summary.Images, func(image string) bool {
		return strings.Contains(image, "-broken")
	}), err
}

// ship rolls a tag out, and then the service shows what is wrong with it.
func (s *stack) ship(t *testing.T, tag string) {
	t.Helper()
	s.rollOut(t, tag)
	s.waitRuns(t, tag)
	s.awake.Store(true)
}

// rollOut releases a tag as people do: by git, and by hand where auto-sync is off; or by Helm
// parameter. Nothing is wrong with it yet.
func (s *stack) rollOut(t *testing.T, tag string) {
	t.Helper()
	s.awake.Store(false)
	switch {
	case s.helm:
		s.argo.patch(t, s.app, object{"spec": object{"source": object{"helm": object{"parameters": []parameter{{"image.tag", tag}}}}}})
		s.argo.sync(t, s.app)
	case s.autoSync:
		s.branch.commit(t, tag, manifests(s.app, s.tag(tag)))
		s.argo.refresh(t, s.app)
	default:
		s.branch.commit(t, tag, manifests(s.app, s.tag(tag)))
		s.argo.sync(t, s.app)
	}
}

// setFlag writes the document as a person with an editor would.
func (s *stack) setFlag(t *testing.T, variant string) {
	t.Helper()
	next := s.flags + ".next"
	write(t, next, fmt.Sprintf(`{
  "flags": {
    %q: {"state": "ENABLED", "variants": {"on": true, "off": false}, "defaultVariant": %q}
  }
}
`, flagKey, variant))
	if err := os.Rename(next, s.flags); err != nil {
		t.Fatal(err)
	}
}

// flagServes reads the default variant.
func (s *stack) flagServes() (string, error) {
	raw, err := os.ReadFile(s.flags)
	if err != nil {
		return "", err
	}
	var doc struct {
		Flags map[string]struct{ DefaultVariant string }
	}
	err = json.Unmarshal(raw, &doc)
	return doc.Flags[flagKey].DefaultVariant, err
}
