package argocd

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/argoproj/argo-cd/v2/pkg/apiclient/application"
	"github.com/argoproj/argo-cd/v2/pkg/apiclient/version"
	"github.com/argoproj/argo-cd/v2/pkg/apis/application/v1alpha1"
	jsonpatch "github.com/evanphx/json-patch/v5"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/cinegit/guardian/internal/deploy"
)

// api is the part of Argo CD's application service that Guardian uses.
type api struct {
	application.UnimplementedApplicationServiceServer
	server *Server
}

type action string

const (
	toGet    action = "get"
	toSync   action = "sync"
	toUpdate action = "update"
)

func (who Account) may(do action) bool {
	return map[action]bool{toGet: who.Get, toSync: who.Sync, toUpdate: who.Update}[do]
}

func (p *api) account(ctx context.Context) (Account, error) {
	md, _ := metadata.FromIncomingContext(ctx)
	tokens := md.Get("token")
	if len(tokens) == 0 || tokens[0] == "" {
		return Account{}, status.Error(codes.Unauthenticated, "no session information")
	}
	who, known := p.server.options.Accounts[tokens[0]]
	if !known {
		return Account{}, status.Error(codes.Unauthenticated, "invalid session: signature is invalid")
	}
	return who, nil
}

// named is what every request says of its application.
type named interface {
	GetName() string
	GetAppNamespace() string
	GetProject() string
}

// on finds the application of a request and does something to it, if the caller may. Without the
// project in the request it does not tell an unknown application from a missing right.
func (p *api) on(ctx context.Context, req named, need action, do func(a *app, who Account, now time.Time) error) (err error) {
	who, err := p.account(ctx)
	if err != nil {
		return err
	}
	ref := key(deploy.Ref{Name: req.GetName(), Namespace: req.GetAppNamespace()})
	p.server.update(func(now time.Time) {
		a, found := p.server.apps[ref]
		switch {
		case !who.may(need), !found && req.GetProject() == "":
			err = status.Error(codes.PermissionDenied, "permission denied")
		case !found, req.GetProject() != "" && req.GetProject() != a.object.Spec.GetProject():
			err = status.Errorf(codes.NotFound, "applications.argoproj.io %q not found", ref.Name)
		default:
			err = do(a, who, now)
		}
	})
	return err
}

// query makes an ApplicationQuery, which names projects in a list, a named.
type query struct{ *application.ApplicationQuery }

// GetProject gives the only project.
func (q query) GetProject() string {
	if all := q.ApplicationQuery.GetProject(); len(all) == 1 {
		return all[0]
	}
	return ""
}

// Get implements application.ApplicationServiceServer.
func (p *api) Get(ctx context.Context, req *application.ApplicationQuery) (out *v1alpha1.Application, err error) {
	err = p.on(ctx, query{req}, toGet, func(a *app, _ Account, now time.Time) error {
		if req.GetRefresh() != "" {
			p.server.reconcile(a, now)
		}
		out = a.object.DeepCopy()
		return nil
	})
	return out, err
}

// GetApplicationSyncWindows implements application.ApplicationServiceServer.
func (p *api) GetApplicationSyncWindows(ctx context.Context, req *application.ApplicationSyncWindowsQuery) (out *application.ApplicationSyncWindowsResponse, err error) {
	err = p.on(ctx, req, toGet, func(a *app, _ Account, _ time.Time) error {
		can := !p.server.held(a, false)
		out = &application.ApplicationSyncWindowsResponse{CanSync: &can}
		if w, closed := p.server.windows[a.object.Spec.GetProject()]; closed {
			kind, schedule, duration := "deny", "* * * * *", "1h"
			out.ActiveWindows = []*application.ApplicationSyncWindow{{Kind: &kind, Schedule: &schedule, Duration: &duration, ManualSync: &w.manual}}
			out.AssignedWindows = out.ActiveWindows
		}
		return nil
	})
	return out, err
}

// Rollback implements application.ApplicationServiceServer.
func (p *api) Rollback(ctx context.Context, req *application.ApplicationRollbackRequest) (out *v1alpha1.Application, err error) {
	err = p.on(ctx, req, toSync, func(a *app, who Account, now time.Time) error {
		if policy := a.object.Spec.SyncPolicy; policy != nil && policy.Automated != nil {
			return status.Error(codes.FailedPrecondition, "rollback cannot be initiated when auto-sync is enabled")
		}
		for _, h := range a.object.Status.History {
			if h.ID != req.GetId() {
				continue
			}
			op := v1alpha1.Operation{
				Sync: &v1alpha1.SyncOperation{
					Revision: h.Revision, Revisions: h.Revisions, Source: &h.Source, Sources: h.Sources,
					Prune: req.GetPrune(), DryRun: req.GetDryRun(),
					SyncStrategy: &v1alpha1.SyncStrategy{Apply: &v1alpha1.SyncStrategyApply{}},
				},
				InitiatedBy: v1alpha1.OperationInitiator{Username: who.Name},
			}
			err := p.server.request(a, op, now)
			out = a.object.DeepCopy()
			return err
		}
		return status.Errorf(codes.InvalidArgument, "application %s/%s does not have deployment with id %d", a.object.Namespace, a.object.Name, req.GetId())
	})
	return out, err
}

// TerminateOperation implements application.ApplicationServiceServer.
func (p *api) TerminateOperation(ctx context.Context, req *application.OperationTerminateRequest) (*application.OperationTerminateResponse, error) {
	err := p.on(ctx, req, toSync, func(a *app, _ Account, now time.Time) error { return p.server.terminate(a, now) })
	return &application.OperationTerminateResponse{}, err
}

// Patch implements application.ApplicationServiceServer. Like the real one it reads the source first.
func (p *api) Patch(ctx context.Context, req *application.ApplicationPatchRequest) (out *v1alpha1.Application, err error) {
	err = p.on(ctx, req, toGet, func(a *app, who Account, now time.Time) error {
		if !who.may(toUpdate) {
			return status.Errorf(codes.PermissionDenied, "permission denied: applications, update, %s/%s, sub: %s", a.object.Spec.GetProject(), a.object.Name, who.Name)
		}
		patched, err := patch(a.object, req)
		if err != nil {
			return err
		}
		a.object.Spec, a.object.Labels, a.object.Annotations = patched.Spec, patched.Labels, patched.Annotations
		p.server.touch(a)
		p.server.look(a, now.Add(p.server.timings.PickUp))
		out = a.object.DeepCopy()
		return nil
	})
	return out, err
}

func patch(object v1alpha1.Application, req *application.ApplicationPatchRequest) (v1alpha1.Application, error) {
	var out v1alpha1.Application
	if req.GetPatchType() != "merge" {
		return out, status.Errorf(codes.InvalidArgument, "Patch type '%s' is not supported", req.GetPatchType())
	}
	before, err := json.Marshal(object)
	if err != nil {
		return out, fmt.Errorf("error marshaling application: %w", err)
	}
	after, err := jsonpatch.MergePatch(before, []byte(req.GetPatch()))
	if err != nil {
		return out, fmt.Errorf("error calculating merge patch: %w", err)
	}
	if err := json.Unmarshal(after, &out); err != nil {
		return out, fmt.Errorf("error unmarshaling patched app: %w", err)
	}
	return out, nil
}

// versions is Argo CD's version service.
type versions struct{}

// Version implements version.VersionServiceServer.
func (versions) Version(context.Context, *emptypb.Empty) (*version.VersionMessage, error) {
	return &version.VersionMessage{Version: "v2.14.21+sandbox"}, nil
}
