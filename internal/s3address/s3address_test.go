package s3address_test

import (
	"testing"

	"github.com/cinegit/guardian/internal/s3address"
)

func TestAnAddressHasABucketAndAKey(t *testing.T) {
	bucket, key, err := s3address.Parse("s3://policies/guardian/guardian.yaml")
	if err != nil || bucket != "policies" || key != "guardian/guardian.yaml" {
		t.Errorf("%q, %q, %v", bucket, key, err)
	}
	for _, address := range []string{"", "s3://", "s3://bucket", "s3://bucket/", "s3:///key", "s3://bucket/folder/", "https://bucket/key", "bucket/key"} {
		if _, _, err := s3address.Parse(address); err == nil {
			t.Errorf("%q is taken", address)
		}
	}
}
