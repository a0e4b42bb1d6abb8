package local

import (
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/cinegit/guardian/internal/api"
	"github.com/cinegit/guardian/internal/policy"
)

// readiness asks /readyz.
func readiness(t *testing.T, h http.Handler) (status int, connections []api.Connection) {
	t.Helper()
	got := send(h, http.MethodGet, "/readyz", "", nil)
	var body struct {
		Ready       bool             `json:"ready"`
		Connections []api.Connection `json:"connections"`
	}
	must(t, json.Unmarshal(got.Body.Bytes(), &body))
	if body.Ready != (got.Code == http.StatusOK) {
		t.Errorf("status %d with ready %v", got.Code, body.Ready)
	}
	return got.Code, body.Connections
}

func TestReadyzNamesEachConnectionAndWhyItDoesNotWork(t *testing.T) {
	w := newWorld(t, setup{})
	h := w.guardian().Handler()
	status, connections := readiness(t, h)
	all := []api.Connection{{Name: "ledger", OK: true}, {Name: "policy", OK: true}, {Name: "argocd", OK: true}, {Name: "prometheus", OK: true}, {Name: "flags", OK: true}}
	if diff := cmp.Diff(all, connections); diff != "" || status != http.StatusOK {
		t.Fatalf("status %d: %s", status, diff)
	}
	breaks := []struct {
		name, why     string
		breakIt, mend func()
	}{
		{"argocd", "", func() { w.argo.Down(true) }, func() { w.argo.Down(false) }},
		{"argocd", "not authenticated", func() { w.write("argo.token", "wrong") }, func() { w.write("argo.token", argoToken) }},
		{"argocd", "argo.token", func() { must(t, os.Remove(filepath.Join(w.dir, "argo.token"))) }, func() { w.write("argo.token", argoToken) }},
		{"prometheus", "503", func() { w.prom.Down(true) }, func() { w.prom.Down(false) }},
		{"flags", "flags.json", func() { must(t, os.Remove(filepath.Join(w.dir, "flags.json"))) }, func() { w.write("flags.json", `{"flags":{}}`) }},
		{"flags", "flags.json", func() { w.write("flags.json", `{"flags":`) }, func() { w.write("flags.json", `{"flags":{}}`) }},
	}
	for _, b := range breaks {
		t.Run(b.name+" "+b.why, func(t *testing.T) {
			b.breakIt()
			status, connections := readiness(t, h)
			for _, c := range connections {
				if c.OK != (c.Name != b.name) || c.Name == b.name && (c.Why == "" || !strings.Contains(c.Why, b.why)) {
					t.Errorf("connection %+v, want only %s to fail with %q", c, b.name, b.why)
				}
				if strings.Contains(c.Why, argoToken) {
					t.Errorf("the reason holds a secret: %s", c.Why)
				}
			}
			if status != http.StatusServiceUnavailable {
				t.Errorf("status %d, want 503", status)
			}
			b.mend()
			if status, connections := readiness(t, h); status != http.StatusOK {
				t.Errorf("mended, but %d %+v", status, connections)
			}
		})
	}
}

func TestHealthzAnswersWhateverIsBroken(t *testing.T) {
	w := newWorld(t, setup{})
	h := w.guardian().Handler()
	w.argo.Close()
	w.prom.Down(true)
	if got := send(h, http.MethodGet, "/healthz", "", nil); got.Code != http.StatusOK {
		t.Errorf("status %d: %s", got.Code, got.Body)
	}
}

func TestMetricsTellOfQueueAndPolicyBeforeAnythingHappened(t *testing.T) {
	h := newWorld(t, setup{}).guardian().Handler()
	page := send(h, http.MethodGet, "/metrics", "", nil).Body.String()
	for _, line := range []string{"guardian_queue_depth 0", "guardian_policy_problem 0", "go_goroutines "} {
		if !strings.Contains(page, "\n"+line) {
			t.Errorf("no line %q", line)
		}
	}
	send(h, http.MethodPost, "/webhooks/argocd", hookToken, []byte(`{"app":"review"}`))
	if page := send(h, http.MethodGet, "/metrics", "", nil).Body.String(); !strings.Contains(page, "\nguardian_queue_depth 1") {
		t.Error("a message that waits is not in guardian_queue_depth")
	}
}

// inForce is what status says of the policy.
type inForce struct {
	Mode    policy.Mode
	Problem bool
	Ready   int
}

