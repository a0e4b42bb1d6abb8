package objects_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/google/go-cmp/cmp"

	"github.com/cinegit/guardian/internal/adapter/objects"
)

// bucket is an S3 of one object that keeps versions.
type bucket struct {
	mu       sync.Mutex
	versions []string // contents; "" is a delete marker
	refusals []int    // statuses of the next answers
	sent     int      // bytes of contents
}

var modified = time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)

// ServeHTTP answers GetObject.
func (b *bucket) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.refusals) > 0 {
		w.WriteHeader(b.refusals[0])
		b.refusals = b.refusals[1:]
		return
	}
	if r.URL.Path != "/policies/prod/guardian.yaml" || len(b.versions) == 0 || b.versions[len(b.versions)-1] == "" {
		w.WriteHeader(http.StatusNotFound)
		fmt.Fprint(w, `<Error><Code>NoSuchKey</Code><Message>none</Message></Error>`)
		return
	}
	content := b.versions[len(b.versions)-1]
	etag := fmt.Sprintf(`"%x"`, content)
	if r.Header.Get("If-None-Match") == etag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	w.Header().Set("ETag", etag)
	w.Header().Set("Last-Modified", modified.Format(http.TimeFormat))
	w.Header().Set("X-Amz-Version-Id", fmt.Sprintf("v%d", len(b.versions)))
	b.sent += len(content)
	fmt.Fprint(w, content)
}

func (b *bucket) put(content string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.versions = append(b.versions, content)
}

func newObject(t *testing.T, b *bucket, maxSize int64) *objects.Object {
	t.Helper()
	server := httptest.NewServer(b)
	t.Cleanup(server.Close)
	o, err := objects.New(aws.Config{
		Region: "eu-west-1", BaseEndpoint: &server.URL,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "AKIATEST", SecretAccessKey: "test"}, nil
		}),
		Retryer: func() aws.Retryer { return retry.AddWithMaxBackoffDelay(retry.NewStandard(), time.Nanosecond) },
	}, "s3://policies/prod/guardian.yaml", maxSize)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func TestAnObjectIsSentAgainOnlyOnceItHasChanged(t *testing.T) {
	b := &bucket{}
	b.put("mode: act")
	o := newObject(t, b, 100)
	first, changed, err := o.Read(t.Context(), objects.Revision{})
	if err != nil || !changed {
		t.Fatalf("the first read: changed %t, %v", changed, err)
	}
	want := objects.Revision{Content: []byte("mode: act"), ETag: `"6d6f64653a20616374"`, VersionID: "v1", Modified: modified}
	if diff := cmp.Diff(want, first); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	sent := b.sent
	same, changed, err := o.Read(t.Context(), first)
	if err != nil || changed || !cmp.Equal(first, same) || b.sent != sent {
		t.Errorf("unchanged: changed %t, %v, %d bytes were sent", changed, err, b.sent-sent)
	}
	b.put("mode: observe")
	next, changed, err := o.Read(t.Context(), same)
	if err != nil || !changed || string(next.Content) != "mode: observe" || next.VersionID != "v2" {
		t.Errorf("after a change: %q %s, changed %t, %v", next.Content, next.VersionID, changed, err)
	}
}

func TestAMissingOrForbiddenObjectIsToldWithItsAddress(t *testing.T) {
	b := &bucket{}
	o := newObject(t, b, 100)
	check := func(want error) {
		t.Helper()
		now, changed, err := o.Read(t.Context(), objects.Revision{ETag: `"old"`, Content: []byte("old")})
		if !errors.Is(err, want) || changed || now.Content != nil {
			t.Errorf("got %q, changed %t, %v, want %v", now.Content, changed, err, want)
		}
		if err != nil && !strings.Contains(err.Error(), "s3://policies/prod/guardian.yaml") {
			t.Errorf("error %v does not name the object", err)
		}
	}
	check(objects.ErrMissing)
	b.put("mode: act")
	b.put("") // deleted: earlier versions are not taken in its stead
	check(objects.ErrMissing)
	b.refusals = []int{http.StatusForbidden}
	check(objects.ErrDenied)
}

func TestAPassingFailureOfS3IsTriedAgain(t *testing.T) {
	b := &bucket{refusals: []int{http.StatusServiceUnavailable, http.StatusInternalServerError}}
	b.put("mode: act")
	got, changed, err := newObject(t, b, 100).Read(t.Context(), objects.Revision{})
	if err != nil || !changed || string(got.Content) != "mode: act" {
		t.Errorf("got %q, changed %t, %v", got.Content, changed, err)
	}
}

func TestATooLargeObjectIsRefused(t *testing.T) {
	b := &bucket{}
	b.put(strings.Repeat("x", 100))
	if _, _, err := newObject(t, b, 100).Read(t.Context(), objects.Revision{}); err != nil {
		t.Errorf("of just the size: %v", err)
	}
	if _, changed, err := newObject(t, b, 99).Read(t.Context(), objects.Revision{}); !errors.Is(err, objects.ErrTooLarge) || changed {
		t.Errorf("one byte more: changed %t, %v", changed, err)
	}
}

func TestAnAddressHasABucketAndAKey(t *testing.T) {
	for address, want := range map[string][2]string{
		"s3://b/guardian.yaml":      {"b", "guardian.yaml"},
		"s3://b/prod/guardian.yaml": {"b", "prod/guardian.yaml"},
		"s3://b/":                   {},
		"s3://b":                    {},
		"s3:///k":                   {},
		"s3://b/prod/":              {},
		"guardian.yaml":             {},
		"":                          {},
	} {
		bucket, key, err := objects.Split(address)
		if bucket != want[0] || key != want[1] || (err == nil) != (want[0] != "") {
			t.Errorf("%q is %q, %q, %v", address, bucket, key, err)
		}
	}
}
