package argocd

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/cinegit/guardian/internal/e2e/proc"
)

const namespace = "argocd"

// Options say how Argo CD is started. Dir is required.
type Options struct {
	Dir            string        // gets all state and logs; must be empty
	Reconciliation time.Duration // how often Argo CD asks git by itself; 10 s where zero
	Notifications  string        // the data of argocd-notifications-cm as indented YAML; none where empty
	NotifyToken    string        // what $guardian-token stands for in it
	Log            func(format string, args ...any)
}

// Server is an Argo CD that runs.
type Server struct {
	Address    string // host:port, TLS with a certificate of its own for localhost
	AdminToken string // may do everything
	GitURL     string // as Argo CD reaches the git repository
	GitDir     string // the bare repository itself: push here
	Kubeconfig string

	cluster *cluster
	options Options
	port    struct{ redis, repo, repoMetrics, api, apiMetrics, controllerMetrics, notifyMetrics, git int }
}

// Start builds what is missing, see Programs, and starts everything: about ten seconds once built.
// Where it fails, nothing is left running.
func Start(ctx context.Context, o Options) (*Server, error) {
	if o.Log == nil {
		o.Log = func(string, ...any) {}
	}
	if o.Reconciliation == 0 {
		o.Reconciliation = 10 * time.Second
	}
	bin, err := Programs(ctx, o.Log)
	if err != nil {
		return nil, err
	}
	c, err := newCluster(o.Dir, bin)
	if err != nil {
		return nil, err
	}
	s := &Server{cluster: c, options: o, Kubeconfig: c.kubeconfig}
	if err := s.start(ctx); err != nil {
		s.Stop()
		return nil, fmt.Errorf("start Argo CD: %w", err)
	}
	return s, nil
}

// Stop ends every process.
func (s *Server) Stop() { s.cluster.stop() }

