package argocd

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
)

// kube is as much of a Kubernetes client as it takes to set up a cluster.
type kube struct {
	url, token string
	http       *http.Client
}

func newKube(port int, token string) kube {
	return kube{url: fmt.Sprintf("https://127.0.0.1:%d", port), token: token, http: insecureClient()}
}

// insecureClient takes the certificates that servers make for themselves at their start.
func insecureClient() *http.Client {
	return &http.Client{
		Timeout:   10 * time.Second,
		Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}, // loopback only
	}
}

type object struct {
	Kind     string `yaml:"kind"`
	Metadata struct {
		Name      string `yaml:"name"`
		Namespace string `yaml:"namespace"`
	} `yaml:"metadata"`
}

func (o object) path() (string, error) {
	namespaced := "/api/v1/namespaces/" + o.Metadata.Namespace
	switch o.Kind {
	case "Namespace":
		return "/api/v1/namespaces/" + o.Metadata.Name, nil
	case "Node":
		return "/api/v1/nodes/" + o.Metadata.Name, nil
	case "ConfigMap":
		return namespaced + "/configmaps/" + o.Metadata.Name, nil
	case "Secret":
		return namespaced + "/secrets/" + o.Metadata.Name, nil
	case "AppProject":
		return "/apis/argoproj.io/v1alpha1/namespaces/" + o.Metadata.Namespace + "/appprojects/" + o.Metadata.Name, nil
	case "CustomResourceDefinition":
		return "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/" + o.Metadata.Name, nil
	}
	return "", fmt.Errorf("do not know where a %s goes", o.Kind)
}

// apply creates or changes every object of a YAML stream; subresource is "" or, as "/status", a part.
func (k kube) apply(ctx context.Context, stream []byte, subresource string) error {
	for doc := range strings.SplitSeq(string(stream), "\n---\n") {
		var o object
		if err := yaml.Unmarshal([]byte(doc), &o); err != nil {
			return fmt.Errorf("read object: %w", err)
		}
		path, err := o.path()
		if err != nil {
			return err
		}
		body, err := yaml.YAMLToJSON([]byte(doc))
		if err != nil {
			return fmt.Errorf("read %s %s: %w", o.Kind, o.Metadata.Name, err)
		}
		url := k.url + path + subresource + "?fieldManager=guardian-e2e&force=true"
		if _, err := k.call(ctx, http.MethodPatch, url, body); err != nil {
			return fmt.Errorf("apply %s %s: %w", o.Kind, o.Metadata.Name, err)
		}
	}
	return nil
}

// secret reads one value of a secret.
func (k kube) secret(ctx context.Context, namespace, name, key string) (string, error) {
	raw, err := k.call(ctx, http.MethodGet, k.url+"/api/v1/namespaces/"+namespace+"/secrets/"+name, nil)
	if err != nil {
		return "", err
	}
	var s struct{ Data map[string][]byte }
	if err := json.Unmarshal(raw, &s); err != nil {
		return "", fmt.Errorf("read secret %s: %w", name, err)
	}
	if len(s.Data[key]) == 0 {
		return "", fmt.Errorf("secret %s has no %s", name, key)
	}
	return string(s.Data[key]), nil
}

// ready is a probe of the API server.
func (k kube) ready(ctx context.Context) error {
	_, err := k.call(ctx, http.MethodGet, k.url+"/readyz", nil)
	return err
}

func (k kube) call(ctx context.Context, method, url string, body []byte) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("call Kubernetes: %w", err)
	}
	req.Header.Set("Authorization", "Bearer "+k.token)
	if method == http.MethodPatch {
		req.Header.Set("Content-Type", "application/apply-patch+yaml")
	}
	res, err := k.http.Do(req)
	if err != nil {
		return nil, fmt.Errorf("call Kubernetes: %w", err)
	}
	defer func() { _ = res.Body.Close() }()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, fmt.Errorf("call Kubernetes: %w", err)
	}
	if res.StatusCode >= http.StatusBadRequest {
		return nil, fmt.Errorf("call Kubernetes: %s: %.300s", res.Status, raw)
	}
	return raw, nil
}
