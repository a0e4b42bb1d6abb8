// Package argocd is remedy's Deployer on a real Argo CD, through its API client.
package argocd

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/argoproj/argo-cd/v2/pkg/apiclient/application"
	"github.com/argoproj/argo-cd/v2/pkg/apis/application/v1alpha1"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/cinegit/guardian/internal/deploy"
	"github.com/cinegit/guardian/internal/remedy"
)

// Client talks to one Argo CD over one connection, which it opens with the first call and keeps.
// It may be used from several goroutines.
type Client struct {
	link    link
	timeout time.Duration

	mu       sync.Mutex
	projects map[deploy.Ref]string // learnt from Argo CD where the ref has none
}

var _ remedy.Deployer = (*Client)(nil)

// New checks the configuration and builds a client. It makes no call: use Probe to know whether
// the server answers.
func New(config Config) (*Client, error) {
	if config.Timeout <= 0 {
		config.Timeout = DefaultTimeout
	}
	if err := config.check(); err != nil {
		return nil, err
	}
	dial, err := config.dialer()
	if err != nil {
		return nil, err
	}
	return newClient(&redial{token: config.Token, dial: dial}, config.Timeout), nil
}

// NewWithClient builds a client over a service that is connected already, such as one in the same
// process. Each call ends within timeout; zero is DefaultTimeout. It cannot Probe.
func NewWithClient(apps application.ApplicationServiceClient, timeout time.Duration) *Client {
	if timeout <= 0 {
		timeout = DefaultTimeout
	}
	return newClient(fixed{apps: apps}, timeout)
}

func newClient(link link, timeout time.Duration) *Client {
	return &Client{link: link, timeout: timeout, projects: map[deploy.Ref]string{}}
}

// Close ends the connection. Calls under way end with deploy.ErrUnavailable.
func (c *Client) Close() error { return c.link.close() }

// Probe asks the server for its version, which needs no right, and so tells whether it is reachable.
func (c *Client) Probe(ctx context.Context) (version string, err error) {
	err = c.call(ctx, "ask Argo CD for its version", func(ctx context.Context, s *session) error {
		if s.versions == nil {
			return errors.New("this connection serves applications only")
		}
		reply, err := s.versions.Version(ctx, &emptypb.Empty{})
		version = reply.GetVersion()
		return err
	})
	return version, err
}

// Application implements remedy.Deployer. Where what Argo CD shows is from before its last operation
// ended, it is asked to look again, which needs no more than the right to get.
func (c *Client) Application(ctx context.Context, ref deploy.Ref) (out deploy.Application, err error) {
	err = c.call(ctx, "read "+ref.String(), func(ctx context.Context, s *session) error {
		app, err := s.get(ctx, queryFor(ref))
		if err != nil {
			return err
		}
		if outdated(app) {
			app = c.refreshed(ctx, s, ref, app)
		}
		c.learn(ref, app)
		out, err = applicationOf(ref, app)
		return err
	})
	return out, err
}

// refreshed makes Argo CD look at the application now. If it does not in time, what was read stands.
func (c *Client) refreshed(ctx context.Context, s *session, ref deploy.Ref, read *v1alpha1.Application) *v1alpha1.Application {
	ctx, cancel := context.WithTimeout(ctx, c.timeout/2)
	defer cancel()
	normal, query := string(v1alpha1.RefreshTypeNormal), queryFor(ref)
	query.Refresh = &normal
	app, err := s.get(ctx, query)
	if err != nil {
		return read
	}
	return app
}

// SyncAllowed implements remedy.Deployer for an operation that a person, or Guardian, starts.
func (c *Client) SyncAllowed(ctx context.Context, ref deploy.Ref) (allowed bool, why string, err error) {
	err = c.onApplication(ctx, "read the sync windows of", ref, func(ctx context.Context, s *session, ref deploy.Ref) error {
		windows, err := s.apps.GetApplicationSyncWindows(ctx, &application.ApplicationSyncWindowsQuery{
			Name: &ref.Name, AppNamespace: &ref.Namespace, Project: &ref.Project,
		})
		allowed, why = readWindows(windows)
		return err
	})
	if err != nil {
		return false, "", err
	}
	return allowed, why, nil
}

