//go:build e2e

package aws_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// single sends a transaction of one item as the same change outside a transaction, for a DynamoDB that
// has none. The item's condition is the same text, and who wins a race is that DynamoDB's decision.
type single struct{ next aws.HTTPClient }

const targetHeader = "X-Amz-Target"

// Do implements aws.HTTPClient.
func (s single) Do(r *http.Request) (*http.Response, error) {
	const service, transact = "DynamoDB_20120810.", "TransactWriteItems"
	if r.Header.Get(targetHeader) != service+transact {
		return s.next.Do(r)
	}
	var in struct {
		TransactItems []map[string]json.RawMessage
	}
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		return nil, err
	}
	if len(in.TransactItems) != 1 {
		return nil, fmt.Errorf("a transaction of %d items, want 1", len(in.TransactItems))
	}
	for kind, change := range in.TransactItems[0] { // Update or Delete
		r = r.Clone(r.Context())
		r.Header.Set(targetHeader, service+kind+"Item")
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(change)), int64(len(change))
	}
	res, err := s.next.Do(r)
	if err != nil || res.StatusCode != http.StatusBadRequest {
		return res, err
	}
	defer func() { _ = res.Body.Close() }()
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, err
	}
	if strings.Contains(string(answer), "ConditionalCheckFailedException") {
		answer = []byte(`{"__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
			"CancellationReasons": [{"Code": "ConditionalCheckFailed"}]}`)
	}
	res.Header.Del("X-Amz-Crc32") // of the answer as it was
	res.Body, res.ContentLength = io.NopCloser(bytes.NewReader(answer)), int64(len(answer))
	return res, nil
}
