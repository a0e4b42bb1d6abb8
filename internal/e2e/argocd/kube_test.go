package argocd

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestEveryObjectOfAStreamIsApplied(t *testing.T) {
	var got []string
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got = append(got, r.Method+" "+r.URL.Path+" "+r.Header.Get("Authorization")+" "+string(body))
	}))
	defer server.Close()
	k := kube{url: server.URL, token: "t0ken", http: server.Client()}
	stream := "kind: Node\nmetadata: {name: n}\n---\nkind: ConfigMap\nmetadata: {name: c, namespace: argocd}\n"
	if err := k.apply(t.Context(), []byte(stream), "/status"); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"PATCH /api/v1/nodes/n/status Bearer t0ken " + `{"kind": "Node", "metadata": {"name": "n"}}` + "\n",
		"PATCH /api/v1/namespaces/argocd/configmaps/c/status Bearer t0ken " + `{"kind": "ConfigMap", "metadata": {"name": "c", "namespace": "argocd"}}` + "\n",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestARefusalOfKubernetesNamesTheObjectAndNotTheToken(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "metadata.labels: no", http.StatusUnprocessableEntity)
	}))
	defer server.Close()
	err := kube{url: server.URL, token: "t0ken", http: server.Client()}.apply(t.Context(), []byte("kind: Node\nmetadata: {name: n}"), "")
	if err == nil || !strings.Contains(err.Error(), "apply Node n: call Kubernetes: 422 Unprocessable Entity: metadata.labels: no") {
		t.Errorf("error %v", err)
	}
	if err != nil && strings.Contains(err.Error(), "t0ken") {
		t.Errorf("error %v holds the token", err)
	}
}

func TestAnUnknownKindIsRefused(t *testing.T) {
	err := kube{}.apply(t.Context(), []byte("kind: Gizmo\nmetadata: {name: g}"), "")
	if err == nil || err.Error() != "do not know where a Gizmo goes" {
		t.Errorf("error %v", err)
	}
}
