package lambdakit

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// awsConfig is how AWS is reached from inside Lambda, which gives region and credentials in the environment
// and ends an instance before they end
// (https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html). The SDK's own loading would
// also look for files, profiles and other sources of credentials; none is there, and what it links costs
// each start milliseconds. AWS_ENDPOINT_URL names another AWS, as elsewhere.
func awsConfig(lookup func(string) (string, bool)) (aws.Config, error) {
	get := func(name string) string { value, _ := lookup(name); return value }
	cfg := aws.Config{
		Region: get("AWS_REGION"),
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{
				AccessKeyID: get("AWS_ACCESS_KEY_ID"), SecretAccessKey: get("AWS_SECRET_ACCESS_KEY"),
				SessionToken: get("AWS_SESSION_TOKEN"), Source: "Lambda",
			}, nil
		}),
	}
	if cfg.Region == "" {
		return aws.Config{}, errors.New("environment: AWS_REGION is missing, which Lambda sets")
	}
	if url := get("AWS_ENDPOINT_URL"); url != "" {
		cfg.BaseEndpoint = &url
	}
	return cfg, nil
}
