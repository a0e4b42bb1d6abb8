package argocd

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"github.com/argoproj/argo-cd/v2/pkg/apiclient/application"
	"github.com/argoproj/argo-cd/v2/pkg/apiclient/version"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/cinegit/guardian/internal/deploy"
)

// link hands a session to a call. It also gives the token that was used, so that nothing that is
// said about the call repeats it.
type link interface {
	do(ctx context.Context, call func(context.Context, *session) error) (token string, err error)
	close() error
}

// session is one connection with one token.
type session struct {
	token    string
	apps     application.ApplicationServiceClient
	versions version.VersionServiceClient
	end      func() error
	calls    sync.WaitGroup
}

// fixed is a link that never changes its session.
type fixed struct {
	apps application.ApplicationServiceClient
}

func (f fixed) do(ctx context.Context, call func(context.Context, *session) error) (string, error) {
	return "", call(ctx, &session{apps: f.apps})
}

func (fixed) close() error { return nil }

// redial is a link that opens a new session when the token has changed.
type redial struct {
	token func(context.Context) (string, error)
	dial  func(token string) (*session, error)

	mu      sync.Mutex
	current *session
}

func (r *redial) do(ctx context.Context, call func(context.Context, *session) error) (string, error) {
	first, err := r.enter(ctx)
	if err != nil {
		return "", err
	}
	err = leave(first, call(ctx, first))
	if status.Code(err) != codes.Unauthenticated {
		return first.token, err
	}
	second, enterErr := r.enter(ctx)
	if enterErr != nil {
		return first.token, err
	}
	if second.token == first.token {
		return first.token, leave(second, err)
	}
	return second.token, leave(second, call(ctx, second))
}

// enter gives the session of the token as it is now. It is left with leave.
func (r *redial) enter(ctx context.Context) (*session, error) {
	token, err := r.token(ctx)
	if err != nil {
		return nil, fmt.Errorf("%w: get the token: %w", deploy.ErrUnauthenticated, err)
	}
	token = strings.TrimSpace(token)
	if token == "" {
		return nil, fmt.Errorf("%w: the token is empty", deploy.ErrUnauthenticated)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.current == nil || r.current.token != token {
		next, err := r.dial(token)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", deploy.ErrUnavailable, err)
		}
		retire(r.current)
		r.current = next
	}
	r.current.calls.Add(1)
	return r.current, nil
}

func leave(s *session, err error) error {
	s.calls.Done()
	return err
}

// retire ends a session once its calls have: one that is under way may be changing something.
func retire(s *session) {
	if s == nil {
		return
	}
	go func() {
		s.calls.Wait()
		_ = s.end()
	}()
}

func (r *redial) close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.current == nil {
		return nil
	}
	err := r.current.end()
	r.current = nil
	return err
}
