// Package objects reads single objects of S3, above all the policy on AWS, and tells cheaply whether one
// has changed since.
package objects

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// Errors of Read that a person can remove the cause of, to be told by errors.Is.
var (
	ErrMissing  = errors.New("there is no such object")
	ErrDenied   = errors.New("no right to read it, or, without s3:ListBucket, there is no such object or bucket")
	ErrTooLarge = errors.New("the object is too large")
)

// Object is one object. It may be used by many goroutines at once.
type Object struct {
	client      *s3.Client
	bucket, key string
	maxSize     int64
}

// Revision is an object as it stood at one moment. The zero Revision is none.
type Revision struct {
	Content   []byte
	ETag      string // changes with the content
	VersionID string // empty where the bucket keeps no versions
	Modified  time.Time
}

// New gives the object at an address like s3://bucket/key; nothing is read yet. Of more than maxSize bytes
// it is ErrTooLarge. It needs the right s3:GetObject on this one object, and kms:Decrypt where a key of
// KMS encrypts it. How long a Read may take is its context's matter.
func New(cfg aws.Config, address string, maxSize int64) (*Object, error) {
	bucket, key, err := Split(address)
	if err != nil {
		return nil, err
	}
	client := s3.NewFromConfig(cfg, func(o *s3.Options) {
		o.UsePathStyle = o.BaseEndpoint != nil // a server of one's own has one name for all buckets
		// An object that was uploaded in parts has a checksum of its parts, which is no fault to tell of.
		o.DisableLogOutputChecksumValidationSkipped = true
	})
	return &Object{client: client, bucket: bucket, key: key, maxSize: maxSize}, nil
}

// Split parts an address like s3://bucket/key.
func Split(address string) (bucket, key string, err error) {
	rest, ok := strings.CutPrefix(address, "s3://")
	bucket, key, _ = strings.Cut(rest, "/")
	if !ok || bucket == "" || key == "" || strings.HasSuffix(key, "/") {
		return "", "", fmt.Errorf("%q is not the address of an object in S3: write s3://bucket/key", address)
	}
	return bucket, key, nil
}

// String gives the address.
func (o *Object) String() string { return "s3://" + o.bucket + "/" + o.key }

// Read gives the object as it stands now. Where it is still what was read before, changed is false,
// before comes back, and S3 sends nothing but that answer.
func (o *Object) Read(ctx context.Context, before Revision) (now Revision, changed bool, err error) {
	in := &s3.GetObjectInput{Bucket: &o.bucket, Key: &o.key}
	if before.ETag != "" {
		in.IfNoneMatch = &before.ETag
	}
	out, err := o.client.GetObject(ctx, in)
	if status(err) == http.StatusNotModified {
		return before, false, nil
	}
	if err != nil {
		return Revision{}, false, o.explain(err)
	}
	defer func() { _ = out.Body.Close() }() // it was only read
	content, err := io.ReadAll(io.LimitReader(out.Body, o.maxSize+1))
	if err != nil {
		return Revision{}, false, o.explain(err)
	}
	if int64(len(content)) > o.maxSize {
		return Revision{}, false, fmt.Errorf("read %s: %w: more than %d bytes", o, ErrTooLarge, o.maxSize)
	}
	return Revision{
		Content: content, ETag: aws.ToString(out.ETag), VersionID: aws.ToString(out.VersionId), Modified: aws.ToTime(out.LastModified),
	}, true, nil
}

func (o *Object) explain(err error) error {
	kind := error(nil)
	switch status(err) {
	case http.StatusNotFound:
		kind = ErrMissing
	case http.StatusForbidden:
		kind = ErrDenied
	}
	if kind == nil {
		return fmt.Errorf("read %s: %w", o, err)
	}
	return fmt.Errorf("read %s: %w (%w)", o, kind, err)
}

// status gives the HTTP status of an error that S3 answered with; 0 if it is of another kind.
func status(err error) int {
	var response *smithyhttp.ResponseError
	if !errors.As(err, &response) {
		return 0
	}
	return response.HTTPStatusCode()
}
