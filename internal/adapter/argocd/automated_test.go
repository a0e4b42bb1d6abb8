package argocd_test

import (
	"context"
	"net"
	"testing"

	"github.com/argoproj/argo-cd/v2/pkg/apiclient/application"
	"github.com/argoproj/argo-cd/v2/pkg/apis/application/v1alpha1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/encoding/proto"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/cinegit/guardian/internal/adapter/argocd"
)

// version3 is an Argo CD that answers with one Application, as its bytes are.
type version3 struct {
	application.ApplicationServiceServer
	encoding.CodecV2
	answer []byte
}

// Get takes for gRPC what argocd-server does, which tells it from the web by this header.
func (version3) Get(ctx context.Context, _ *application.ApplicationQuery) (*v1alpha1.Application, error) {
	headers, _ := metadata.FromIncomingContext(ctx)
	if got := headers.Get("content-type"); len(got) != 1 || got[0] != "application/grpc" {
		return nil, status.Errorf(codes.InvalidArgument, "content type %v", got)
	}
	return &v1alpha1.Application{}, nil
}

func (v version3) Marshal(message any) (mem.BufferSlice, error) {
	if _, ok := message.(*v1alpha1.Application); ok {
		return mem.BufferSlice{mem.SliceBuffer(v.answer)}, nil
	}
	return v.CodecV2.Marshal(message)
}

// automatedApp is an Application whose spec.syncPolicy.automated has prune: true and these further bytes.
func automatedApp(further ...byte) []byte {
	nested := func(number protowire.Number, inner []byte) []byte {
		return protowire.AppendBytes(protowire.AppendTag(nil, number, protowire.BytesType), inner)
	}
	prune := protowire.AppendVarint(protowire.AppendTag(nil, 1, protowire.VarintType), 1)
	spec := append(nested(3, []byte("shop")), nested(4, nested(1, append(prune, further...)))...)
	return append(nested(2, spec), nested(3, nil)...)
}

func TestAutoSyncThatVersion3HasSwitchedOffIsOff(t *testing.T) {
	enabled := func(value byte) []byte { return []byte{4<<3 | byte(protowire.VarintType), value} }
	for name, tt := range map[string]struct {
		answer []byte
		want   string
	}{
		"as 2.14 says it": {automatedApp(), `{"prune":true}`},
		"enabled: true":   {automatedApp(enabled(1)...), `{"prune":true}`},
		"enabled: false":  {automatedApp(enabled(0)...), ""},
	} {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		must(t, err)
		v := version3{CodecV2: encoding.GetCodecV2(proto.Name), answer: tt.answer}
		server := grpc.NewServer(grpc.ForceServerCodecV2(v))
		application.RegisterApplicationServiceServer(server, v)
		go func() { _ = server.Serve(listener) }() // ends with Stop
		t.Cleanup(server.Stop)
		client := newClient(t, argocd.Config{Server: listener.Addr().String(), PlainText: true, Token: constant("x")})
		app, err := client.Application(t.Context(), web)
		if err != nil || string(app.AutoSync) != tt.want || app.Ref.Project != "shop" {
			t.Errorf("%s: auto-sync is %s of %+v, %v; want %s", name, app.AutoSync, app.Ref, err, tt.want)
		}
	}
}
