package live

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/cinegit/guardian/internal/policy"
	"github.com/cinegit/guardian/internal/s3address"
)

// earlier is how many earlier versions of the policy are looked at for one that can be taken.
const earlier = 20

// object is guardian.yaml in a versioned bucket.
type object struct {
	client      *s3.Client
	address     string
	bucket, key string
}

func newObject(cfg aws.Config, address string) (object, error) {
	bucket, key, err := s3address.Parse(address)
	if err != nil {
		return object{}, fmt.Errorf("policy: %w", err)
	}
	client := s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = o.BaseEndpoint != nil })
	return object{client: client, address: address, bucket: bucket, key: key}, nil
}

// version is one version of the policy's text.
type version struct {
	text []byte
	etag string
	id   string
}

// errUnchanged means that the object is what was read last.
var errUnchanged = errors.New("unchanged")

// read gives the object as it is now; errUnchanged if it still has the ETag.
func (o object) read(ctx context.Context, etag string) (version, error) {
	in := &s3.GetObjectInput{Bucket: &o.bucket, Key: &o.key}
	if etag != "" {
		in.IfNoneMatch = &etag
	}
	return o.get(ctx, in)
}

func (o object) get(ctx context.Context, in *s3.GetObjectInput) (version, error) {
	out, err := o.client.GetObject(ctx, in)
	var answered *awshttp.ResponseError
	if errors.As(err, &answered) && answered.HTTPStatusCode() == http.StatusNotModified {
		return version{}, errUnchanged
	}
	if err != nil {
		return version{}, fmt.Errorf("read policy %s: %w", o.address, err)
	}
	defer func() { _ = out.Body.Close() }() // it was only read
	text, err := io.ReadAll(io.LimitReader(out.Body, policy.MaxSize+1))
	if err != nil {
		return version{}, fmt.Errorf("read policy %s: %w", o.address, err)
	}
	return version{text: text, etag: aws.ToString(out.ETag), id: aws.ToString(out.VersionId)}, nil
}

// before gives the versions before the latest, newest first, until visit is satisfied with one.
func (o object) before(ctx context.Context, latest string, visit func(version) bool) error {
	list, err := o.client.ListObjectVersions(ctx, &s3.ListObjectVersionsInput{
		Bucket: &o.bucket, Prefix: &o.key, MaxKeys: aws.Int32(earlier),
	})
	if err != nil {
		return fmt.Errorf("earlier versions of policy %s: %w", o.address, err)
	}
	for _, one := range list.Versions {
		if aws.ToString(one.Key) != o.key || aws.ToString(one.VersionId) == latest {
			continue
		}
		v, err := o.get(ctx, &s3.GetObjectInput{Bucket: &o.bucket, Key: &o.key, VersionId: one.VersionId})
		if err != nil {
			return err
		}
		if visit(v) {
			return nil
		}
	}
	return fmt.Errorf("no earlier version of policy %s can be taken either", o.address)
}
