package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/jsii-runtime-go"

	"github.com/cinegit/guardian/internal/adapter/dynamoledger"
)

// newPolicyBucket keeps every version of the policy, so that a bad one is undone by copying the one before
// over it.
func (s *stack) newPolicyBucket() {
	s.bucket = s.newBucket("policy", &awss3.LifecycleRule{
		Id:                                  jsii.String("old-versions"),
		NoncurrentVersionExpiration:         days(3650),
		AbortIncompleteMultipartUploadAfter: days(7),
	})
	s.explain(s.bucket, "AwsSolutions-S1", "It holds one object without secrets. Who wrote it is in CloudTrail, what was written in its versions; access logs would only count the functions' reads.")
}

// recoverable is for how many days an object of evidence that was deleted or altered can be brought back: for
// as long as the table can be put back.
const recoverable = 35

// newEvidenceBucket keeps the ledger's values that are too large for its table, and for as long: package
// dynamoledger says why age may remove what expires, and nothing else.
func (s *stack) newEvidenceBucket() {
	s.evidence = s.newBucket("evidence",
		&awss3.LifecycleRule{
			Id: jsii.String("expired"), Prefix: jsii.String(dynamoledger.ExpiringPrefix),
			Expiration: days(dynamoledger.ExpiringDays), NoncurrentVersionExpiration: days(1),
		},
		// No write makes another version but of the same content.
		&awss3.LifecycleRule{
			Id: jsii.String("altered"), Prefix: jsii.String(dynamoledger.KeptPrefix),
			NoncurrentVersionExpiration: days(recoverable),
		},
		&awss3.LifecycleRule{Id: jsii.String("unfinished"), AbortIncompleteMultipartUploadAfter: days(7)})
	s.explain(s.evidence, "AwsSolutions-S1", "Only the functions read and write it, each object once by the record that points at it; who else does is in CloudTrail.")
}

// newBucket makes a bucket that outlives the stack. Its name is ours, so that a stack made anew takes it over.
func (s *stack) newBucket(name string, lifecycle ...*awss3.LifecycleRule) awss3.Bucket {
	return awss3.NewBucket(s.Stack, &name, &awss3.BucketProps{
		BucketName:        jsii.String(s.name(name+"-") + *s.Account() + "-" + *s.Region()),
		Versioned:         jsii.Bool(true),
		EnforceSSL:        jsii.Bool(true),
		BlockPublicAccess: awss3.BlockPublicAccess_BLOCK_ALL(),
		ObjectOwnership:   awss3.ObjectOwnership_BUCKET_OWNER_ENFORCED,
		Encryption:        pick(s.kms, awss3.BucketEncryption_KMS, awss3.BucketEncryption_S3_MANAGED),
		EncryptionKey:     s.key,
		BucketKeyEnabled:  when(s.kms, jsii.Bool(true)),
		RemovalPolicy:     awscdk.RemovalPolicy_RETAIN,
		LifecycleRules:    &lifecycle,
	})
}

func days(n float64) awscdk.Duration { return awscdk.Duration_Days(jsii.Number(n)) }
