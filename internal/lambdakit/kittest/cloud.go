// Package kittest is a small AWS for tests of functions: it knows the calls that Guardian makes, answers as
// little as they need, and keeps what was sent. Its table is always empty and takes every write.
package kittest

import (
	"crypto/md5" //nolint:gosec // SQS and S3 answer with it
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/cinegit/guardian/internal/lambdakit/names"
)

// Call is one call of an operation that a test may want to see.
type Call struct {
	Operation string // as StartExecution, or Invoke and the function's name
	Body      string
}

// Cloud is the AWS of one test.
type Cloud struct {
	mu       sync.Mutex
	versions []string          // of the policy, oldest first
	evidence map[string]string // the ledger's objects, by path
	secrets  map[string]string
	answers  map[string]string // of functions, by name
	down     map[string]bool   // operations that are refused
	calls    []Call
	reads    int
	url      string
}

// New starts a cloud with a policy and secrets, and points the AWS SDK of the test at it and at nothing else.
func New(t *testing.T, policy string, secrets map[string]string) *Cloud {
	t.Helper()
	c := &Cloud{versions: []string{policy}, evidence: map[string]string{}, secrets: secrets, answers: map[string]string{}, down: map[string]bool{}}
	server := httptest.NewServer(c)
	t.Cleanup(server.Close)
	c.url = server.URL
	nowhere := filepath.Join(t.TempDir(), "none")
	for name, value := range map[string]string{
		"AWS_ENDPOINT_URL": server.URL, "AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "AKIATEST", "AWS_SECRET_ACCESS_KEY": "test",
		"AWS_SESSION_TOKEN": "", "AWS_PROFILE": "", "AWS_CONFIG_FILE": nowhere, "AWS_SHARED_CREDENTIALS_FILE": nowhere,
		"AWS_EC2_METADATA_DISABLED": "true", "AWS_MAX_ATTEMPTS": "1",
	} {
		t.Setenv(name, value)
	}
	return c
}

// Env is the environment of a function as the stack sets it.
func (c *Cloud) Env(name string) map[string]string {
	all := map[string]string{
		names.Table: "guardian", names.Evidence: "evidence", names.Policy: "s3://policies/guardian.yaml", names.QueueURL: c.url + "/123456789012/intake.fifo",
		names.DeadLetters: c.url + "/123456789012/dead.fifo", names.StateMachine: "arn:aws:states:eu-west-1:123456789012:stateMachine:remediation",
		names.JudgeName: "judge", names.ArgoCDHand: "argocdhand", names.FlagHand: "flaghand", names.NotifyName: "notify",
		names.Bus: "guardian", names.Tokens: "secret:webhook", names.LogLevel: "",
	}
	f, _ := names.Of(name)
	maps.DeleteFunc(all, func(variable, _ string) bool {
		for _, listed := range f.Env {
			if listed == variable {
				return false
			}
		}
		return true
	})
	return all
}

// Put puts a new version of the policy.
func (c *Cloud) Put(policy string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.versions = append(c.versions, policy)
}

// Answer makes a function answer; one that was told nothing answers {}.
func (c *Cloud) Answer(function, answer string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.answers[function] = answer
}

// Down makes an operation fail, or no longer.
func (c *Cloud) Down(operation string, down bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.down[operation] = down
}

// Calls gives the calls of an operation, whatever it began with if that ends in *.
func (c *Cloud) Calls(operation string) (bodies []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, call := range c.calls {
		if call.Operation == operation {
			bodies = append(bodies, call.Body)
		}
	}
	return bodies
}

