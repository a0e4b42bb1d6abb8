package argocd

import (
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/argoproj/argo-cd/v2/pkg/apis/application/v1alpha1"
)

// look plans a look at the application after something that makes its controller ask git anew: an
// operation's end, a changed spec.
func (s *Server) look(a *app, at time.Time) {
	s.agenda.add(at, func(now time.Time) { s.reconcile(a, now) })
}

// glance plans a look after something in the cluster changed. It does not ask git anew, and so shows
// nothing while git cannot be read.
func (s *Server) glance(a *app, at time.Time) {
	s.agenda.add(at, func(now time.Time) {
		if !s.ignores(a, now) {
			s.reconcile(a, now)
		}
	})
}

func (s *Server) poll(a *app, at time.Time) {
	s.agenda.add(at, func(now time.Time) {
		if s.apps[key(a.ref())] != a {
			return // deleted meanwhile
		}
		s.glance(a, now)
		s.poll(a, now.Add(s.timings.Poll))
	})
}

// ignores tells whether git cannot be read, and not for long: Argo CD then leaves the whole status,
// health included, as it is.
func (s *Server) ignores(a *app, now time.Time) bool {
	if _, _, err := s.head(a); err == nil {
		a.unreadable = time.Time{}
		return false
	}
	if a.unreadable.IsZero() {
		a.unreadable = now
	}
	return now.Sub(a.unreadable) <= s.timings.Grace
}

// head reads what git's head wants.
func (s *Server) head(a *app) (rendered, []string, error) {
	sources := a.object.Spec.GetSources()
	revisions, err := s.resolveAll(sources)
	if err != nil {
		return rendered{}, nil, err
	}
	want, err := s.render(sources, revisions)
	return want, revisions, err
}

func (s *Server) reconcile(a *app, now time.Time) {
	if a.kept != nil {
		a.object.Spec = *a.kept.DeepCopy()
	}
	before := a.object.Status.Sync.Revisions
	s.compare(a, now)
	at := seconds(now)
	a.object.Status.ReconciledAt = &at
	a.object.Status.Health.Status = a.live.health(now, s.timings)
	a.object.Status.Summary.Images = a.live.running(now, s.timings)
	a.object.Status.Resources = a.live.listed()
	s.touch(a)
	if next, ok := a.live.nextHealth(now, s.timings); ok {
		s.glance(a, next)
	}
	s.autoSync(a, before, now)
}

// compare holds what runs against git's head.
func (s *Server) compare(a *app, now time.Time) {
	st, spec := &a.object.Status, a.object.Spec.DeepCopy()
	st.Conditions = nil
	st.Sync = v1alpha1.SyncStatus{
		ComparedTo: v1alpha1.ComparedTo{Destination: spec.Destination, Source: spec.GetSource(), Sources: spec.Sources},
	}
	want, revisions, err := s.head(a)
	if err != nil {
		at := seconds(now)
		st.Sync.Status = v1alpha1.SyncStatusCodeUnknown
		st.Conditions = []v1alpha1.ApplicationCondition{{
			Type: v1alpha1.ApplicationConditionComparisonError, Message: "Failed to load target state: " + err.Error(), LastTransitionTime: &at,
		}}
		return
	}
	if len(spec.Sources) > 0 {
		st.Sync.Revisions = revisions
	} else {
		st.Sync.Revision = revisions[0]
	}
	st.Sync.Status = v1alpha1.SyncStatusCodeOutOfSync
	if slices.Equal(a.live.images, want.images) && a.live.has(want.resources) {
		st.Sync.Status = v1alpha1.SyncStatusCodeSynced
	}
}

// has tells whether exactly these resources are there.
func (c *cluster) has(resources []string) bool {
	for _, r := range resources {
		if !c.resources[r] {
			return false
		}
	}
	return len(c.resources) == len(resources)
}

func (c *cluster) listed() []v1alpha1.ResourceStatus {
	var out []v1alpha1.ResourceStatus
	for _, resource := range slices.Sorted(maps.Keys(c.resources)) {
		kind, name, _ := strings.Cut(resource, "/")
		out = append(out, v1alpha1.ResourceStatus{Kind: kind, Name: name, Version: "v1"})
	}
	return out
}

// autoSync asks for a sync to head, but never twice for the same content: a failed one is not
// retried, and what a person changed by hand is only undone with self-heal.
func (s *Server) autoSync(a *app, comparedBefore []string, now time.Time) {
	spec, st := a.object.Spec, a.object.Status
	if spec.SyncPolicy == nil || spec.SyncPolicy.Automated == nil || a.object.Operation != nil ||
		st.Sync.Status != v1alpha1.SyncStatusCodeOutOfSync {
		return
	}
	policy := spec.SyncPolicy.Automated
	if len(spec.Sources) > 0 && !policy.SelfHeal && slices.Equal(comparedBefore, st.Sync.Revisions) {
		return
	}
	op := v1alpha1.Operation{
		Sync:        &v1alpha1.SyncOperation{Revision: st.Sync.Revision, Revisions: st.Sync.Revisions, Prune: policy.Prune, SyncOptions: spec.SyncPolicy.SyncOptions},
		InitiatedBy: v1alpha1.OperationInitiator{Automated: true},
	}
	if attempted(a) {
		if !policy.SelfHeal || !st.OperationState.Phase.Successful() {
			return
		}
		if heal := st.OperationState.FinishedAt.Add(s.timings.SelfHeal); heal.After(now) {
			s.look(a, heal)
			return
		}
		op.Sync.Resources = []v1alpha1.SyncOperationResource{{Group: "apps", Kind: "Deployment", Name: a.object.Name}}
	}
	_ = s.request(a, op, now) // cannot be refused: no operation is in progress
}

func attempted(a *app) bool {
	state := a.object.Status.OperationState
	if state == nil || state.SyncResult == nil {
		return false
	}
	if len(a.object.Spec.Sources) > 0 {
		return slices.Equal(state.SyncResult.Revisions, a.object.Status.Sync.Revisions) &&
			reflect.DeepEqual(state.SyncResult.Sources, a.object.Spec.Sources)
	}
	return state.SyncResult.Revision == a.object.Status.Sync.Revision &&
		reflect.DeepEqual(state.SyncResult.Source, a.object.Spec.GetSource())
}
