package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/argoproj/argo-cd/v2/pkg/apiclient"
	"github.com/argoproj/argo-cd/v2/pkg/apiclient/application"
	"github.com/argoproj/argo-cd/v2/pkg/apis/application/v1alpha1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// real is a real Argo CD that the environment names: ARGOCD_SERVER, ARGOCD_AUTH_TOKEN (get, sync), and to set
// the stage ARGOCD_ADMIN_TOKEN and GIT_URL, a repository with a Helm chart in chart/ that takes image.tag.
type real struct {
	server, token, git string
	apps               application.ApplicationServiceClient
	close              func()
}

// newReal connects to it; nil if the environment names none.
func newReal() (*real, error) {
	server, token := os.Getenv("ARGOCD_SERVER"), os.Getenv("ARGOCD_AUTH_TOKEN")
	admin, git := os.Getenv("ARGOCD_ADMIN_TOKEN"), os.Getenv("GIT_URL")
	if server == "" {
		return nil, nil
	}
	if token == "" || admin == "" || git == "" {
		return nil, errors.New("ARGOCD_SERVER is set: set ARGOCD_AUTH_TOKEN, ARGOCD_ADMIN_TOKEN and GIT_URL too")
	}
	client, err := apiclient.NewClient(&apiclient.ClientOptions{ServerAddr: server, AuthToken: admin, Insecure: true})
	if err != nil {
		return nil, err
	}
	conn, apps, err := client.NewApplicationClient()
	if err != nil {
		return nil, err
	}
	return &real{server: server, token: token, git: git, apps: apps, close: func() { _ = conn.Close() }}, nil
}

// deploy gives every service an application with a good release and then a bad one, by Helm parameter.
func (r *real) deploy(ctx context.Context, services []string) error {
	for _, s := range services {
		app := &v1alpha1.Application{
			ObjectMeta: metav1.ObjectMeta{Name: s, Finalizers: []string{"resources-finalizer.argocd.argoproj.io"}},
			Spec: v1alpha1.ApplicationSpec{
				Project:     "default",
				Destination: v1alpha1.ApplicationDestination{Server: "https://kubernetes.default.svc", Namespace: "bench"},
				Source:      r.source("v1"),
				SyncPolicy:  &v1alpha1.SyncPolicy{SyncOptions: v1alpha1.SyncOptions{"CreateNamespace=true"}},
			},
		}
		yes := true
		if _, err := r.apps.Create(ctx, &application.ApplicationCreateRequest{Application: app, Upsert: &yes}); err != nil {
			return fmt.Errorf("create %s: %w", s, err)
		}
	}
	for i, tag := range []string{"v1", "v2"} {
		for _, s := range services {
			if err := r.sync(ctx, s, tag); err != nil {
				return err
			}
		}
		for _, s := range services {
			if err := r.wait(ctx, s, i+1); err != nil {
				return err
			}
		}
	}
	return nil
}

func (r *real) source(tag string) *v1alpha1.ApplicationSource {
	return &v1alpha1.ApplicationSource{
		RepoURL: r.git, Path: "chart", TargetRevision: "main",
		Helm: &v1alpha1.ApplicationSourceHelm{Parameters: []v1alpha1.HelmParameter{{Name: "image.tag", Value: tag}}},
	}
}

func (r *real) sync(ctx context.Context, name, tag string) error {
	patch, kind := fmt.Sprintf(`{"spec":{"source":{"helm":{"parameters":[{"name":"image.tag","value":%q}]}}}}`, tag), "merge"
	if _, err := r.apps.Patch(ctx, &application.ApplicationPatchRequest{Name: &name, Patch: &patch, PatchType: &kind}); err != nil {
		return fmt.Errorf("patch %s: %w", name, err)
	}
	if _, err := r.apps.Sync(ctx, &application.ApplicationSyncRequest{Name: &name}); err != nil {
		return fmt.Errorf("sync %s: %w", name, err)
	}
	return nil
}

// wait waits until the application's history holds so many entries and nothing is in progress.
func (r *real) wait(ctx context.Context, name string, entries int) error {
	for range 600 {
		app, err := r.apps.Get(ctx, &application.ApplicationQuery{Name: &name})
		if err != nil {
			return fmt.Errorf("get %s: %w", name, err)
		}
		if len(app.Status.History) >= entries && app.Operation == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
	return fmt.Errorf("%s was not deployed within a minute", name)
}

// remove deletes the applications again.
func (r *real) remove(ctx context.Context, services []string) {
	for _, s := range services {
		yes := true
		_, _ = r.apps.Delete(ctx, &application.ApplicationDeleteRequest{Name: &s, Cascade: &yes}) // best effort, after the figures
	}
}
