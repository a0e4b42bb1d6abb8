// Command up starts a real Argo CD on loopback and keeps it up until it is interrupted, for work on
// the tests that need one:
//
//	go run ./internal/e2e/argocd/up
//
// It prints the environment with which `make e2e` uses it.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/cinegit/guardian/internal/e2e/argocd"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "up:", err)
		os.Exit(1)
	}
}

func run() error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	dir, err := os.MkdirTemp("", "guardian-argocd-")
	if err != nil {
		return fmt.Errorf("make a folder: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	server, err := argocd.Start(ctx, argocd.Options{
		Dir: dir,
		Log: func(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) },
	})
	if err != nil {
		return err
	}
	defer server.Stop()
	fmt.Printf("export ARGOCD_SERVER=%s\nexport ARGOCD_AUTH_TOKEN=%s\nexport GIT_URL=%s\nexport GIT_PUSH_URL=%s\nexport KUBECONFIG=%s\n",
		server.Address, server.AdminToken, server.GitURL, server.GitDir, server.Kubeconfig)
	<-ctx.Done()
	return nil
}
