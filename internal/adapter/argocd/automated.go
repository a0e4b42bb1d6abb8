package argocd

import (
	"context"

	"github.com/argoproj/argo-cd/v2/pkg/apiclient/application"
	"github.com/argoproj/argo-cd/v2/pkg/apis/application/v1alpha1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/encoding/proto"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"
)

// get reads an application. Since 3.1 Argo CD can have auto-sync off although spec.syncPolicy.automated is
// there, by its field enabled, which the types of 2.14 lack. Taken for on, it would be patched away and
// later given back without that field: on.
func (s *session) get(ctx context.Context, query *application.ApplicationQuery) (*v1alpha1.Application, error) {
	heard := &listener{CodecV2: encoding.GetCodecV2(proto.Name)}
	app, err := s.apps.Get(ctx, query, grpc.ForceCodecV2(heard))
	if err == nil && app.Spec.SyncPolicy != nil && autoSyncDisabled(heard.answer) {
		app.Spec.SyncPolicy.Automated = nil
	}
	return app, err
}

// listener is a codec that keeps the last answer as it came.
type listener struct {
	encoding.CodecV2
	answer []byte
}

// Name implements encoding.CodecV2. It becomes part of the content type, and argocd-server takes for gRPC
// only what is plainly application/grpc.
func (*listener) Name() string { return "" }

// Unmarshal implements encoding.CodecV2.
func (l *listener) Unmarshal(data mem.BufferSlice, into any) error {
	l.answer = data.Materialize()
	return l.CodecV2.Unmarshal(data, into)
}

// The fields' numbers, of Argo CD's generated.proto at 3.6.
const (
	fieldSpec       = 2
	fieldSyncPolicy = 4
	fieldAutomated  = 1
	fieldEnabled    = 4
)

// autoSyncDisabled tells whether an Application, as it came, says enabled: false. What it does not say, as
// 2.14 does not, is no.
func autoSyncDisabled(application []byte) bool {
	automated, _ := field(application, fieldSpec, fieldSyncPolicy, fieldAutomated)
	_, enabled := field(automated, fieldEnabled)
	return enabled != nil && *enabled == 0
}

// field gives what stands in a message at a path of field numbers: bytes or a number.
func field(message []byte, path ...protowire.Number) (inner []byte, value *uint64) {
	for len(message) > 0 {
		number, kind, n := protowire.ConsumeTag(message)
		if n < 0 {
			return nil, nil
		}
		size := protowire.ConsumeFieldValue(number, kind, message[n:])
		if size < 0 {
			return nil, nil
		}
		if number == path[0] && kind == protowire.BytesType {
			inner, _ = protowire.ConsumeBytes(message[n:])
		}
		if number == path[0] && kind == protowire.VarintType {
			v, _ := protowire.ConsumeVarint(message[n:])
			value = &v
		}
		message = message[n+size:]
	}
	if len(path) > 1 {
		return field(inner, path[1:]...)
	}
	return inner, value
}
