//go:build e2e

package aws_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cinegit/guardian/internal/deploy"
	"github.com/cinegit/guardian/internal/sandbox/argocd"
)

// argo is the Argo CD of a world: the sandbox, or a real one.
type argo interface {
	connection() string // fields of the policy's connection
	token() string
	deploy(service, tag string) error      // makes the application where it is missing, and syncs it
	runs(service, tag string) bool         // whether that is all that its pods run
	history(service string) (entries int)  // deployments on record
	rollingBack(service string) (yes bool) // whether one was asked for that is not on record yet
}

// sandbox is the sandbox's Argo CD.
type sandbox struct {
	*argocd.Server
	address string
}

const argoToken = "argocd-token-1f0a"

func startSandbox(t *testing.T) *sandbox {
	t.Helper()
	quick := time.Millisecond
	s := &sandbox{Server: argocd.New(argocd.Options{
		Accounts: map[string]argocd.Account{argoToken: {Name: "guardian", Get: true, Sync: true, Update: true}},
		Timings:  argocd.Timings{PickUp: quick, Sync: quick, Stale: quick, Ready: quick, SelfHeal: quick},
	})}
	var err error
	s.address, err = s.Start("127.0.0.1:0")
	must(t, err)
	t.Cleanup(s.Close)
	return s
}

func (s *sandbox) connection() string { return fmt.Sprintf("server: %q, plainText: true", s.address) }
func (s *sandbox) token() string      { return argoToken }

func (s *sandbox) deploy(service, tag string) error {
	s.Commit(map[string]argocd.Manifests{service: {Images: []string{"example.invalid/" + service + ":" + tag}}})
	if _, err := s.Object(deploy.Ref{Name: service}); err != nil {
		s.Create(argocd.App{Ref: deploy.Ref{Name: service}, Path: service})
	}
	return s.Sync(deploy.Ref{Name: service}, "pipeline")
}

func (s *sandbox) runs(service, tag string) bool {
	images, err := s.Serving(deploy.Ref{Name: service})
	return err == nil && len(images) > 0 && !slices.ContainsFunc(images, func(i string) bool { return !strings.HasSuffix(i, ":"+tag) })
}

func (s *sandbox) history(service string) int {
	object, err := s.Object(deploy.Ref{Name: service})
	if err != nil {
		return 0 // there is no application
	}
	return len(object.Status.History)
}

func (s *sandbox) rollingBack(service string) bool {
	object, err := s.Object(deploy.Ref{Name: service})
	return err == nil && object.Operation != nil && object.Operation.Sync != nil
}
