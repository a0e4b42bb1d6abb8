package lookup

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
)

func load(ctx context.Context) (aws.Config, error) { return config.LoadDefaultConfig(ctx) }

// manager is a Secrets Manager that knows GetSecretValue.
type manager struct {
	mu      sync.Mutex
	secrets map[string]string
	asked   int
	down    bool
}

// ServeHTTP answers in AWS' JSON protocol 1.1.
func (m *manager) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.asked++
	var in struct{ SecretId string }
	if r.Header.Get("X-Amz-Target") != "secretsmanager.GetSecretValue" || json.NewDecoder(r.Body).Decode(&in) != nil {
		http.Error(w, "not understood", http.StatusBadRequest)
		return
	}
	value, ok := m.secrets[in.SecretId]
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	switch {
	case m.down:
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprint(w, `{"__type": "AccessDeniedException", "message": "not authorized"}`)
	case !ok:
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprint(w, `{"__type": "ResourceNotFoundException", "message": "no such secret"}`)
	case value == "binary":
		fmt.Fprint(w, `{"SecretBinary": "AAEC"}`)
	default:
		_ = json.NewEncoder(w).Encode(map[string]string{"Name": in.SecretId, "SecretString": value})
	}
}

func (m *manager) set(name, value string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.secrets[name] = value
}

// newManager starts a Secrets Manager and points the AWS SDK at it, and at nothing else.
func newManager(t *testing.T, secrets map[string]string) *manager {
	t.Helper()
	m := &manager{secrets: secrets}
	server := httptest.NewServer(m)
	t.Cleanup(server.Close)
	nowhere := filepath.Join(t.TempDir(), "none")
	for name, value := range map[string]string{
		"AWS_ENDPOINT_URL_SECRETS_MANAGER": server.URL,
		"AWS_REGION":                       "eu-west-1",
		"AWS_ACCESS_KEY_ID":                "AKIATEST",
		"AWS_SECRET_ACCESS_KEY":            "test",
		"AWS_SESSION_TOKEN":                "",
		"AWS_PROFILE":                      "",
		"AWS_CONFIG_FILE":                  nowhere,
		"AWS_SHARED_CREDENTIALS_FILE":      nowhere,
		"AWS_EC2_METADATA_DISABLED":        "true",
	} {
		t.Setenv(name, value)
	}
	return m
}

func TestASecretOfSecretsManagerIsLookedUp(t *testing.T) {
	arn := "arn:aws:secretsmanager:eu-west-1:123456789012:secret:guardian/argocd-AbCdEf"
	newManager(t, map[string]string{
		"guardian/argocd": "token\n",
		arn:               "by-arn",
		"keys":            `{"token": "inner", "number": 1, "empty": ""}`,
		"text":            hidden,
		"blank":           "",
		"bin":             "binary",
	})
	r := New(load)
	wantValue(t, r, "secret:guardian/argocd", "token")
	wantValue(t, r, "secret:keys#token", "inner")
	wantError(t, r, "secret:keys", "it is a JSON object: name one of its keys")
	wantError(t, r, "secret:keys#number", "has no text of that key")
	wantError(t, r, "secret:keys#missing", "has no text of that key")
	wantError(t, r, "secret:keys#empty", "it is empty")
	wantError(t, r, "secret:text#token", "not a JSON object")
	wantError(t, r, "secret:blank", "it is empty")
	wantError(t, r, "secret:bin", "it is binary")
	wantError(t, r, "secret:missing", "ResourceNotFoundException")
	wantValue(t, r, "secret:"+arn, "by-arn")
}

func TestARotationIsSeenWithinAMinute(t *testing.T) {
	m := newManager(t, map[string]string{"keys": `{"a": "old", "b": "old"}`})
	r := New(load)
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	r.now = func() time.Time { return now }
	wantValue(t, r, "secret:keys#a", "old")
	m.set("keys", `{"a": "new", "b": "new"}`)
	now = now.Add(keep - time.Nanosecond)
	wantValue(t, r, "secret:keys#b", "old")
	if m.asked != 1 {
		t.Errorf("Secrets Manager was asked %d times within a minute", m.asked)
	}
	now = now.Add(time.Nanosecond)
	wantValue(t, r, "secret:keys#b", "new")
}

func TestAnOldSecretIsNotUsedWhenTheNewOneCannotBeHad(t *testing.T) {
	m := newManager(t, map[string]string{"token": "old"})
	r := New(load)
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	r.now = func() time.Time { return now }
	wantValue(t, r, "secret:token", "old")
	m.mu.Lock()
	m.down = true
	m.mu.Unlock()
	now = now.Add(keep)
	wantError(t, r, "secret:token", "AccessDeniedException")
}

func TestManyLookUpsAtOnce(t *testing.T) {
	newManager(t, map[string]string{"token": "value"})
	r := New(load)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() { wantValue(t, r, "secret:token", "value") })
	}
	wg.Wait()
}

func TestNoAWSIsNeededForOtherReferences(t *testing.T) {
	t.Setenv("AWS_PROFILE", "a-profile-that-does-not-exist")
	t.Setenv("AWS_CONFIG_FILE", filepath.Join(t.TempDir(), "none"))
	t.Setenv("GUARDIAN_TEST", "value")
	r := New(load)
	wantValue(t, r, "env:GUARDIAN_TEST", "value")
	wantError(t, r, "secret:token", "load the AWS configuration")
}
