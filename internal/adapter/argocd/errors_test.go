package argocd_test

import (
	"errors"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"

	"github.com/cinegit/guardian/internal/adapter/argocd"
	"github.com/cinegit/guardian/internal/deploy"
)

func TestArgoCDsAnswersAreSortedByWhatToDoNext(t *testing.T) {
	for _, tt := range []struct {
		code  codes.Code
		words string
		want  error
	}{
		{codes.PermissionDenied, "permission denied", deploy.ErrDenied},
		{codes.Unauthenticated, "invalid session: token is expired", deploy.ErrUnauthenticated},
		{codes.NotFound, `applications.argoproj.io "web" not found`, deploy.ErrNotFound},
		{codes.FailedPrecondition, "rollback cannot be initiated when auto-sync is enabled", deploy.ErrAutoSync},
		{codes.FailedPrecondition, "another operation is already in progress", deploy.ErrBusy},
		{codes.FailedPrecondition, "application is deleting", deploy.ErrRefused},
		{codes.InvalidArgument, "application argocd/web does not have deployment with id 99", deploy.ErrGone},
		{codes.InvalidArgument, "application spec for web is invalid: InvalidSpecError", deploy.ErrRefused},
		{codes.Unimplemented, "unknown service", deploy.ErrRefused},
		{codes.Unavailable, "connection refused", deploy.ErrUnavailable},
		{codes.DeadlineExceeded, "context deadline exceeded", deploy.ErrUnavailable},
		{codes.Canceled, "grpc: the client connection is closing", deploy.ErrUnavailable},
		{codes.Unknown, "POST https://argocd/ failed with status code 503", deploy.ErrUnavailable},
		{codes.Aborted, "the object has been modified", deploy.ErrUnavailable},
		{codes.Internal, "Failed to update application. Too many conflicts", deploy.ErrUnavailable},
	} {
		err := argocd.NewWithClient(refuse(tt.code, tt.words), 0).Rollback(t.Context(), web, 0, false)
		if !errors.Is(err, tt.want) {
			t.Errorf("%s %q: error is %v", tt.code, tt.words, err)
		}
		if tt.code != codes.DeadlineExceeded && !strings.Contains(err.Error(), tt.words) {
			t.Errorf("Argo CD's words are lost: %v", err)
		}
		if !strings.HasPrefix(err.Error(), "rollback web: ") {
			t.Errorf("error does not say what failed: %v", err)
		}
	}
}

func TestNoOperationToTerminateIsNoError(t *testing.T) {
	client := argocd.NewWithClient(refuse(codes.InvalidArgument, "Unable to terminate operation. No operation is in progress"), 0)
	if err := client.Terminate(t.Context(), web); err != nil {
		t.Errorf("error is %v", err)
	}
	client = argocd.NewWithClient(refuse(codes.InvalidArgument, "something else"), 0)
	if err := client.Terminate(t.Context(), web); !errors.Is(err, deploy.ErrRefused) {
		t.Errorf("error is %v", err)
	}
}

func TestEveryCallNamesProjectAndNamespaceAndTheIDEvenIfItIs0(t *testing.T) {
	service := &answers{}
	client := argocd.NewWithClient(service, 0)
	must(t, client.Rollback(t.Context(), deploy.Ref{Name: "web", Namespace: "team"}, 0, true))
	must(t, client.Rollback(t.Context(), deploy.Ref{Name: "web", Project: "known"}, 3, false))
	first, second := service.rollbacks[0], service.rollbacks[1]
	if first.GetProject() != "shop" || first.GetAppNamespace() != "team" || first.Id == nil || *first.Id != 0 || !first.GetPrune() {
		t.Errorf("request is %v", first)
	}
	if second.GetProject() != "known" || second.GetId() != 3 || second.AppNamespace == nil || second.GetPrune() {
		t.Errorf("request is %v", second)
	}
}

func TestAnAnswerThatDoesNotSayWhetherWindowsAllowIsAYes(t *testing.T) {
	allowed, _, err := argocd.NewWithClient(&answers{}, 0).SyncAllowed(t.Context(), web)
	if err != nil || !allowed {
		t.Errorf("allowed is %t, error %v", allowed, err)
	}
	allowed, _, err = argocd.NewWithClient(refuse(codes.Unavailable, "gone"), 0).SyncAllowed(t.Context(), web)
	if !errors.Is(err, deploy.ErrUnavailable) || allowed {
		t.Errorf("an error reads as a yes: allowed is %t, error %v", allowed, err)
	}
}
