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
	p := &app{ref: refOf(c), owner: c.Owner, images: map[string][]string{}, sources: sourceOf(c, "")}
	if c.AutoSync {
		p.automated = json.RawMessage(`{"prune":true,"selfHeal":false}`)
	}
	a.apps[p.ref.String()] = p
}

// Ship makes a release of an application and, unless auto-sync does it, syncs it as by. In an
// application of Helm parameters the revision stays and the parameter image.tag becomes release.
func (a *ArgoCD) Ship(c App, release, by string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	p := a.apps[refOf(c).String()]
	p.advance(a.Now())
	if c.Helm {
		p.head, p.sources = "chart-main", sourceOf(c, release)
	} else {
		p.head = release
		p.images[p.head] = []string{"registry.example/" + p.ref.Name + ":" + release}
	}
	if p.automated == nil {
		op := p.wanted()
		op.by = by
		p.begin(op, a.Now())
	}
	p.advance(a.Now())
}

// Set changes how an application behaves; see the fields' names: window open|closed, autosync on|off,
// hang on|off, fail MESSAGE, deny RIGHT,RIGHT, owner NAME, head broken|good.
func (a *ArgoCD) Set(c App, what, value string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	p := a.apps[refOf(c).String()]
	p.advance(a.Now())
	switch what {
	case "window":
		p.windowClosed = value == "closed"
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
