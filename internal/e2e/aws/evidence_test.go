//go:build e2e

package aws_test

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/cinegit/guardian/internal/adapter/dynamoledger"
	"github.com/cinegit/guardian/internal/e2e/aws/cloud"
	"github.com/cinegit/guardian/internal/ledger"
)

func (w *tables) objects() *s3.Client {
	return s3.NewFromConfig(w.cfg, func(o *s3.Options) { o.UsePathStyle = o.BaseEndpoint != nil })
}

// makeBucket makes the bucket of the stores' large values, which goes with the test.
func (w *tables) makeBucket(t *testing.T) {
	t.Helper()
	w.bucket = "guardian-e2e-" + w.run
	in := &s3.CreateBucketInput{Bucket: &w.bucket}
	if w.cfg.Region != "us-east-1" { // which S3 wants unnamed
		in.CreateBucketConfiguration = &types.CreateBucketConfiguration{LocationConstraint: types.BucketLocationConstraint(w.cfg.Region)}
	}
	_, err := w.objects().CreateBucket(t.Context(), in)
	must(t, err)
	t.Cleanup(func() { // the test's own context has ended
		ctx := context.Background()
		for _, key := range w.keys(ctx, t) {
			_, err := w.objects().DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &w.bucket, Key: &key})
			must(t, err)
		}
		_, err := w.objects().DeleteBucket(ctx, &s3.DeleteBucketInput{Bucket: &w.bucket})
		must(t, err)
	})
}

func (w *tables) keys(ctx context.Context, t *testing.T) []string {
	t.Helper()
	var out []string
	pages := s3.NewListObjectsV2Paginator(w.objects(), &s3.ListObjectsV2Input{Bucket: &w.bucket})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		must(t, err)
		for _, o := range page.Contents {
			out = append(out, *o.Key)
		}
	}
	return out
}

// faulty is the store in a new table with a gateway before AWS that makes calls fail.
func (w *tables) faulty(t *testing.T) (*dynamoledger.Store, *cloud.Gateway) {
	t.Helper()
	gateway, err := cloud.NewGateway(*w.cfg.BaseEndpoint)
	must(t, err)
	server := httptest.NewServer(gateway)
	t.Cleanup(server.Close)
	cfg := w.cfg
	cfg.BaseEndpoint, cfg.HTTPClient = &server.URL, server.Client()
	return dynamoledger.New(cfg, w.table(t), w.bucket), gateway
}

