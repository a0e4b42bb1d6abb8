package argocd

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/argoproj/argo-cd/v2/pkg/apiclient/application"
	"github.com/argoproj/argo-cd/v2/pkg/apis/application/v1alpha1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/cinegit/guardian/internal/deploy"
)

// Where Argo CD notes which application manages a resource.
const (
	trackingAnnotation = "argocd.argoproj.io/tracking-id" // APP:GROUP/KIND:NAMESPACE/NAME
	instanceLabel      = "app.kubernetes.io/instance"
)

// repoGrace is how long Argo CD leaves the whole status of an application as it was, health included,
// when it cannot read git (ARGOCD_REPO_ERROR_GRACE_PERIOD_SECONDS).
const repoGrace = 3 * time.Minute

// outdated tells whether the status may be from before the last operation ended: because nobody has
// looked since (both times are to the second), or because a broken head keeps Argo CD from looking.
func outdated(app *v1alpha1.Application) bool {
	state := app.Status.OperationState
	if app.Operation != nil || state == nil || state.FinishedAt == nil {
		return false
	}
	finished, looked := state.FinishedAt.Time, moment(app.Status.ReconciledAt)
	if app.Status.Sync.Status == v1alpha1.SyncStatusCodeUnknown {
		return looked.Before(finished.Add(repoGrace))
	}
	return !looked.After(finished)
}

// applicationOf reads Argo CD's Application as package deploy's. Any field may be missing.
func applicationOf(ref deploy.Ref, app *v1alpha1.Application) (deploy.Application, error) {
	sources, err := sourcesJSON(app.Spec.Source, app.Spec.Sources)
	if err != nil {
		return deploy.Application{}, fmt.Errorf("spec of %s: %w", ref, err)
	}
	operation, err := operationOf(app)
	if err != nil {
		return deploy.Application{}, fmt.Errorf("operation of %s: %w", ref, err)
	}
	history, err := historyOf(app.Status.History)
	if err != nil {
		return deploy.Application{}, fmt.Errorf("history of %s: %w", ref, err)
	}
	autoSync, err := autoSyncOf(app.Spec.SyncPolicy)
	if err != nil {
		return deploy.Application{}, fmt.Errorf("sync policy of %s: %w", ref, err)
	}
	ref.Project = app.Spec.GetProject()
	return deploy.Application{
		Ref:          ref,
		AutoSync:     autoSync,
		Owner:        ownerOf(app),
		Sources:      sources,
		SyncStatus:   string(app.Status.Sync.Status),
		Health:       string(app.Status.Health.Status),
		Head:         revisions(app.Status.Sync.Revision, app.Status.Sync.Revisions),
		ReconciledAt: moment(app.Status.ReconciledAt),
		Images:       sorted(app.Status.Summary.Images),
		Operation:    operation,
		History:      history,
	}, nil
}

func autoSyncOf(policy *v1alpha1.SyncPolicy) (json.RawMessage, error) {
	if policy == nil || policy.Automated == nil {
		return nil, nil
	}
	return json.Marshal(policy.Automated)
}

// operationOf gives the operation asked for or, if none is pending, the last one that ran. The
// controller clears .operation in the same write that completes the state, so a completed state
// beside it belongs to an older operation.
func operationOf(app *v1alpha1.Application) (*deploy.Operation, error) {
	state := app.Status.OperationState
	if app.Operation != nil && (state == nil || state.Phase.Completed()) {
		out := &deploy.Operation{Phase: deploy.PhasePending}
		return out, fill(out, *app.Operation, nil)
	}
	if state == nil {
		return nil, nil
	}
	out := &deploy.Operation{Phase: string(state.Phase), Message: state.Message, StartedAt: state.StartedAt.UTC()}
	if state.Phase.Completed() { // a retried operation keeps the end of its last attempt
		out.FinishedAt = moment(state.FinishedAt)
	}
	return out, fill(out, state.Operation, state.SyncResult)
}

