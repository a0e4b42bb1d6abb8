package argocd

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/argoproj/argo-cd/v2/pkg/apis/application/v1alpha1"
	"github.com/argoproj/gitops-engine/pkg/health"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/cinegit/guardian/internal/deploy"
)

// App says which application to create.
type App struct {
	Ref        deploy.Ref        // project default and namespace argocd unless given
	Path       string            // folder of the repository
	MorePaths  []string          // makes it an application with several sources
	Parameters map[string]string // Helm parameters
	AutoSync   bool
	SelfHeal   bool
	Prune      bool   // auto-sync removes what git no longer has
	ByParent   string // the application that deploys this one, and puts its spec back
	BySet      string // the ApplicationSet that made it, and puts its spec back
}

// app is an application, and what runs of it.
type app struct {
	object     v1alpha1.Application
	kept       *v1alpha1.ApplicationSpec // what an owner puts back; nil without owner
	live       cluster
	unreadable time.Time // when git could first not be read; zero if it can
}

func (a *app) ref() deploy.Ref {
	return deploy.Ref{Name: a.object.Name, Namespace: a.object.Namespace, Project: a.object.Spec.GetProject()}
}

func newApp(of App) *app {
	a := &app{live: cluster{resources: map[string]bool{}}}
	ref := key(of.Ref)
	a.object.TypeMeta = metav1.TypeMeta{APIVersion: "argoproj.io/v1alpha1", Kind: "Application"}
	a.object.ObjectMeta = metav1.ObjectMeta{Name: ref.Name, Namespace: ref.Namespace}
	a.object.Spec = of.spec()
	a.object.Status.Health.Status = health.HealthStatusMissing
	a.object.Status.Sync.Status = v1alpha1.SyncStatusCodeOutOfSync
	if of.BySet != "" {
		a.object.OwnerReferences = []metav1.OwnerReference{{APIVersion: "argoproj.io/v1alpha1", Kind: "ApplicationSet", Name: of.BySet}}
	}
	if of.ByParent != "" {
		a.object.Annotations = map[string]string{
			"argocd.argoproj.io/tracking-id": of.ByParent + ":argoproj.io/Application:" + ref.Namespace + "/" + ref.Name,
		}
	}
	if of.BySet != "" || of.ByParent != "" {
		a.kept = a.object.Spec.DeepCopy()
	}
	return a
}

func (of App) spec() v1alpha1.ApplicationSpec {
	spec := v1alpha1.ApplicationSpec{
		Project:     of.Ref.Project,
		Destination: v1alpha1.ApplicationDestination{Server: "https://kubernetes.default.svc", Namespace: of.Ref.Name},
	}
	if spec.Project == "" {
		spec.Project = "default"
	}
	source := v1alpha1.ApplicationSource{RepoURL: Repo, Path: of.Path, TargetRevision: "main"}
	if len(of.Parameters) > 0 {
		source.Helm = &v1alpha1.ApplicationSourceHelm{}
		for _, name := range slices.Sorted(maps.Keys(of.Parameters)) {
			source.Helm.AddParameter(v1alpha1.HelmParameter{Name: name, Value: of.Parameters[name]})
		}
	}
	if len(of.MorePaths) == 0 {
		spec.Source = &source
	} else {
		spec.Sources = v1alpha1.ApplicationSources{source}
		for _, path := range of.MorePaths {
			spec.Sources = append(spec.Sources, v1alpha1.ApplicationSource{RepoURL: Repo, Path: path, TargetRevision: "main"})
		}
	}
	if of.AutoSync {
		spec.SyncPolicy = &v1alpha1.SyncPolicy{Automated: &v1alpha1.SyncPolicyAutomated{Prune: of.Prune, SelfHeal: of.SelfHeal}}
	}
	return spec
}

// cluster is what runs of one application.
type cluster struct {
	images    []string // of the newest pods
	replaced  []string // of the pods that they replace, until all are ready
	resources map[string]bool
	since     time.Time // when the newest pods began to roll out; zero if none ever did
}

// apply rolls out what was rendered, and leaves resources that are no longer wanted unless prune.
func (c *cluster) apply(want rendered, prune bool, now time.Time, t Timings) {
	if prune {
		c.resources = map[string]bool{}
	}
	for _, r := range want.resources {
		c.resources[r] = true
	}
	if slices.Equal(c.images, want.images) {
		return
	}
	c.replaced = c.running(now, t)
	c.images, c.since = want.images, now
}

// running gives the images of all pods, those being replaced included.
func (c *cluster) running(now time.Time, t Timings) []string {
	if c.health(now, t) == health.HealthStatusHealthy {
		return c.images
	}
	all := slices.Concat(c.images, c.replaced)
	slices.Sort(all)
	return slices.Compact(all)
}

// serving gives the images of the pods that are ready.
func (c *cluster) serving(now time.Time, t Timings) []string {
	if c.health(now, t) == health.HealthStatusHealthy {
		return c.images
	}
	return slices.DeleteFunc(slices.Clone(c.replaced), neverReady)
}

func (c *cluster) health(now time.Time, t Timings) health.HealthStatusCode {
	age := now.Sub(c.since)
	switch {
	case c.since.IsZero():
		return health.HealthStatusMissing
	case !slices.ContainsFunc(c.images, neverReady) && age >= t.Ready:
		return health.HealthStatusHealthy
	case slices.ContainsFunc(c.images, neverReady) && age >= t.Deadline:
		return health.HealthStatusDegraded
	}
	return health.HealthStatusProgressing
}

// nextHealth gives the moment at which the health changes by itself, if it still does.
func (c *cluster) nextHealth(now time.Time, t Timings) (at time.Time, ok bool) {
	if c.health(now, t) != health.HealthStatusProgressing {
		return time.Time{}, false
	}
	if slices.ContainsFunc(c.images, neverReady) {
		return c.since.Add(t.Deadline), true
	}
	return c.since.Add(t.Ready), true
}

func neverReady(image string) bool {
	_, tag, _ := strings.Cut(image[strings.LastIndex(image, "/")+1:], ":")
	return strings.Contains(tag, "bad")
}
