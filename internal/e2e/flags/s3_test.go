//go:build e2e

package flags_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/cinegit/guardian/internal/adapter/flagds3"
	"github.com/cinegit/guardian/internal/e2e/aws/emulator"
	"github.com/cinegit/guardian/internal/flag"
	"github.com/cinegit/guardian/internal/flag/flagtest"
	"github.com/cinegit/guardian/internal/s3address"
)

func TestS3OnMoto(t *testing.T) {
	moto, err := emulator.Moto(t.Context(), t.TempDir())
	must(t, err)
	t.Cleanup(moto.Close)
	client := s3.NewFromConfig(moto.Config(), func(o *s3.Options) { o.UsePathStyle = true })
	_, err = client.CreateBucket(t.Context(), &s3.CreateBucketInput{
		Bucket:                    aws.String("flags"),
		CreateBucketConfiguration: &types.CreateBucketConfiguration{LocationConstraint: types.BucketLocationConstraintEuWest1},
	})
	must(t, err)
	n := 0
	put := func(t *testing.T, text string) (address string) {
		n++
		key := fmt.Sprintf("team/%d.json", n)
		_, err := client.PutObject(t.Context(), &s3.PutObjectInput{
			Bucket: aws.String("flags"), Key: &key, Body: strings.NewReader(text),
			ContentType: aws.String("application/json"), Metadata: map[string]string{"owner": "sre"},
		})
		must(t, err)
		return "s3://flags/" + key
	}
	t.Run("keeps the contract", func(t *testing.T) {
		flagtest.Run(t, func(t *testing.T, flags ...flagtest.Flag) flag.Store {
			store, err := flagds3.New(moto.Config(), put(t, flagtest.FlagdDocument(t, flags...)), time.Minute)
			must(t, err)
			return store
		})
	})
	t.Run("two Guardians lose nothing to each other", func(t *testing.T) {
		// Each has a store of its own, so that only S3 stands between them.
		address := put(t, flagtest.FlagdDocument(t, flagtest.Flag{Key: "a", Variants: []string{"off", "on"}, Serving: "on"}, flagtest.Flag{Key: "b", Variants: []string{"off", "on"}, Serving: "on"}))
		done := make(chan error)
		for _, key := range []string{"a", "b"} {
			go func() { done <- flip(t, moto.Config(), address, key) }()
		}
		must(t, errors.Join(<-done, <-done))
		_, key, err := s3address.Parse(address)
		must(t, err)
		head, err := client.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: aws.String("flags"), Key: &key})
		must(t, err)
		if aws.ToString(head.ContentType) != "application/json" || head.Metadata["owner"] != "sre" {
			t.Errorf("the object is served as %s, with %v", aws.ToString(head.ContentType), head.Metadata)
		}
	})
}

// flip kills a flag back and forth, and sees its last change stand.
func flip(t *testing.T, config aws.Config, address, key string) error {
	store, err := flagds3.New(config, address, time.Minute)
	if err != nil {
		return err
	}
	now, err := store.Flag(t.Context(), key)
	for i := 0; i < 10 && err == nil; i++ {
		now, err = store.Kill(t.Context(), now, []string{"off", "on"}[i%2])
	}
	if err == nil && !now.Safe("on") {
		err = fmt.Errorf("flag %s ends as %s", key, now.Words())
	}
	return err
}