func fill(out *deploy.Operation, asked v1alpha1.Operation, result *v1alpha1.SyncOperationResult) (err error) {
	out.InitiatedBy, out.Automated = asked.InitiatedBy.Username, asked.InitiatedBy.Automated
	sync := asked.Sync
	if sync == nil {
		sync = &v1alpha1.SyncOperation{}
	}
	// A sync of an application with several sources sets sources, too: only a rollback sets source.
	out.Rollback, out.DryRun = sync.Source != nil, sync.DryRun
	if out.Rollback || result == nil {
		out.Revisions = revisions(sync.Revision, sync.Revisions)
		out.Sources, err = sourcesJSON(sync.Source, sync.Sources)
		return err
	}
	out.Revisions = revisions(result.Revision, result.Revisions)
	out.Sources, err = sourcesJSON(&result.Source, result.Sources)
	return err
}

func historyOf(history v1alpha1.RevisionHistories) ([]deploy.Entry, error) {
	var out []deploy.Entry
	for _, h := range history {
		sources, err := sourcesJSON(&h.Source, h.Sources)
		if err != nil {
			return nil, fmt.Errorf("entry %d: %w", h.ID, err)
		}
		out = append(out, deploy.Entry{
			ID:          h.ID,
			Revisions:   revisions(h.Revision, h.Revisions),
			Sources:     sources,
			StartedAt:   moment(h.DeployStartedAt),
			DeployedAt:  h.DeployedAt.UTC(),
			InitiatedBy: h.InitiatedBy.Username,
			Automated:   h.InitiatedBy.Automated,
		})
	}
	return out, nil
}

// sourcesJSON writes one source as an object and several as an array, from the same types
// wherever they stand, so that the same release reads the same in spec, operation and history.
func sourcesJSON(one *v1alpha1.ApplicationSource, many v1alpha1.ApplicationSources) (json.RawMessage, error) {
	switch {
	case len(many) > 0:
		return json.Marshal(many)
	case one != nil && !one.IsZero():
		return json.Marshal(one)
	}
	return nil, nil
}

func revisions(one string, many []string) []string {
	switch {
	case len(many) > 0:
		return many
	case one != "":
		return []string{one}
	}
	return nil
}

// ownerOf names who would undo an edit of the spec: the ApplicationSet that made the application,
// or the application that deploys it.
func ownerOf(app *v1alpha1.Application) string {
	for _, owner := range app.OwnerReferences {
		if owner.Kind == "ApplicationSet" {
			return "ApplicationSet " + owner.Name
		}
	}
	parent := app.Labels[instanceLabel]
	if id, found := app.Annotations[trackingAnnotation]; found {
		parent = trackedBy(id, app.Name)
	}
	if parent == "" || parent == app.Name {
		return ""
	}
	return "Application " + parent
}

// trackedBy reads a tracking id. One that speaks of another resource was copied, and means nothing.
func trackedBy(id, name string) string {
	parts := strings.Split(id, ":")
	if len(parts) != 3 || parts[1] != "argoproj.io/Application" || !strings.HasSuffix(parts[2], "/"+name) {
		return ""
	}
	return parts[0]
}

// readWindows reads whether an operation may start now. An answer that does not say is a yes: an
// operation that a window holds back all the same shows as such.
func readWindows(windows *application.ApplicationSyncWindowsResponse) (allowed bool, why string) {
	if windows == nil || windows.CanSync == nil || *windows.CanSync {
		return true, ""
	}
	for _, w := range windows.ActiveWindows {
		if w.GetKind() == "deny" {
			return false, fmt.Sprintf("a deny window is open (schedule %q, for %s)", w.GetSchedule(), w.GetDuration())
		}
	}
	return false, "no allow window is open"
}

func moment(t *metav1.Time) time.Time {
	if t == nil || t.IsZero() {
		return time.Time{}
	}
	return t.UTC()
}

func sorted(in []string) []string {
	out := slices.Sorted(slices.Values(in))
	return slices.Compact(out)
}
