//go:build e2e

package e2e

import (
	"cmp"
	"context"
	"crypto/rand"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cinegit/guardian/internal/e2e/argocd"
)

// world is what all cases share.
type world struct {
	run          string // a word that is in every name of this run
	dir          string
	binary       string // guardian
	argo         *argo
	argoServer   string // host:port
	gitURL       string // as Argo CD reaches it
	pushURL      string
	image        string
	namespace    string
	tokens       struct{ guardian, reader string }
	webhookToken string
	notifies     bool // Argo CD posts notifications to the relay
	metrics      *metrics
	metricsAt    string // host:port
	prometheus   *prometheusServer
	alertmanager []string // host:port each
	relay        *relay
	relayURL     string
	report       *report
}

func newWorld(t *testing.T) *world {
	w := &world{
		run: "e2e-" + strings.ToLower(rand.Text()[:5]), dir: os.Getenv("GUARDIAN_E2E_KEEP"), webhookToken: rand.Text(),
		metrics: newMetrics(), relay: newRelay(), report: &report{},
		image:     cmp.Or(os.Getenv("GUARDIAN_E2E_IMAGE"), "example.invalid/service"),
		namespace: cmp.Or(os.Getenv("GUARDIAN_E2E_NAMESPACE"), "default"),
	}
	if w.dir == "" {
		w.dir = t.TempDir()
	}
	w.dir = filepath.Join(w.dir, w.run)
	w.binary = guardianBinary(t)
	w.relayURL, w.metricsAt = w.listen(t)
	w.startArgo(t)
	w.argo.makeProject(t)
	w.tokens.guardian, w.tokens.reader = w.argo.roleToken(t, "guardian"), w.argo.roleToken(t, "reader")
	for _, name := range []string{"a", "b"} {
		w.alertmanager = append(w.alertmanager,
			startAlertmanager(t, filepath.Join(w.dir, "alertmanager-"+name), w.relayURL+"/alertmanager/"+name, w.webhookToken))
	}
	w.prometheus = startPrometheus(t, filepath.Join(w.dir, "prometheus"), w.metricsAt, "/metrics", w.alertmanager)
	return w
}

func (w *world) listen(t *testing.T) (relayURL, metricsAt string) {
	relay, metrics := httptest.NewServer(w.relay.handler()), httptest.NewServer(w.metrics)
	t.Cleanup(relay.Close)
	t.Cleanup(metrics.Close)
	return relay.URL, metrics.Listener.Addr().String()
}

// startArgo takes the Argo CD that the environment names, or starts one.
func (w *world) startArgo(t *testing.T) {
	if server := os.Getenv("ARGOCD_SERVER"); server != "" {
		token := cmp.Or(os.Getenv("ARGOCD_ADMIN_TOKEN"), os.Getenv("ARGOCD_AUTH_TOKEN"))
		w.gitURL = os.Getenv("GIT_URL")
		w.pushURL = cmp.Or(os.Getenv("GIT_PUSH_URL"), os.Getenv("GIT_FILE_URL"), w.gitURL)
		if token == "" || w.gitURL == "" {
			t.Fatal("ARGOCD_SERVER is set, but not ARGOCD_AUTH_TOKEN and GIT_URL: set all three, or none to have an Argo CD started")
		}
		w.argoServer, w.argo = server, newArgo(server, token, w.run)
		return
	}
	ctx, cancel := context.WithTimeout(t.Context(), 25*time.Minute) // a first build takes long
	defer cancel()
	server, err := argocd.Start(ctx, argocd.Options{
		Dir: filepath.Join(w.dir, "argocd"), Notifications: w.documented(t), NotifyToken: w.webhookToken, Log: t.Logf,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Stop)
	w.gitURL, w.pushURL = server.GitURL, server.GitDir
	w.argoServer, w.argo = server.Address, newArgo(server.Address, server.AdminToken, w.run)
}

// documented is the configuration of notifications that docs/argocd.md gives to paste, with the URL of
// the relay.
func (w *world) documented(t *testing.T) string {
	page, err := os.ReadFile("../../docs/argocd.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(page), "```yaml\n")
	block, _, found := strings.Cut(rest, "```")
	const url = "https://guardian.example.com/webhooks/argocd"
	if !found || !strings.Contains(block, url) {
		t.Fatalf("docs/argocd.md has no YAML block that posts to %s", url)
	}
	w.notifies = true
	return strings.Replace(block, url, w.relayURL+"/argocd", 1)
}

// guardianBinary gives the program as it is shipped.
func guardianBinary(t *testing.T) string {
	if path := os.Getenv("GUARDIAN_BIN"); path != "" {
		return path
	}
	path := filepath.Join(t.TempDir(), "guardian")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", path, "../../cmd/guardian").CombinedOutput(); err != nil {
		t.Fatalf("build guardian: %v\n%s", err, out)
	}
	return path
}