// Rollback implements remedy.Deployer.
func (c *Client) Rollback(ctx context.Context, ref deploy.Ref, id int64, prune bool) error {
	return c.onApplication(ctx, "rollback", ref, func(ctx context.Context, s *session, ref deploy.Ref) error {
		_, err := s.apps.Rollback(ctx, &application.ApplicationRollbackRequest{
			Name: &ref.Name, AppNamespace: &ref.Namespace, Project: &ref.Project, Id: &id, Prune: &prune,
		})
		return err
	})
}

// Terminate implements remedy.Deployer. Argo CD cannot end an operation that its controller has not
// taken up yet (deploy.PhasePending) and answers as if there were none: call again once it runs.
func (c *Client) Terminate(ctx context.Context, ref deploy.Ref) error {
	return c.onApplication(ctx, "terminate the operation of", ref, func(ctx context.Context, s *session, ref deploy.Ref) error {
		_, err := s.apps.TerminateOperation(ctx, &application.OperationTerminateRequest{
			Name: &ref.Name, AppNamespace: &ref.Namespace, Project: &ref.Project,
		})
		if isNothingToTerminate(err) {
			return nil
		}
		return err
	})
}

// Patch implements remedy.Deployer. Argo CD reads and checks the application's source before it
// accepts a patch, so one that touches spec fails with deploy.ErrRefused while git is not reachable.
func (c *Client) Patch(ctx context.Context, ref deploy.Ref, mergePatch []byte) error {
	patch, kind := string(mergePatch), "merge"
	return c.onApplication(ctx, "patch", ref, func(ctx context.Context, s *session, ref deploy.Ref) error {
		_, err := s.apps.Patch(ctx, &application.ApplicationPatchRequest{
			Name: &ref.Name, AppNamespace: &ref.Namespace, Project: &ref.Project, Patch: &patch, PatchType: &kind,
		})
		return err
	})
}

// onApplication makes a call about one application, its project filled in.
func (c *Client) onApplication(ctx context.Context, what string, ref deploy.Ref,
	do func(context.Context, *session, deploy.Ref) error,
) error {
	return c.call(ctx, what+" "+ref.String(), func(ctx context.Context, s *session) error {
		full, err := c.located(ctx, s, ref)
		if err != nil {
			return err
		}
		return c.forgetIfMoved(ref, do(ctx, s, full))
	})
}

// call bounds a call by the timeout and says what failed in package deploy's terms.
func (c *Client) call(ctx context.Context, what string, do func(context.Context, *session) error) error {
	bounded, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	token, err := c.link.do(bounded, do)
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", what, explain(err, token, c.timeout))
}

func queryFor(ref deploy.Ref) *application.ApplicationQuery {
	query := &application.ApplicationQuery{Name: &ref.Name, AppNamespace: &ref.Namespace}
	if ref.Project != "" {
		query.Project = []string{ref.Project}
	}
	return query
}

// located fills in the application's project. With it Argo CD tells an unknown application
// (NotFound) from a missing right (PermissionDenied).
func (c *Client) located(ctx context.Context, s *session, ref deploy.Ref) (deploy.Ref, error) {
	if ref.Project != "" {
		return ref, nil
	}
	c.mu.Lock()
	project := c.projects[ref]
	c.mu.Unlock()
	if project == "" {
		app, err := s.apps.Get(ctx, queryFor(ref))
		if err != nil {
			return ref, err
		}
		c.learn(ref, app)
		project = app.Spec.GetProject()
	}
	ref.Project = project
	return ref, nil
}

func (c *Client) learn(ref deploy.Ref, app *v1alpha1.Application) {
	if ref.Project != "" {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.projects[ref] = app.Spec.GetProject()
}

// forgetIfMoved drops a learnt project that no longer holds the application: the next call learns anew.
func (c *Client) forgetIfMoved(ref deploy.Ref, err error) error {
	if isNotFound(err) {
		c.mu.Lock()
		delete(c.projects, ref)
		c.mu.Unlock()
	}
	return err
}
