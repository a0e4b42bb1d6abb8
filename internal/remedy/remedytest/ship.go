package remedytest

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/cinegit/guardian/internal/deploy"
)

// App says what an application begins as.
type App struct {
	Name      string // [namespace/]name
	Project   string // default where empty
	AutoSync  bool
	Owner     string // as deploy.Application.Owner
	Helm      bool   // releases are made by the Helm parameter image.tag
	MultiFrom bool   // it has two sources
}

// Create adds an application that was never synced.
func (a *ArgoCD) Create(c App) {
	a.mu.Lock()
	defer a.mu.Unlock()
	p := &app{
		ref: refOf(c), owner: c.Owner, sources: sourceOf(c, ""),
		images: map[string][]string{}, configMaps: map[string][]string{}, cluster: map[string]bool{},
	}
	if c.AutoSync {
		p.automated = json.RawMessage(`{"prune":true,"selfHeal":false}`)
	}
	a.apps[p.ref.String()] = p
}

// Ship makes a release of an application and, unless auto-sync does it, syncs it as by.
func (a *ArgoCD) Ship(c App, release, by string) {
	a.Commit(c, release, release)
	a.Sync(c, by)
}

// Commit makes a revision with an image of that tag, and with ConfigMaps. In an application of Helm
// parameters the revision stays and the parameter image.tag changes. Auto-sync ships it.
func (a *ArgoCD) Commit(c App, revision, tag string, configMaps ...string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	p := a.apps[refOf(c).String()]
	p.advance(a.Now())
	if c.Helm {
		p.head, p.sources = "chart-main", sourceOf(c, tag)
	} else {
		p.head = revision
		p.images[p.head] = []string{Image(c, tag)}
	}
	p.configMaps[p.head] = configMaps
	p.advance(a.Now())
}

// Sync asks for what the spec says, as by. Where auto-sync is on it does nothing.
func (a *ArgoCD) Sync(c App, by string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	p := a.apps[refOf(c).String()]
	p.advance(a.Now())
	if p.automated == nil {
		op := p.wanted()
		op.by = by
		p.begin(op, a.Now())
		p.advance(a.Now())
	}
}

// Image is the image that a tag stands for in an application. One that contains "bad" never becomes ready.
func Image(c App, tag string) string { return "registry.example/" + refOf(c).Name + ":" + tag }

// Exists tells whether a ConfigMap is in the cluster.
func (a *ArgoCD) Exists(c App, configMap string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	p := a.apps[refOf(c).String()]
	p.advance(a.Now())
	return p.cluster[configMap]
}

// Set changes how an application behaves; see the fields' names: window open|closed|manual, autosync on|off,
// hang on|off, fail MESSAGE, deny RIGHT,RIGHT, owner NAME, head broken|good, gone yes|no,
// job IMAGE (of a finished pod that stays).
func (a *ArgoCD) Set(c App, what, value string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	p := a.apps[refOf(c).String()]
	p.advance(a.Now())
	switch what {
	case "window":
		p.windowClosed, p.manual = value != "open", value == "manual"
	case "autosync":
		p.automated = nil
		if value == "on" {
			p.automated = json.RawMessage(`{"prune":true,"selfHeal":false}`)
		}
	case "hang":
		p.stuck = value == "on"
	case "fail":
		p.fail = value
	case "deny":
		p.denied = strings.FieldsFunc(value, func(r rune) bool { return r == ',' })
	case "owner":
		p.owner = value
	case "head":
		p.broken = value == "broken"
	case "job":
		p.job = []string{value}
	case "gone":
		p.gone = value == "yes"
	default:
		return fmt.Errorf("an application has no %q", what)
	}
	p.advance(a.Now())
	return nil
}

// Runs gives the images that really run, whatever Argo CD says of them yet.
func (a *ArgoCD) Runs(c App) []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	p := a.apps[refOf(c).String()]
	p.advance(a.Now())
	e, _, ok := p.last()
	if !ok {
		return p.partly()
	}
	return append(slices.Clone(p.rendered(e)), p.partly()...)
}

func sourceOf(c App, tag string) json.RawMessage {
	name := refOf(c).Name
	one := fmt.Sprintf(`{"repoURL":"https://git.example/shop.git","path":%q,"targetRevision":"main"}`, name)
	switch {
	case c.Helm:
		one = fmt.Sprintf(`{"repoURL":"https://git.example/shop.git","path":%q,"targetRevision":"main","helm":{"parameters":[{"name":"image.tag","value":%q}]}}`, name, tag)
	case c.MultiFrom:
		one = "[" + one + `,{"repoURL":"https://charts.example","chart":"base","targetRevision":"1.0.0"}]`
	}
	return json.RawMessage(one)
}

func refOf(c App) deploy.Ref {
	project := c.Project
	if project == "" {
		project = "default"
	}
	return deploy.ParseRef(c.Name, project)
}
