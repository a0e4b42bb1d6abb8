// Package s3address reads the addresses of objects in S3, as s3://bucket/key.
package s3address

import (
	"fmt"
	"strings"
)

// Parse gives bucket and key of an address.
func Parse(address string) (bucket, key string, err error) {
	rest, ok := strings.CutPrefix(address, "s3://")
	bucket, key, _ = strings.Cut(rest, "/")
	if !ok || bucket == "" || key == "" || strings.HasSuffix(key, "/") {
		return "", "", fmt.Errorf("%q is not the address of an object in S3: write s3://bucket/key", address)
	}
	return bucket, key, nil
}