func (s *Server) start(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	ports, err := proc.Ports(8)
	if err != nil {
		return err
	}
	p := &s.port
	p.redis, p.repo, p.repoMetrics, p.api = ports[0], ports[1], ports[2], ports[3]
	p.apiMetrics, p.controllerMetrics, p.notifyMetrics, p.git = ports[4], ports[5], ports[6], ports[7]
	s.Address = fmt.Sprintf("127.0.0.1:%d", p.api)
	for _, step := range []func(context.Context) error{
		s.startGit, s.startRedis, s.cluster.start, s.configure, s.startParts, s.logIn,
	} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// startGit serves one repository whose main branch is empty: Argo CD takes none without a commit.
func (s *Server) startGit(ctx context.Context) error {
	git, err := proc.Find("git", "git")
	if err != nil {
		return err
	}
	s.GitDir = s.cluster.path("git/e2e.git")
	if out, err := exec.CommandContext(ctx, git, "init", "--quiet", "--bare", "--initial-branch=main", s.GitDir).CombinedOutput(); err != nil {
		return fmt.Errorf("git init: %w: %s", err, out)
	}
	commit := exec.CommandContext(ctx, "sh", "-ec", `git update-ref refs/heads/main "$(git commit-tree -m start "$(git mktree </dev/null)")"`)
	commit.Env = append(os.Environ(), "GIT_DIR="+s.GitDir, "GIT_AUTHOR_NAME=e2e", "GIT_AUTHOR_EMAIL=e2e@example.invalid",
		"GIT_COMMITTER_NAME=e2e", "GIT_COMMITTER_EMAIL=e2e@example.invalid")
	if out, err := commit.CombinedOutput(); err != nil {
		return fmt.Errorf("git commit: %w: %s", err, out)
	}
	s.GitURL = fmt.Sprintf("git://127.0.0.1:%d/e2e.git", s.port.git)
	daemon, err := s.cluster.run("git-daemon", git, nil, "daemon", "--listen=127.0.0.1", fmt.Sprintf("--port=%d", s.port.git),
		"--reuseaddr", "--export-all", "--base-path="+filepath.Dir(s.GitDir))
	if err != nil {
		return err
	}
	return daemon.Ready(ctx, proc.Listens(fmt.Sprintf("127.0.0.1:%d", s.port.git)))
}

func (s *Server) startRedis(ctx context.Context) error {
	path, err := proc.Find("redis-server", "redis-server")
	if err != nil {
		return err
	}
	redis, err := s.cluster.run("redis", path, nil, "--bind", "127.0.0.1", "--port", fmt.Sprint(s.port.redis), "--save", "", "--appendonly", "no")
	if err != nil {
		return err
	}
	return redis.Ready(ctx, proc.Listens(fmt.Sprintf("127.0.0.1:%d", s.port.redis)))
}

// configure gives the cluster Argo CD's resource types and its settings.
func (s *Server) configure(ctx context.Context) error {
	source, err := moduleDir(ctx, "github.com/argoproj/argo-cd/v2", "v"+Version)
	if err != nil {
		return err
	}
	for _, name := range []string{"application", "appproject", "applicationset"} {
		raw, err := os.ReadFile(filepath.Join(source, "manifests", "crds", name+"-crd.yaml"))
		if err != nil {
			return fmt.Errorf("read resource type: %w", err)
		}
		if err := s.cluster.kube.apply(ctx, raw, ""); err != nil {
			return err
		}
	}
	// A new resource type takes a moment until it is served.
	err = proc.Until(ctx, func(ctx context.Context) error { return s.cluster.applyFile(ctx, "argocd.yaml", "") })
	if err != nil || s.options.Notifications == "" {
		return err
	}
	return s.cluster.kube.apply(ctx, fmt.Appendf(nil, `apiVersion: v1
kind: Secret
metadata: {name: argocd-notifications-secret, namespace: argocd}
stringData: {guardian-token: %q}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: argocd-notifications-cm, namespace: argocd}
data:
%s`, s.options.NotifyToken, s.options.Notifications), "")
}

// startParts starts Argo CD itself: one program that is told by its environment which part it is.
func (s *Server) startParts(ctx context.Context) error {
	p := s.port
	redis, repo := fmt.Sprintf("127.0.0.1:%d", p.redis), fmt.Sprintf("127.0.0.1:%d", p.repo)
	inCluster := []string{"--kubeconfig", s.Kubeconfig, "--namespace", namespace}
	parts := []struct {
		name  string
		args  []string
		probe func(context.Context) error
	}{
		{"argocd-repo-server", []string{
			"--address", "127.0.0.1", "--port", fmt.Sprint(p.repo), "--metrics-address", "127.0.0.1", "--metrics-port", fmt.Sprint(p.repoMetrics),
			"--redis", redis, "--disable-tls",
		}, proc.Listens(repo)},
		{"argocd-application-controller", append([]string{
			"--redis", redis, "--repo-server", repo, "--repo-server-plaintext", "--metrics-port", fmt.Sprint(p.controllerMetrics),
		}, inCluster...), proc.Answers(insecureClient(), fmt.Sprintf("http://127.0.0.1:%d/healthz", p.controllerMetrics))},
		{"argocd-server", append([]string{
			"--address", "127.0.0.1", "--port", fmt.Sprint(p.api), "--metrics-address", "127.0.0.1", "--metrics-port", fmt.Sprint(p.apiMetrics),
			"--redis", redis, "--repo-server", repo, "--repo-server-plaintext", "--staticassets", s.cluster.path("parts"),
		}, inCluster...), proc.Answers(insecureClient(), "https://"+s.Address+"/healthz")},
		{"argocd-notifications", append([]string{
			"--argocd-repo-server", repo, "--argocd-repo-server-plaintext", "--metrics-port", fmt.Sprint(p.notifyMetrics),
		}, inCluster...), proc.Listens(fmt.Sprintf("127.0.0.1:%d", p.notifyMetrics))},
	}
	if err := s.makePartDirs(); err != nil {
		return err
	}
	started := make([]*proc.Process, len(parts))
	for i, part := range parts {
		var err error
		started[i], err = s.cluster.run(part.name, filepath.Join(s.cluster.bin, "argocd"), s.partEnv(part.name), part.args...)
		if err != nil {
			return err
		}
	}
	for i, part := range parts {
		if err := started[i].Ready(ctx, part.probe); err != nil {
			return err
		}
	}
	return nil
}

func (s *Server) makePartDirs() error {
	var errs []error
	for _, dir := range []string{"tls", "ssh", "gpg/keys", "gpg/source", "tmp"} {
		errs = append(errs, os.MkdirAll(s.cluster.path("parts/"+dir), 0o700))
	}
	return errors.Join(errs...)
}

func (s *Server) partEnv(name string) []string {
	return []string{
		"ARGOCD_BINARY_NAME=" + name,
		"KUBECONFIG=" + s.Kubeconfig,
		"ARGOCD_FAKE_IN_CLUSTER=true", // the cluster "in which" it runs is the one of KUBECONFIG
		"ARGOCD_CONTROLLER_REPLICAS=1", "HOSTNAME=argocd-application-controller-0",
		"ARGOCD_RECONCILIATION_TIMEOUT=" + s.options.Reconciliation.String(), "ARGOCD_RECONCILIATION_JITTER=0s",
		"ARGOCD_TLS_DATA_PATH=" + s.cluster.path("parts/tls"), "ARGOCD_SSH_DATA_PATH=" + s.cluster.path("parts/ssh"),
		"ARGOCD_GPG_ENABLED=false", "ARGOCD_GNUPGHOME=" + s.cluster.path("parts/gpg/keys"), "ARGOCD_GPG_DATA_PATH=" + s.cluster.path("parts/gpg/source"),
		"TMPDIR=" + s.cluster.path("parts/tmp"),
		"PATH=" + s.cluster.bin + string(filepath.ListSeparator) + os.Getenv("PATH"),
	}
}

// logIn gets the administrator's token. The password is written by the API server at its first start.
func (s *Server) logIn(ctx context.Context) error {
	return proc.Until(ctx, func(ctx context.Context) error {
		password, err := s.cluster.kube.secret(ctx, namespace, "argocd-initial-admin-secret", "password")
		if err != nil {
			return err
		}
		body, err := json.Marshal(map[string]string{"username": "admin", "password": password})
		if err != nil {
			return fmt.Errorf("log in: %w", err)
		}
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://"+s.Address+"/api/v1/session", bytes.NewReader(body))
		if err != nil {
			return fmt.Errorf("log in: %w", err)
		}
		req.Header.Set("Content-Type", "application/json")
		res, err := insecureClient().Do(req)
		if err != nil {
			return fmt.Errorf("log in: %w", err)
		}
		defer func() { _ = res.Body.Close() }()
		var session struct{ Token string }
		if err := json.NewDecoder(res.Body).Decode(&session); err != nil || session.Token == "" {
			return errors.Join(fmt.Errorf("log in: %s", res.Status), err)
		}
		s.AdminToken = session.Token
		return nil
	})
}
