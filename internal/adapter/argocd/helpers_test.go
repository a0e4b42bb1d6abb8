package argocd_test

import (
	"context"
	"crypto/tls"
	"encoding/pem"
	"io"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/argoproj/argo-cd/v2/pkg/apiclient/application"
	"github.com/argoproj/argo-cd/v2/pkg/apis/application/v1alpha1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// counting passes connections on to an address and counts them.
func counting(t *testing.T, to string) (address string, accepted *atomic.Int32) {
	t.Helper()
	accepted = &atomic.Int32{}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			in, err := listener.Accept()
			if err != nil {
				return
			}
			accepted.Add(1)
			out, err := net.Dial("tcp", to)
			if err != nil {
				_ = in.Close()
				continue
			}
			go pipe(in, out)
			go pipe(out, in)
		}
	}()
	return listener.Addr().String(), accepted
}

func pipe(from, to net.Conn) {
	_, _ = io.Copy(to, from)
	_ = to.Close()
}

// certificate gives a server's TLS configuration for 127.0.0.1 and the file of its authority.
func certificate(t *testing.T) (config *tls.Config, caFile string) {
	t.Helper()
	server := httptest.NewTLSServer(nil)
	defer server.Close()
	caFile = filepath.Join(t.TempDir(), "ca.pem")
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	must(t, os.WriteFile(caFile, block, 0o600))
	return &tls.Config{Certificates: server.TLS.Certificates, MinVersion: tls.VersionTLS12}, caFile
}

// answers is an Argo CD that gives every call the same error, and remembers what was asked.
type answers struct {
	application.ApplicationServiceClient
	err       error
	rollbacks []*application.ApplicationRollbackRequest
}

func (a *answers) Get(context.Context, *application.ApplicationQuery, ...grpc.CallOption) (*v1alpha1.Application, error) {
	return &v1alpha1.Application{Spec: v1alpha1.ApplicationSpec{Project: "shop"}}, nil
}

func (a *answers) Rollback(_ context.Context, in *application.ApplicationRollbackRequest, _ ...grpc.CallOption) (*v1alpha1.Application, error) {
	a.rollbacks = append(a.rollbacks, in)
	return &v1alpha1.Application{}, a.err
}

func (a *answers) TerminateOperation(context.Context, *application.OperationTerminateRequest, ...grpc.CallOption) (*application.OperationTerminateResponse, error) {
	return &application.OperationTerminateResponse{}, a.err
}

func (a *answers) GetApplicationSyncWindows(context.Context, *application.ApplicationSyncWindowsQuery, ...grpc.CallOption) (*application.ApplicationSyncWindowsResponse, error) {
	return &application.ApplicationSyncWindowsResponse{}, a.err
}

func refuse(code codes.Code, words string) *answers { return &answers{err: status.Error(code, words)} }
