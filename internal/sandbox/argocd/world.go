package argocd

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/argoproj/argo-cd/v2/pkg/apis/application/v1alpha1"

	"github.com/cinegit/guardian/internal/deploy"
)

// window is a closed sync window of a project.
type window struct {
	manual bool // lets operations through that a person starts
}

// Create adds an application, or puts a new one in the place of the old. It runs nothing before its
// first sync.
func (s *Server) Create(of App) {
	s.update(func(now time.Time) {
		a := newApp(of)
		s.apps[key(of.Ref)] = a
		s.reconcile(a, now)
		s.poll(a, now.Add(s.timings.Poll))
	})
}

// Delete takes an application away.
func (s *Server) Delete(ref deploy.Ref) {
	s.update(func(time.Time) { delete(s.apps, key(ref)) })
}

// Object gives the application as Argo CD's API would.
func (s *Server) Object(ref deploy.Ref) (object v1alpha1.Application, err error) {
	err = s.on(ref, func(a *app, _ time.Time) error {
		object = *a.object.DeepCopy()
		return nil
	})
	return object, err
}

// Serving gives the images of the application's ready pods, while Argo CD may not know yet.
func (s *Server) Serving(ref deploy.Ref) (images []string, err error) {
	err = s.on(ref, func(a *app, now time.Time) error {
		images = a.live.serving(now, s.timings)
		return nil
	})
	return images, err
}

// Sync deploys git's head as a person does in Argo CD's page. It returns once the operation is asked for.
func (s *Server) Sync(ref deploy.Ref, by string) error {
	return s.on(ref, func(a *app, now time.Time) error {
		revisions, err := s.resolveAll(a.object.Spec.GetSources())
		if err != nil {
			return err
		}
		op := v1alpha1.Operation{Sync: &v1alpha1.SyncOperation{}, InitiatedBy: v1alpha1.OperationInitiator{Username: by}}
		if several := a.object.Spec.DeepCopy().Sources; len(several) > 0 {
			op.Sync.Sources, op.Sync.Revisions = several, revisions
		} else {
			op.Sync.Revision = revisions[0]
		}
		return s.request(a, op, now)
	})
}

// Edit changes the application's spec, as a person does. Its owner, if it has one, puts it back.
func (s *Server) Edit(ref deploy.Ref, change func(*v1alpha1.ApplicationSpec)) error {
	return s.on(ref, func(a *app, now time.Time) error {
		change(&a.object.Spec)
		s.touch(a)
		s.look(a, now.Add(s.timings.PickUp))
		return nil
	})
}

// Refresh makes Argo CD look at git now, as a git webhook does.
func (s *Server) Refresh(ref deploy.Ref) error {
	return s.on(ref, func(a *app, now time.Time) error {
		s.reconcile(a, now)
		return nil
	})
}

// Drift makes other images run, as kubectl does behind Argo CD's back.
func (s *Server) Drift(ref deploy.Ref, images ...string) error {
	return s.on(ref, func(a *app, now time.Time) error {
		a.live.apply(rendered{images: images}, false, now, s.timings)
		s.look(a, now.Add(s.timings.Stale))
		return nil
	})
}

// CloseWindow stops a project's operations; with manual only those of auto-sync.
func (s *Server) CloseWindow(project string, manual bool) {
	s.update(func(time.Time) { s.windows[project] = window{manual: manual} })
}

// OpenWindow lets a project's operations go on: those that were held back run now.
func (s *Server) OpenWindow(project string) {
	s.update(func(now time.Time) {
		delete(s.windows, project)
		for _, a := range s.apps {
			if a.object.Spec.GetProject() == project && a.object.Operation != nil {
				s.onOperation(a, now, s.proceed)
			}
		}
	})
}

// Notification gives the body that Argo CD posts with the template of docs/argocd.md.
func (s *Server) Notification(ref deploy.Ref) ([]byte, error) {
	object, err := s.Object(ref)
	if err != nil {
		return nil, err
	}
	body := map[string]any{"app": object.Name, "namespace": object.Namespace, "project": object.Spec.GetProject()}
	if state := object.Status.OperationState; state != nil {
		body["operationPhase"], body["finishedAt"] = state.Phase, state.FinishedAt
	}
	return json.Marshal(body)
}

func (s *Server) held(a *app, automated bool) bool {
	w, closed := s.windows[a.object.Spec.GetProject()]
	return closed && (automated || !w.manual)
}

func (s *Server) on(ref deploy.Ref, do func(a *app, now time.Time) error) (err error) {
	s.update(func(now time.Time) {
		a, found := s.apps[key(ref)]
		if !found {
			err = fmt.Errorf("no application %s", ref)
			return
		}
		err = do(a, now)
	})
	return err
}
