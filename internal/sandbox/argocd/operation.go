package argocd

import (
	"maps"
	"slices"
	"time"

	"github.com/argoproj/argo-cd/v2/pkg/apis/application/v1alpha1"
	"github.com/argoproj/gitops-engine/pkg/sync/common"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const (
	historyLimit  = 10
	windowMessage = "Sync operation blocked by sync window"
)

// request asks for an operation. From here it goes its way by itself: pickUp, proceed, finish.
func (s *Server) request(a *app, op v1alpha1.Operation, now time.Time) error {
	if a.object.Operation != nil {
		return status.Error(codes.FailedPrecondition, "another operation is already in progress")
	}
	a.object.Operation = &op
	a.object.Status.OperationState = nil
	s.touch(a)
	s.onOperation(a, now.Add(s.timings.PickUp), s.pickUp)
	return nil
}

// onOperation plans something to happen to the operation that is in progress now, if it still is then.
func (s *Server) onOperation(a *app, at time.Time, do func(*app, time.Time)) {
	op := a.object.Operation
	s.agenda.add(at, func(now time.Time) {
		if a.object.Operation == op {
			do(a, now)
			s.touch(a)
		}
	})
}

func (s *Server) pickUp(a *app, now time.Time) {
	a.object.Status.OperationState = &v1alpha1.OperationState{
		Operation: *a.object.Operation.DeepCopy(),
		Phase:     common.OperationRunning,
		StartedAt: seconds(now),
	}
	s.proceed(a, now)
}

// proceed starts the work, or parks the operation: the window's end brings it here again.
func (s *Server) proceed(a *app, now time.Time) {
	state := a.object.Status.OperationState
	if state == nil {
		return
	}
	if s.held(a, state.Operation.InitiatedBy.Automated) {
		state.Message = windowMessage
		return
	}
	state.Message = ""
	s.onOperation(a, now.Add(s.timings.Sync), s.finish)
}

func (s *Server) terminate(a *app, now time.Time) error {
	state := a.object.Status.OperationState
	if a.object.Operation == nil || state == nil {
		return status.Error(codes.InvalidArgument, "Unable to terminate operation. No operation is in progress")
	}
	state.Phase = common.OperationTerminating
	s.touch(a)
	s.onOperation(a, now.Add(s.timings.Terminate), s.finish)
	return nil
}

// finish ends the operation one way or the other. One that is to be terminated under a closed window
// stays Terminating until the window opens, and then ends without having done anything.
func (s *Server) finish(a *app, now time.Time) {
	state := a.object.Status.OperationState
	if s.held(a, state.Operation.InitiatedBy.Automated) {
		return
	}
	if state.Phase == common.OperationTerminating {
		s.complete(a, common.OperationFailed, "Operation terminated", now)
		return
	}
	op := state.Operation.Sync
	sources, revisions, err := s.wanted(a, op)
	if err != nil {
		s.complete(a, common.OperationError, "ComparisonError: "+err.Error(), now)
		return
	}
	several := len(op.Sources) > 0 || op.Source == nil && len(a.object.Spec.Sources) > 0
	state.SyncResult = resultOf(sources, revisions, several)
	want, err := s.render(sources, revisions)
	if err != nil {
		s.complete(a, common.OperationError, "ComparisonError: Failed to load target state: "+err.Error(), now)
		return
	}
	if want.hook != "" && (op.SyncStrategy == nil || op.SyncStrategy.Apply == nil) {
		state.Message = "waiting for completion of hook batch/Job/" + want.hook
		return
	}
	state.SyncResult.Resources = leftOver(a.live, want, op.Prune)
	if !op.DryRun {
		a.live.apply(want, op.Prune, now, s.timings)
	}
	whole := !op.DryRun && len(op.Resources) == 0
	s.complete(a, common.OperationSucceeded, "successfully synced (all tasks run)", now)
	if whole {
		remember(a, now)
	}
}

func (s *Server) complete(a *app, phase common.OperationPhase, message string, now time.Time) {
	state := a.object.Status.OperationState
	at := seconds(now)
	state.Phase, state.Message, state.FinishedAt = phase, message, &at
	a.object.Operation = nil
	if !state.Operation.Sync.DryRun {
		s.look(a, now.Add(s.timings.Stale))
	}
}

// wanted gives the sources and revisions that an operation deploys: its own, or the spec's as they are now.
func (s *Server) wanted(a *app, op *v1alpha1.SyncOperation) (v1alpha1.ApplicationSources, []string, error) {
	sources, revisions := a.object.Spec.DeepCopy().GetSources(), op.Revisions
	switch {
	case len(op.Sources) > 0:
		sources = op.Sources
	case op.Source != nil:
		sources = v1alpha1.ApplicationSources{*op.Source}
	}
	if len(revisions) == 0 && op.Revision != "" {
		revisions = []string{op.Revision}
	}
	if len(revisions) == len(sources) {
		return sources, revisions, nil
	}
	revisions, err := s.resolveAll(sources)
	return sources, revisions, err
}

func resultOf(sources v1alpha1.ApplicationSources, revisions []string, several bool) *v1alpha1.SyncOperationResult {
	if several {
		return &v1alpha1.SyncOperationResult{Sources: sources, Revisions: revisions}
	}
	return &v1alpha1.SyncOperationResult{Source: sources[0], Revision: revisions[0]}
}

func leftOver(live cluster, want rendered, prune bool) v1alpha1.ResourceResults {
	var out v1alpha1.ResourceResults
	for _, name := range slices.Sorted(maps.Keys(live.resources)) {
		if slices.Contains(want.resources, name) {
			continue
		}
		result := &v1alpha1.ResourceResult{Name: name, Status: common.ResultCodePruneSkipped, Message: "ignored (requires pruning)"}
		if prune {
			result.Status, result.Message = common.ResultCodePruned, "pruned"
		}
		out = append(out, result)
	}
	return out
}

// remember appends to the history, whose ids start at 0 and only ever go up.
func remember(a *app, now time.Time) {
	state := a.object.Status.OperationState
	entry := v1alpha1.RevisionHistory{
		DeployedAt:      seconds(now),
		DeployStartedAt: &state.StartedAt,
		InitiatedBy:     state.Operation.InitiatedBy,
		Revision:        state.SyncResult.Revision,
		Source:          state.SyncResult.Source,
		Revisions:       state.SyncResult.Revisions,
		Sources:         state.SyncResult.Sources,
	}
	history := a.object.Status.History
	if n := len(history); n > 0 {
		entry.ID = history[n-1].ID + 1
	}
	history = append(history, entry)
	a.object.Status.History = history[max(0, len(history)-historyLimit):]
}

// seconds is how Kubernetes keeps a moment.
func seconds(t time.Time) metav1.Time { return metav1.NewTime(t.UTC().Truncate(time.Second)) }
