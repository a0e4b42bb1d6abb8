package faulty

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
)

// AccessKey is the ID of the key that AWS signs with; its secret is s3cret.
const AccessKey = "AKIATEST"

// AWS configures the AWS SDK to call a fake at url, and to try again without waiting.
func AWS(url string) aws.Config {
	return aws.Config{
		Region: "eu-west-1", BaseEndpoint: &url,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: AccessKey, SecretAccessKey: "s3cret"}, nil
		}),
		Retryer: func() aws.Retryer {
			return retry.NewStandard(func(o *retry.StandardOptions) { o.Backoff = atOnce{} })
		},
	}
}

// atOnce is a backoff that does not wait.
type atOnce struct{}

// BackoffDelay implements retry.BackoffDelayer.
func (atOnce) BackoffDelay(int, error) (time.Duration, error) { return 0, nil }
