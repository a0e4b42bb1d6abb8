package dynamoledger

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"

	"github.com/cinegit/guardian/internal/ledger"
)

// wire is the part of a request that the tests look at.
type wire struct {
	ConsistentRead, ScanIndexForward           bool
	ClientRequestToken, KeyConditionExpression string
	Limit                                      int
	ExclusiveStartKey                          json.RawMessage
	TransactItems                              []map[string]change
	ExpressionAttributeNames                   map[string]string
	ExpressionAttributeValues                  map[string]json.RawMessage
}

type change struct {
	Key                                   json.RawMessage
	ConditionExpression, UpdateExpression string
	ExpressionAttributeNames              map[string]string
	ExpressionAttributeValues             map[string]json.RawMessage
}

// answer is what the table says to one request; lost cuts the connection instead.
type answer struct {
	status int
	body   string
	lost   bool
}

func ok(body string) answer { return answer{status: http.StatusOK, body: body} }

// fails is an answer in DynamoDB's form of an error.
func fails(status int, kind, more string) answer {
	return answer{status: status, body: `{"__type": "com.amazonaws.dynamodb.v20120810#` + kind + `", "message": "said ` + kind + `"` + more + `}`}
}

func cancelledFor(reasons ...string) answer {
	codes := make([]string, 0, len(reasons))
	for _, r := range reasons {
		codes = append(codes, fmt.Sprintf(`{"Code": %q}`, r))
	}
	return fails(http.StatusBadRequest, "TransactionCanceledException", `, "CancellationReasons": [`+strings.Join(codes, ",")+`]`)
}

// table is a DynamoDB that gives the answers that it was told, the last of them for ever. Beside it is the
// bucket, which works.
type table struct {
	bucket *bucket

	mu       sync.Mutex
	answers  []answer
	requests []wire
}

// ServeHTTP answers in AWS' JSON protocol 1.0.
func (f *table) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("X-Amz-Target") == "" {
		f.bucket.ServeHTTP(w, r)
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	var in wire
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		http.Error(w, err.Error(), http.StatusTeapot)
		return
	}
	f.requests = append(f.requests, in)
	a := f.answers[min(len(f.requests), len(f.answers))-1]
	if a.lost {
		panic(http.ErrAbortHandler)
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.0")
	w.WriteHeader(a.status)
	fmt.Fprint(w, a.body)
}

func (f *table) asked() []wire {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.requests
}

// says gives a store whose table answers so, and which does not wait between its tries.
func says(t *testing.T, answers ...answer) (*Store, *table) {
	t.Helper()
	fake := &table{answers: answers, bucket: newBucket()}
	server := httptest.NewServer(fake)
	t.Cleanup(server.Close)
	cfg := aws.Config{
		Region: "eu-west-1", BaseEndpoint: &server.URL,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "AKIATEST", SecretAccessKey: "test"}, nil
		}),
	}
	delay := retry.BackoffDelayerFunc(func(int, error) (time.Duration, error) { return 0, nil })
	return newStore(cfg, "guardian-ledger", "guardian-evidence", delay), fake
}

func put(sort string, version int64, value string) ledger.Op {
	return ledger.Op{Kind: ledger.OpPut, Key: ledger.Key{Partition: "p", Sort: sort}, Version: version, Value: []byte(value)}
}

func wantText(t *testing.T, err error, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("error %v, want one that says %q", err, part)
		}
	}
}
