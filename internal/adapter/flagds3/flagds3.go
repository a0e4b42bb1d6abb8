// Package flagds3 keeps feature flags in a flagd definition document in S3, where flagd reads it by
// its own S3 source. S3 compares and sets: the document is put only where it still has the ETag that
// was read (https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html), so that
// nobody's change is overwritten, whatever they write with.
package flagds3

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/cinegit/guardian/internal/adapter/flagapi"
	"github.com/cinegit/guardian/internal/adapter/flagd"
	"github.com/cinegit/guardian/internal/flag"
	"github.com/cinegit/guardian/internal/s3address"
)

// maxDocument bounds what is read of a document, in bytes.
const maxDocument = 16 << 20

// DefaultTimeout bounds a call of S3, with its retries, where no other timeout is given.
const DefaultTimeout = 5 * time.Second

// object is the document in S3. The mark of a revision is its ETag.
type object struct {
	client      *s3.Client
	bucket, key string
	timeout     time.Duration
}

// New makes a store of the document at an address like s3://bucket/key. Nothing is read yet. The
// timeout bounds one call with the SDK's retries; zero is DefaultTimeout. It needs the rights
// s3:GetObject and s3:PutObject on this one object.
func New(config aws.Config, address string, timeout time.Duration) (*flagd.Store, error) {
	bucket, key, err := s3address.Parse(address)
	if err != nil {
		return nil, err
	}
	if timeout <= 0 {
		timeout = DefaultTimeout
	}
	client := s3.NewFromConfig(config, func(o *s3.Options) {
		// A server of one's own has one name, not one for each bucket.
		o.UsePathStyle = o.BaseEndpoint != nil
	})
	return flagd.NewStore(&object{client: client, bucket: bucket, key: key, timeout: timeout}), nil
}

// Name implements flagd.Source, as do the two methods below.
func (o *object) Name() string { return "s3://" + o.bucket + "/" + o.key }

// Read gets the document.
func (o *object) Read(ctx context.Context) (flagd.Revision, error) {
	ctx, cancel := context.WithTimeout(ctx, o.timeout)
	defer cancel()
	out, err := o.get(ctx)
	if err != nil {
		return flagd.Revision{}, err
	}
	defer out.Body.Close()
	text, err := io.ReadAll(io.LimitReader(out.Body, maxDocument+1))
	switch {
	case err != nil:
		return flagd.Revision{}, fmt.Errorf("%w: read %s: %w", flag.ErrUnavailable, o.Name(), err)
	case len(text) > maxDocument:
		return flagd.Revision{}, fmt.Errorf("%w: %s is larger than %d bytes", flag.ErrInvalid, o.Name(), maxDocument)
	case aws.ToString(out.ETag) == "":
		return flagd.Revision{}, fmt.Errorf("%w: %s came without an ETag", flag.ErrUnavailable, o.Name())
	}
	return flagd.Revision{Text: text, Modified: aws.ToTime(out.LastModified), Mark: *out.ETag}, nil
}

func (o *object) get(ctx context.Context) (*s3.GetObjectOutput, error) {
	out, err := o.client.GetObject(ctx, &s3.GetObjectInput{Bucket: &o.bucket, Key: &o.key})
	if status(err) == http.StatusNotFound { // of the document, not of one flag
		return nil, fmt.Errorf("%w: there is no %s", flag.ErrUnavailable, o.Name())
	}
	if err != nil {
		return nil, fmt.Errorf("get %s: %w", o.Name(), flagapi.FromAWS(err))
	}
	return out, nil
}

// Replace puts the document where it still has the ETag that was read. How the object is served and
// encrypted stays as it is; its tags, which would take rights of their own, do not.
func (o *object) Replace(ctx context.Context, was flagd.Revision, next []byte) error {
	ctx, cancel := context.WithTimeout(ctx, o.timeout)
	defer cancel()
	now, err := o.client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &o.bucket, Key: &o.key, IfMatch: &was.Mark})
	if moved(err) {
		return flagd.ErrMoved
	}
	if err != nil {
		return fmt.Errorf("look at %s: %w", o.Name(), flagapi.FromAWS(err))
	}
	_, err = o.client.PutObject(ctx, &s3.PutObjectInput{
		Bucket: &o.bucket, Key: &o.key, Body: bytes.NewReader(next), IfMatch: &was.Mark,
		ContentType: now.ContentType, CacheControl: now.CacheControl, Metadata: now.Metadata,
		ServerSideEncryption: now.ServerSideEncryption, SSEKMSKeyId: now.SSEKMSKeyId,
		BucketKeyEnabled: now.BucketKeyEnabled,
	})
	if moved(err) {
		return flagd.ErrMoved
	}
	if err != nil {
		return fmt.Errorf("put %s: %w", o.Name(), flagapi.FromAWS(err))
	}
	return nil
}

// moved tells whether S3 refused because the object is not what it was: another ETag, gone, or
// being written at this moment.
func moved(err error) bool {
	switch status(err) {
	case http.StatusPreconditionFailed, http.StatusNotFound, http.StatusConflict:
		return true
	}
	return false
}

func status(err error) int {
	var response *smithyhttp.ResponseError
	if !errors.As(err, &response) {
		return 0
	}
	return response.HTTPStatusCode()
}
