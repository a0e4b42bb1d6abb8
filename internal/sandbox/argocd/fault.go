package argocd

import (
	"context"
	"path"
	"slices"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Fault makes calls of the API fail.
type Fault struct {
	Method string     // Get, Rollback, TerminateOperation, …; empty is any
	Times  int        // how many calls; zero is one
	Code   codes.Code // of the answer; zero is Unavailable
	Landed bool       // the call does its work, and only the answer is lost
	Hang   bool       // there is no answer until the caller gives up
}

// Fail makes the next calls of a method fail. Faults of the same method follow one another.
func (s *Server) Fail(fault Fault) {
	fault.Times = max(1, fault.Times)
	if fault.Code == codes.OK {
		fault.Code = codes.Unavailable
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, fault)
}

// Down makes every call fail with Unavailable, or ends that.
func (s *Server) Down(down bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.down = down
}

// intercept stands before every method, over the network and in process.
func (s *Server) intercept(ctx context.Context, req any, info *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
	fault, faulty := s.fault(path.Base(info.FullMethod))
	if !faulty {
		return handle(ctx, req)
	}
	if fault.Landed {
		if _, err := handle(ctx, req); err != nil {
			return nil, err
		}
	}
	if fault.Hang {
		<-ctx.Done()
		return nil, status.FromContextError(ctx.Err()).Err()
	}
	return nil, status.Error(fault.Code, "the sandbox was told to fail")
}

func (s *Server) fault(method string) (Fault, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.down {
		return Fault{Code: codes.Unavailable}, true
	}
	i := slices.IndexFunc(s.faults, func(f Fault) bool { return f.Method == "" || f.Method == method })
	if i < 0 {
		return Fault{}, false
	}
	fault := s.faults[i]
	if s.faults[i].Times--; s.faults[i].Times == 0 {
		s.faults = slices.Delete(s.faults, i, i+1)
	}
	return fault, true
}