func TestAMistakeInThePolicyKeepsTheOldOneInForceUntilItIsMended(t *testing.T) {
	w := newWorld(t, setup{})
	g := w.guardian()
	h := g.Handler()
	path := filepath.Join(w.dir, "guardian.yaml")
	good := w.policy()
	observing := strings.Replace(good, "mode: act", "mode: observe", 1)
	steps := []struct {
		name    string
		do      func()
		want    inForce
		problem string
	}{
		{"unchanged", func() {}, inForce{policy.Act, false, 200}, ""},
		{"an unknown mode", func() { w.write("guardian.yaml", strings.Replace(good, "mode: act", "mode: atc", 1)) }, inForce{policy.Act, true, 503}, "guardian.yaml:2:7"},
		{"mended by what stood there before", func() { w.write("guardian.yaml", good) }, inForce{policy.Act, false, 200}, ""},
		{"two mistakes", func() {
			w.write("guardian.yaml", strings.NewReplacer("mode: act", "mode: atc", "window: 1s", "window: 1").Replace(good))
		}, inForce{policy.Act, true, 503}, "1 more"},
		{"emptied", func() { w.write("guardian.yaml", "") }, inForce{policy.Act, true, 503}, "guardian.yaml"},
		{"mended by another policy", func() { w.write("guardian.yaml", observing) }, inForce{policy.Observe, false, 200}, ""},
		{"missing", func() { must(t, os.Remove(path)) }, inForce{policy.Observe, true, 503}, "guardian.yaml"},
		{"there again as it was", func() { w.write("guardian.yaml", observing) }, inForce{policy.Observe, false, 200}, ""},
		{"names a file that is not there", func() {
			w.write("guardian.yaml", strings.Replace(good, "plainText: true", `caFile: "`+w.dir+`/ca.pem"`, 1))
		}, inForce{policy.Observe, true, 503}, "ca.pem"},
		{"one that connects", func() { w.write("guardian.yaml", good) }, inForce{policy.Act, false, 200}, ""},
	}
	for _, step := range steps {
		step.do()
		g.reload(t.Context())
		var s api.Status
		must(t, json.Unmarshal(send(h, http.MethodGet, "/v1/status", annaToken, nil).Body.Bytes(), &s))
		code, connections := readiness(t, h)
		if diff := cmp.Diff(step.want, inForce{s.Mode, s.Policy.Problem != "", code}); diff != "" || !strings.Contains(s.Policy.Problem, step.problem) {
			t.Errorf("%s: problem %q, want %q: %s", step.name, s.Policy.Problem, step.problem, diff)
		}
		for _, c := range connections {
			if c.Name == "policy" && !strings.Contains(c.Why, s.Policy.Problem) {
				t.Errorf("%s: readyz says %q of the policy, status %q", step.name, c.Why, s.Policy.Problem)
			}
		}
	}
	want := map[string]string{`guardian_policy_reloads_total{outcome="refused"}`: "5", `guardian_policy_reloads_total{outcome="taken"}`: "4"}
	if diff := cmp.Diff(want, counted(t, h), cmpopts.IgnoreMapEntries(func(name, _ string) bool { return !strings.Contains(name, "reloads") })); diff != "" {
		t.Error(diff)
	}
}

func TestAPolicyThatCouldNotConnectIsTakenOnceItCan(t *testing.T) {
	w := newWorld(t, setup{})
	g := w.guardian()
	next := strings.Replace(w.policy(), "timeout: 5s}\n  flags", `caFile: "`+w.dir+`/ca.pem", timeout: 5s}`+"\n  flags", 1)
	w.write("guardian.yaml", strings.Replace(next, "mode: act", "mode: observe", 1))
	g.reload(t.Context())
	if problem := g.policyProblem(); !strings.Contains(problem, "ca.pem") {
		t.Fatalf("problem %q, want one that names ca.pem", problem)
	}
	server := httptest.NewTLSServer(http.NotFoundHandler())
	defer server.Close()
	w.write("ca.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})))
	g.reload(t.Context())
	if problem := g.policyProblem(); problem != "" || g.engine().policy.Mode != policy.Observe {
		t.Errorf("mode %s, problem %q", g.engine().policy.Mode, problem)
	}
}

func TestAPolicyThatIsMissingOrWrongAtTheStartIsAnErrorThatNamesIt(t *testing.T) {
	for name, text := range map[string]string{"missing": "-", "empty": "", "with a mistake": "apiVersion: guardian/v1\nmood: act\n"} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, setup{})
			w.write("guardian.yaml", text)
			if text == "-" {
				must(t, os.Remove(filepath.Join(w.dir, "guardian.yaml")))
			}
			g, err := New(t.Context(), w.options())
			if err == nil {
				die(t, g)
				t.Fatal("it starts")
			}
			if !strings.Contains(err.Error(), "guardian.yaml") {
				t.Errorf("the error does not name the file: %s", err)
			}
		})
	}
}