// large keeps values that no item can hold, while S3 and DynamoDB fail and objects are tampered with.
func (w *tables) large(t *testing.T) {
	first, second := strings.Repeat("first ", 100<<10), strings.Repeat("second", 100<<10)
	always := func(operation string, landed bool) cloud.Fault {
		return cloud.Fault{Operation: operation, Status: http.StatusInternalServerError, Code: "InternalError", Times: -1, Landed: landed}
	}
	t.Run("an object that cannot be put changes nothing", func(t *testing.T) {
		for _, landed := range []bool{false, true} {
			s, gateway := w.faulty(t)
			must(t, s.Write(t.Context(), put("a", 0, first)))
			gateway.Fail(always("s3:PutObject", landed))
			if err := s.Write(t.Context(), put("a", 1, second), put("b", 0, "small")); err == nil || errors.Is(err, ledger.ErrConflict) {
				t.Errorf("landed %t: error %v", landed, err)
			}
			gateway.Mend()
			wants(t, s, "a", 1, first)
			must(t, s.Write(t.Context(), put("a", 1, second)))
			wants(t, s, "a", 2, second)
		}
	})
	t.Run("a write whose answer is lost has landed whole", func(t *testing.T) {
		s, gateway := w.faulty(t)
		gateway.Fail(always("dynamodb:TransactWriteItems", true))
		if err := s.Write(t.Context(), put("a", 0, first)); err == nil || errors.Is(err, ledger.ErrConflict) {
			t.Errorf("error %v, want one that says nothing of it", err)
		}
		gateway.Mend()
		wants(t, s, "a", 1, first)
	})
	t.Run("a write that loses leaves the winner's value", func(t *testing.T) {
		s, _ := w.faulty(t)
		must(t, s.Write(t.Context(), put("a", 0, first)))
		if err := s.Write(t.Context(), put("a", 0, second)); !errors.Is(err, ledger.ErrConflict) {
			t.Errorf("error %v, want ErrConflict", err)
		}
		wants(t, s, "a", 1, first)
		must(t, s.Write(t.Context(), put("a", 1, "small"))) // back into the item
		wants(t, s, "a", 2, "small")
	})
	t.Run("an object that cannot be had is an error", func(t *testing.T) {
		s, gateway := w.faulty(t)
		must(t, s.Write(t.Context(), put("a", 0, "small"), put("b", 0, first)))
		gateway.Fail(cloud.Fault{Operation: "s3:GetObject", Status: http.StatusForbidden, Code: "AccessDenied", Times: -1})
		w.lacks(t, s, dynamoledger.ErrRefused)
		gateway.Mend()
		wants(t, s, "b", 1, first)
	})
	t.Run("an object that was altered or removed is an error", func(t *testing.T) {
		s, _ := w.faulty(t)
		own := "only here: " + first
		must(t, s.Write(t.Context(), put("a", 0, "small"), put("b", 0, own)))
		key := w.keyOf(t, own)
		_, err := w.objects().PutObject(t.Context(), &s3.PutObjectInput{Bucket: &w.bucket, Key: &key, Body: strings.NewReader(second)})
		must(t, err)
		w.lacks(t, s, dynamoledger.ErrAltered)
		_, err = w.objects().DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: &w.bucket, Key: &key})
		must(t, err)
		w.lacks(t, s, dynamoledger.ErrGone)
		must(t, s.Write(t.Context(), put("b", 1, own))) // which puts it again
		wants(t, s, "b", 2, own)
	})
	t.Run("a bucket that is missing is told", func(t *testing.T) {
		s := dynamoledger.New(w.cfg, w.table(t), w.bucket+"-missing")
		err := s.Write(t.Context(), put("a", 0, first))
		if !errors.Is(err, dynamoledger.ErrNoBucket) || !strings.Contains(err.Error(), w.bucket+"-missing") {
			t.Errorf("error %v, want ErrNoBucket", err)
		}
	})
	t.Run("what expires lies apart", func(t *testing.T) {
		s, _ := w.faulty(t)
		op := put("a", 0, "expiring "+first)
		op.Expires = time.Now().AddDate(0, 0, 30)
		must(t, s.Write(t.Context(), op))
		if key := w.keyOf(t, string(op.Value)); !strings.HasPrefix(key, dynamoledger.ExpiringPrefix) {
			t.Errorf("it lies at %s", key)
		}
	})
}

// keyOf finds the object of a value.
func (w *tables) keyOf(t *testing.T, value string) string {
	t.Helper()
	for _, key := range w.keys(t.Context(), t) {
		out, err := w.objects().GetObject(t.Context(), &s3.GetObjectInput{Bucket: &w.bucket, Key: aws.String(key)})
		must(t, err)
		got := readAll(out.Body)
		must(t, out.Body.Close())
		if got == value {
			return key
		}
	}
	t.Fatalf("no object is the value that begins with %.20q", value)
	return ""
}

func wants(t *testing.T, s ledger.Store, sort string, version int64, value string) {
	t.Helper()
	r, err := s.Get(t.Context(), ledger.Key{Partition: "p", Sort: sort})
	if err != nil || r.Version != version || !bytes.Equal(r.Value, []byte(value)) {
		t.Errorf("p/%s is version %d, %.20q… of %d bytes, %v; want version %d, %.20q…", sort, r.Version, r.Value, len(r.Value), err, version, value)
	}
}

// lacks fails the test unless reading p/b, and p with it, is an error that names bucket and record.
func (w *tables) lacks(t *testing.T, s ledger.Store, want error) {
	t.Helper()
	_, getErr := s.Get(t.Context(), ledger.Key{Partition: "p", Sort: "b"})
	_, listErr := s.List(t.Context(), ledger.Query{Partition: "p", Limit: 10})
	for call, err := range map[string]error{"get": getErr, "list": listErr} {
		if !errors.Is(err, want) || errors.Is(err, ledger.ErrNotFound) || !strings.Contains(err.Error(), w.bucket) || !strings.Contains(err.Error(), "p/b") {
			t.Errorf("%s: error %v, want %v", call, err, want)
		}
	}
}