// ServeHTTP implements http.Handler.
func (c *Cloud) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	body, _ := io.ReadAll(r.Body) // what is broken is answered as empty
	_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	function, invoked := strings.CutPrefix(r.URL.Path, "/2015-03-31/functions/")
	switch {
	case invoked:
		function, _, _ = strings.Cut(function, "/")
		operation = "Invoke " + function
	case strings.HasPrefix(r.URL.Path, "/evidence/"):
		operation = "S3 evidence" // the names of its objects are hashes
	case operation == "":
		operation = "S3 " + r.URL.Path
	}
	c.calls = append(c.calls, Call{operation, string(body)})
	w.Header().Set("Content-Type", r.Header.Get("Content-Type"))
	switch {
	case c.down[operation]:
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, `{"__type":"AccessDeniedException","message":"down"}`)
	case invoked && r.Header.Get("X-Amz-Invocation-Type") == "Event":
		w.WriteHeader(http.StatusAccepted)
	case invoked && c.answers[function] != "":
		_, _ = io.WriteString(w, c.answers[function])
	case invoked:
		_, _ = io.WriteString(w, "{}")
	case operation == "S3 evidence":
		if r.Method == http.MethodPut {
			c.evidence[r.URL.Path] = string(body)
			return
		}
		_, _ = io.WriteString(w, c.evidence[r.URL.Path])
	case strings.HasPrefix(operation, "S3 "):
		c.object(w, r)
	default:
		_ = json.NewEncoder(w).Encode(c.operation(operation, body)) // the SDK tells what it cannot read
	}
}

func (c *Cloud) operation(name string, body []byte) any {
	switch name {
	case "GetSecretValue":
		var in struct{ SecretID string } // read alike
		_ = json.Unmarshal(body, &in)
		return map[string]string{"Name": in.SecretID, "SecretString": c.secrets[in.SecretID]}
	case "SendMessage":
		var in struct{ MessageBody string }
		_ = json.Unmarshal(body, &in)
		sum := md5.Sum([]byte(in.MessageBody)) //nolint:gosec // as above
		return map[string]string{"MessageId": "m", "MD5OfMessageBody": hex.EncodeToString(sum[:])}
	case "GetQueueAttributes":
		return map[string]any{"Attributes": map[string]string{"ApproximateNumberOfMessages": "2"}}
	case "Query":
		return map[string]any{"Items": []any{}, "Count": 0, "ScannedCount": 0}
	case "DescribeTable":
		return map[string]any{"Table": map[string]any{
			"TableStatus":          "ACTIVE",
			"AttributeDefinitions": []any{map[string]string{"AttributeName": "partition", "AttributeType": "S"}, map[string]string{"AttributeName": "sort", "AttributeType": "S"}},
			"KeySchema":            []any{map[string]string{"AttributeName": "partition", "KeyType": "HASH"}, map[string]string{"AttributeName": "sort", "KeyType": "RANGE"}},
		}}
	case "DescribeTimeToLive":
		return map[string]any{"TimeToLiveDescription": map[string]string{"TimeToLiveStatus": "ENABLED", "AttributeName": "expires"}}
	case "StartExecution":
		return map[string]any{"executionArn": "x", "startDate": 1}
	case "ListExecutions":
		return map[string]any{"executions": []any{}}
	case "DescribeExecution":
		return map[string]any{"executionArn": "x", "stateMachineArn": "x", "status": "RUNNING", "startDate": 1}
	case "PutEvents":
		return map[string]any{"FailedEntryCount": 0, "Entries": []any{map[string]string{"EventId": "e"}}}
	}
	return map[string]any{}
}

// object answers for the policy: the latest version, one by its number from 1, or the list of them.
func (c *Cloud) object(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	if query.Has("versions") {
		_, _ = io.WriteString(w, `<ListVersionsResult><IsTruncated>false</IsTruncated>`)
		for i := len(c.versions); i > 0; i-- {
			_, _ = fmt.Fprintf(w, `<Version><Key>guardian.yaml</Key><VersionId>%d</VersionId><IsLatest>%t</IsLatest></Version>`, i, i == len(c.versions))
		}
		_, _ = io.WriteString(w, `</ListVersionsResult>`)
		return
	}
	number := len(c.versions)
	if one := query.Get("versionId"); one != "" {
		number, _ = strconv.Atoi(one)
	}
	if number < 1 || number > len(c.versions) {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	text := c.versions[number-1]
	sum := md5.Sum([]byte(text)) //nolint:gosec // as above
	etag := `"` + hex.EncodeToString(sum[:]) + `"`
	w.Header().Set("ETag", etag)
	w.Header().Set("X-Amz-Version-Id", strconv.Itoa(number))
	if r.Header.Get("If-None-Match") == etag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	c.reads++
	_, _ = io.WriteString(w, text)
}
