//go:build e2e

package aws_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/cinegit/guardian/internal/e2e/aws/template"
	"github.com/cinegit/guardian/internal/e2e/proc"
	"github.com/cinegit/guardian/internal/lambdakit/names"
)

const root = "../../.." // of the repository

// stack is what is deployed: functions built for this machine, and the template that cdk makes of them.
var stack = sync.OnceValues(func() (*template.Template, error) {
	if _, err := proc.Find("node", "nodejs"); err != nil {
		return nil, err
	}
	if dir := os.Getenv("GUARDIAN_E2E_STACK"); dir != "" { // what an earlier run has made and kept
		if _, err := os.Stat(filepath.Join(dir, "cdk.out")); err == nil {
			return template.Read(filepath.Join(dir, "cdk.out"))
		}
	}
	dist, err := build()
	if err != nil {
		return nil, err
	}
	return synth(dist)
})

// built is the folder of everything that is built. It goes with the tests, unless it is named.
var built = sync.OnceValues(func() (string, error) {
	if dir := os.Getenv("GUARDIAN_E2E_STACK"); dir != "" {
		return dir, os.MkdirAll(dir, 0o755)
	}
	return os.MkdirTemp("", "guardian-e2e-aws-")
})

func TestMain(m *testing.M) {
	code := m.Run()
	if dir, err := built(); err == nil && os.Getenv("GUARDIAN_E2E_STACK") == "" {
		_ = os.RemoveAll(dir)
	}
	os.Exit(code)
}

// flat is where programs are built, of which guardian stays there.
const flat = "flat"

// build makes dist/FUNCTION/bootstrap and the guardian program.
func build() (dist string, err error) {
	dir, err := built()
	if err != nil {
		return "", err
	}
	out := filepath.Join(dir, flat)
	dist = filepath.Join(dir, "dist")
	if err := run(nil, "go", "build", "-tags", "lambda.norpc", "-ldflags", "-s -w", "-o", out+"/", "./functions/...", "./cmd/guardian"); err != nil {
		return "", err
	}
	for _, f := range names.Functions() {
		if err := os.MkdirAll(filepath.Join(dist, f.Name), 0o755); err != nil {
			return "", err
		}
		if err := os.Rename(filepath.Join(out, f.Name), filepath.Join(dist, f.Name, "bootstrap")); err != nil {
			return "", err
		}
	}
	return dist, nil
}

// synth runs the CDK app as the cdk program does, with cdk.json's context and a policy of the tests.
func synth(dist string) (*template.Template, error) {
	dir := filepath.Dir(dist)
	raw, err := os.ReadFile(filepath.Join(root, "cdk.json"))
	if err != nil {
		return nil, err
	}
	var file struct{ Context map[string]any }
	if err := json.Unmarshal(raw, &file); err != nil {
		return nil, fmt.Errorf("cdk.json: %w", err)
	}
	policy := filepath.Join(dir, "guardian.yaml")
	if err := os.WriteFile(policy, []byte(policyOf("server: argocd.example.com", "http://prometheus.example.com", "act")), 0o600); err != nil {
		return nil, err
	}
	file.Context["policy"], file.Context["dist"] = policy, dist
	file.Context["aws:cdk:enable-asset-metadata"] = true
	context, err := json.Marshal(file.Context)
	if err != nil {
		return nil, err
	}
	out := filepath.Join(dir, "cdk.out")
	env := []string{
		"CDK_OUTDIR=" + out, "CDK_CONTEXT_JSON=" + string(context), "JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION=1",
		"CDK_DEFAULT_ACCOUNT=" + template.Account, "CDK_DEFAULT_REGION=" + template.Region,
	}
	if err := run(env, "go", "run", "./cdk"); err != nil {
		return nil, err
	}
	return template.Read(out)
}

func run(env []string, name string, args ...string) error {
	cmd := exec.Command(name, args...)
	cmd.Dir, cmd.Env = root, append(os.Environ(), env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, out)
	}
	return nil
}

// The secrets of the stack, and what is in them.
const (
	hookToken = "webhook-token-77d2"
	annaToken = "operator-token-anna-9e"
)

func secretsOfStack(argoToken string) map[string]string {
	return map[string]string{"guardian/webhook": hookToken, "guardian/operators/anna": annaToken, "guardian/argocd": argoToken}
}

// policyOf is the guardian.yaml of the tests: a real one, only with short times. Argo CD is given as fields of
// its connection.
func policyOf(argocd, prometheus, mode string) string {
	return fmt.Sprintf(`apiVersion: guardian/v1
mode: %[3]s
server:
  webhookTokens: [secret:guardian/webhook]
  operators: {anna: secret:guardian/operators/anna}
connections:
  argocd: {%[1]s, token: secret:guardian/argocd, timeout: 5s}
  prometheus: {url: %[2]q, timeout: 5s}
  flags: {flagd: "s3://guardian-e2e-flags/flags.json"}
services:
  player: {gates: [errors], unproven: allow, stages: [{name: prod, application: player}]}
  search: {gates: [errors], unproven: allow, stages: [{name: prod, application: search}]}
  review:
    gates: [errors]
    unproven: allow
    flags: {timeline-merge: {safe: "off"}}
    stages: [{name: prod, application: review}]
gates:
  errors:
    query: sum(app_bad{service="$service",env="$stage"})
    failureCondition: result > 0.5
    window: 1s
    interval: 1s
    failureLimit: 30
    consecutiveSuccessLimit: 1
rules:
  - match: '{alertname="Bad"}'
    target: {service: label service, stage: label env}
    remedies: [flag, revert]
    verify: {within: 1m}
limits: {fleet: 1000 in 15m, share: 100%%, cooldown: 1m}
`, argocd, prometheus, mode)
}
