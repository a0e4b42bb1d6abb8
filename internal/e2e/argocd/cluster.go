package argocd

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"

	"github.com/cinegit/guardian/internal/e2e/argocd/config"
	"github.com/cinegit/guardian/internal/e2e/proc"
)

const node = "fake-node"

// cluster is a Kubernetes without machines.
type cluster struct {
	dir, bin   string
	kubeconfig string
	kube       kube
	port       struct{ etcd, etcdPeer, api, kwok int }
	running    []*proc.Process // in the order in which they were started
}

func newCluster(dir, bin string) (*cluster, error) {
	ports, err := proc.Ports(4)
	if err != nil {
		return nil, err
	}
	c := &cluster{dir: dir, bin: bin, kubeconfig: filepath.Join(dir, "kubeconfig")}
	c.port.etcd, c.port.etcdPeer, c.port.api, c.port.kwok = ports[0], ports[1], ports[2], ports[3]
	token := rand.Text()
	c.kube = newKube(c.port.api, token)
	key, err := serviceAccountKey()
	if err != nil {
		return nil, err
	}
	stages, err := config.Files.ReadFile("stages.yaml")
	if err != nil {
		return nil, fmt.Errorf("read stages: %w", err)
	}
	kubeconfig := fmt.Appendf(nil, `apiVersion: v1
kind: Config
current-context: e2e
contexts: [{name: e2e, context: {cluster: e2e, user: e2e, namespace: argocd}}]
clusters: [{name: e2e, cluster: {server: %q, insecure-skip-tls-verify: true}}]
users: [{name: e2e, user: {token: %s}}]
`, c.kube.url, token)
	return c, errors.Join(
		os.MkdirAll(c.logs(), 0o700),
		os.WriteFile(c.kubeconfig, kubeconfig, 0o600),
		os.WriteFile(c.path("tokens.csv"), []byte(token+",e2e,e2e,system:masters\n"), 0o600),
		os.WriteFile(c.path("service-account.key"), key, 0o600),
		os.WriteFile(c.path("stages.yaml"), stages, 0o600),
	)
}

func (c *cluster) path(name string) string { return filepath.Join(c.dir, name) }
func (c *cluster) logs() string            { return c.path("logs") }

func serviceAccountKey() ([]byte, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, fmt.Errorf("make the service account key: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}), nil
}

// run starts a program that stop ends.
func (c *cluster) run(name, path string, env []string, args ...string) (*proc.Process, error) {
	p, err := proc.Start(proc.Program{Name: name, Path: path, Args: args, Env: env, Logs: c.logs()})
	if err != nil {
		return nil, err
	}
	c.running = append(c.running, p)
	return p, nil
}

// stop ends everything, what was started last first.
func (c *cluster) stop() {
	for len(c.running) > 0 {
		last := len(c.running) - 1
		c.running[last].Kill() // all state is thrown away
		c.running = c.running[:last]
	}
}

// start brings the cluster up, with one node on which pods can be.
func (c *cluster) start(ctx context.Context) error {
	if err := c.startStore(ctx); err != nil {
		return err
	}
	api, err := c.run("kube-apiserver", filepath.Join(c.bin, "kube-apiserver"), nil,
		fmt.Sprintf("--etcd-servers=http://127.0.0.1:%d", c.port.etcd),
		"--bind-address=127.0.0.1", fmt.Sprintf("--secure-port=%d", c.port.api), "--cert-dir="+c.path("apiserver"),
		"--token-auth-file="+c.path("tokens.csv"), "--authorization-mode=AlwaysAllow",
		"--service-account-issuer=https://kubernetes.default.svc",
		"--service-account-key-file="+c.path("service-account.key"),
		"--service-account-signing-key-file="+c.path("service-account.key"),
		"--service-cluster-ip-range=10.96.0.0/16", "--endpoint-reconciler-type=none",
		// Pods need no service account, and no controller here would take a new node's taint away.
		"--disable-admission-plugins=ServiceAccount,TaintNodesByCondition",
	)
	if err != nil {
		return err
	}
	if err := api.Ready(ctx, c.kube.ready); err != nil {
		return err
	}
	_, err1 := c.run("kube-controller-manager", filepath.Join(c.bin, "kube-controller-manager"), nil,
		"--kubeconfig="+c.kubeconfig, "--leader-elect=false", "--secure-port=0",
		"--controllers=deployment-controller,replicaset-controller,garbage-collector-controller,namespace-controller")
	_, err2 := c.run("kube-scheduler", filepath.Join(c.bin, "kube-scheduler"), nil,
		"--kubeconfig="+c.kubeconfig, "--leader-elect=false", "--secure-port=0")
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	return c.startNode(ctx)
}

func (c *cluster) startStore(ctx context.Context) error {
	path, err := proc.Find("etcd", "etcd-server")
	if err != nil {
		return err
	}
	client, peer := fmt.Sprintf("http://127.0.0.1:%d", c.port.etcd), fmt.Sprintf("http://127.0.0.1:%d", c.port.etcdPeer)
	etcd, err := c.run("etcd", path, []string{"ETCD_UNSUPPORTED_ARCH=" + unsupportedArch()},
		"--data-dir="+c.path("etcd"), "--unsafe-no-fsync",
		"--listen-client-urls="+client, "--advertise-client-urls="+client,
		"--listen-peer-urls="+peer, "--initial-advertise-peer-urls="+peer, "--initial-cluster=default="+peer)
	if err != nil {
		return err
	}
	return etcd.Ready(ctx, proc.Answers(insecureClient(), client+"/health"))
}

// unsupportedArch is what etcd wants said on machines that its makers do not test.
func unsupportedArch() string {
	if runtime.GOARCH == "amd64" {
		return ""
	}
	return runtime.GOARCH
}

func (c *cluster) startNode(ctx context.Context) error {
	_, err := c.run("kwok", filepath.Join(c.bin, "kwok"), nil,
		"--kubeconfig="+c.kubeconfig, "--config="+c.path("stages.yaml"), "--manage-single-node="+node,
		"--node-ip=127.0.0.1", "--cidr=10.244.0.0/16", fmt.Sprintf("--server-address=127.0.0.1:%d", c.port.kwok))
	if err != nil {
		return err
	}
	if err := c.applyFile(ctx, "node.yaml", ""); err != nil {
		return err
	}
	return c.applyFile(ctx, "node-status.yaml", "/status")
}

func (c *cluster) applyFile(ctx context.Context, name, subresource string) error {
	raw, err := config.Files.ReadFile(name)
	if err != nil {
		return fmt.Errorf("read %s: %w", name, err)
	}
	return c.kube.apply(ctx, raw, subresource)
}
