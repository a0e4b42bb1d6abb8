package argocd

import (
	"context"
	"fmt"
	"net"
	"time"

	"github.com/argoproj/argo-cd/v2/pkg/apiclient/application"
	"github.com/argoproj/argo-cd/v2/pkg/apiclient/version"
	"github.com/argoproj/argo-cd/v2/pkg/apis/application/v1alpha1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
)

// Start serves the API on an address such as 127.0.0.1:0 and gives the address it listens on. Close ends it.
func (s *Server) Start(address string) (listening string, err error) {
	listener, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", address)
	if err != nil {
		return "", fmt.Errorf("listen for Argo CD's API: %w", err)
	}
	options := []grpc.ServerOption{grpc.UnaryInterceptor(s.intercept)}
	if s.options.TLS != nil {
		options = append(options, grpc.Creds(credentials.NewTLS(s.options.TLS)))
	}
	server := grpc.NewServer(options...)
	application.RegisterApplicationServiceServer(server, &api{server: s})
	version.RegisterVersionServiceServer(server, versions{})
	ctx, cancel := context.WithCancel(context.Background())
	go s.Run(ctx)
	go func() { _ = server.Serve(listener) }() // ends with stop
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stop = func() {
		cancel()
		server.Stop()
	}
	return listener.Addr().String(), nil
}

// Close ends what Start began, and every call under way. Start may follow.
func (s *Server) Close() {
	s.mu.Lock()
	stop := s.stop
	s.stop = nil
	s.mu.Unlock()
	if stop != nil {
		stop()
	}
}

// Run calls OnChange as things happen, until the context ends. Options.Now must go on as time does.
func (s *Server) Run(ctx context.Context) {
	for {
		timer := time.NewTimer(s.untilNext())
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
			s.update(func(time.Time) {})
		case <-s.wake:
			timer.Stop()
		}
	}
}

func (s *Server) untilNext() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	at, ok := s.agenda.next()
	if !ok {
		return time.Hour // or until something is planned
	}
	return at.Sub(s.options.Now())
}

// Client gives the API to a caller in the same process, who holds the token. It needs no network and
// so works in virtual time.
func (s *Server) Client(token string) application.ApplicationServiceClient {
	return client{api: &api{server: s}, token: token}
}

// client is the part of the service that api has; its other methods are not there.
type client struct {
	application.ApplicationServiceClient
	api   *api
	token string
}

// Get implements application.ApplicationServiceClient.
func (c client) Get(ctx context.Context, in *application.ApplicationQuery, _ ...grpc.CallOption) (*v1alpha1.Application, error) {
	return invoke(ctx, c, "Get", in, c.api.Get)
}

// GetApplicationSyncWindows implements application.ApplicationServiceClient.
func (c client) GetApplicationSyncWindows(ctx context.Context, in *application.ApplicationSyncWindowsQuery, _ ...grpc.CallOption) (*application.ApplicationSyncWindowsResponse, error) {
	return invoke(ctx, c, "GetApplicationSyncWindows", in, c.api.GetApplicationSyncWindows)
}

// Rollback implements application.ApplicationServiceClient.
func (c client) Rollback(ctx context.Context, in *application.ApplicationRollbackRequest, _ ...grpc.CallOption) (*v1alpha1.Application, error) {
	return invoke(ctx, c, "Rollback", in, c.api.Rollback)
}

// TerminateOperation implements application.ApplicationServiceClient.
func (c client) TerminateOperation(ctx context.Context, in *application.OperationTerminateRequest, _ ...grpc.CallOption) (*application.OperationTerminateResponse, error) {
	return invoke(ctx, c, "TerminateOperation", in, c.api.TerminateOperation)
}

// Patch implements application.ApplicationServiceClient.
func (c client) Patch(ctx context.Context, in *application.ApplicationPatchRequest, _ ...grpc.CallOption) (*v1alpha1.Application, error) {
	return invoke(ctx, c, "Patch", in, c.api.Patch)
}

func invoke[Q, A any](ctx context.Context, c client, method string, in Q, do func(context.Context, Q) (*A, error)) (*A, error) {
	ctx = metadata.NewIncomingContext(ctx, metadata.Pairs("token", c.token))
	info := &grpc.UnaryServerInfo{FullMethod: "/application.ApplicationService/" + method}
	out, err := c.api.server.intercept(ctx, in, info, func(ctx context.Context, _ any) (any, error) { return do(ctx, in) })
	if err != nil {
		return nil, err
	}
	return out.(*A), nil
}
