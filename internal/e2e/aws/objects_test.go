//go:build e2e

package aws_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/cinegit/guardian/internal/adapter/objects"
	"github.com/cinegit/guardian/internal/e2e/aws/emulator"
)

// TestPolicyObjectOnMoto replaces, deletes and restores an object in a bucket with versions.
func TestPolicyObjectOnMoto(t *testing.T) {
	cfg := started(t, emulator.Moto).Config()
	client := s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true })
	bucket, key := aws.String("guardian-policy"), aws.String("prod/guardian.yaml")
	_, err := client.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: bucket,
		CreateBucketConfiguration: &types.CreateBucketConfiguration{LocationConstraint: types.BucketLocationConstraintEuWest1}})
	must(t, err)
	_, err = client.PutBucketVersioning(t.Context(), &s3.PutBucketVersioningInput{Bucket: bucket,
		VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatusEnabled}})
	must(t, err)
	o, err := objects.New(cfg, "s3://guardian-policy/prod/guardian.yaml", 1<<20)
	must(t, err)
	if _, _, err := o.Read(t.Context(), objects.Revision{}); !errors.Is(err, objects.ErrMissing) {
		t.Errorf("before it is there: %v", err)
	}

	var before objects.Revision
	for _, content := range []string{"mode: act", "mode: observe"} {
		_, err := client.PutObject(t.Context(), &s3.PutObjectInput{Bucket: bucket, Key: key, Body: strings.NewReader(content)})
		must(t, err)
		now, changed, err := o.Read(t.Context(), before)
		must(t, err)
		if !changed || string(now.Content) != content || now.VersionID == "" || now.VersionID == before.VersionID {
			t.Errorf("after a put: %q in version %q, changed %t", now.Content, now.VersionID, changed)
		}
		if _, changed, err := o.Read(t.Context(), now); err != nil || changed {
			t.Errorf("unchanged: changed %t, %v", changed, err)
		}
		before = now
	}

	gone, err := client.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: bucket, Key: key})
	must(t, err)
	if _, _, err := o.Read(t.Context(), before); !errors.Is(err, objects.ErrMissing) {
		t.Errorf("deleted: %v", err)
	}
	_, err = client.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: bucket, Key: key, VersionId: gone.VersionId})
	must(t, err)
	if _, changed, err := o.Read(t.Context(), before); err != nil || changed {
		t.Errorf("the delete marker taken away: changed %t, %v", changed, err)
	}
}
