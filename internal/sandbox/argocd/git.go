package argocd

import (
	"cmp"
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/argoproj/argo-cd/v2/pkg/apis/application/v1alpha1"
)

// Repo is the address of the one git repository.
const Repo = "https://git.example.invalid/deploy.git"

// TagParameter is the Helm parameter that says which tag of its image a chart deploys.
const TagParameter = "image.tag"

// Manifests are what one folder of the repository deploys.
type Manifests struct {
	Images    []string // of its Deployments; one whose tag contains "bad" never becomes ready
	Chart     string   // image repository of a Helm chart; its tag is TagParameter or Tag
	Tag       string   // the chart's default tag
	Resources []string // its other resources, as ConfigMap/web-config
	Hook      string   // a PreSync Job that never ends; a rollback runs no hooks
	Broken    string   // why the folder cannot be read
}

type commit struct {
	revision string
	folders  map[string]Manifests
}

// rendered is what one or several sources want to run.
type rendered struct {
	images    []string
	resources []string
	hook      string
}

// Commit changes some folders of the repository's only branch, main, and gives the new revision.
// Applications see it at their next look, at most Timings.Poll later.
func (s *Server) Commit(folders map[string]Manifests) (revision string) {
	s.update(func(time.Time) {
		all := map[string]Manifests{}
		parent := ""
		if n := len(s.commits); n > 0 {
			maps.Copy(all, s.commits[n-1].folders)
			parent = s.commits[n-1].revision
		}
		maps.Copy(all, folders)
		sum := sha1.Sum(fmt.Appendf(nil, "%s %v", parent, folders))
		revision = hex.EncodeToString(sum[:])
		s.commits = append(s.commits, commit{revision: revision, folders: all})
	})
	return revision
}

// resolve gives the revision that a branch, a tag or a revision's beginning stands for.
func (s *Server) resolve(target string) (string, error) {
	if len(s.commits) == 0 {
		return "", errors.New("the repository is empty")
	}
	if target == "" || target == "HEAD" || target == "main" {
		return s.commits[len(s.commits)-1].revision, nil
	}
	for _, c := range s.commits {
		if strings.HasPrefix(c.revision, target) {
			return c.revision, nil
		}
	}
	return "", fmt.Errorf("unable to resolve '%s' to a commit SHA", target)
}

func (s *Server) resolveAll(sources v1alpha1.ApplicationSources) ([]string, error) {
	var out []string
	for _, source := range sources {
		revision, err := s.resolve(source.TargetRevision)
		if err != nil {
			return nil, err
		}
		out = append(out, revision)
	}
	return out, nil
}

// render reads what the sources want at the revisions, one for each.
func (s *Server) render(sources v1alpha1.ApplicationSources, revisions []string) (rendered, error) {
	var out rendered
	for i, source := range sources {
		c := slices.IndexFunc(s.commits, func(c commit) bool { return c.revision == revisions[i] })
		if c < 0 {
			return rendered{}, fmt.Errorf("no revision %s", revisions[i])
		}
		m, found := s.commits[c].folders[source.Path]
		if !found {
			return rendered{}, fmt.Errorf("%s: app path does not exist", source.Path)
		}
		if m.Broken != "" {
			return rendered{}, errors.New(m.Broken)
		}
		out.images = append(out.images, m.images(source.Helm)...)
		out.resources = append(out.resources, m.Resources...)
		out.hook = cmp.Or(out.hook, m.Hook)
	}
	slices.Sort(out.images)
	out.images = slices.Compact(out.images)
	return out, nil
}

func (m Manifests) images(helm *v1alpha1.ApplicationSourceHelm) []string {
	if m.Chart == "" {
		return m.Images
	}
	tag := m.Tag
	if helm != nil {
		for _, p := range helm.Parameters {
			if p.Name == TagParameter {
				tag = p.Value
			}
		}
	}
	return append(slices.Clone(m.Images), m.Chart+":"+tag)
}
