//go:build e2e

package aws_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/cinegit/guardian/internal/e2e/aws/template"
)

const flagBucket, flagKey = "guardian-e2e-flags", "flags.json"

const flagDocument = `{"flags": {"timeline-merge": {"state": "ENABLED", "variants": {"on": true, "off": false}, "defaultVariant": "%s"}}}`

// deploy makes in moto what of the template keeps data, beside what a person makes before: secrets, policy
// and flags.
func (w *world) deploy() {
	w.deployTable()
	w.deployQueues()
	w.deployTopics()
	w.deployBus()
	for name, value := range secretsOfStack(w.argo.token()) {
		must(w.t, w.admin.Call(w.t.Context(), "secretsmanager.CreateSecret", map[string]string{"Name": name, "SecretString": value}, nil))
	}
	for _, r := range w.of("AWS::S3::Bucket") {
		w.bucket(r.Text("BucketName"), r.Text("VersioningConfiguration", "Status"))
	}
	w.bucket(flagBucket, "Enabled")
	w.flip("off")
	w.putPolicy(w.policy(w.set.mode))
}

func (w *world) deployTable() {
	for _, r := range w.of("AWS::DynamoDB::Table") {
		stream := r.Map("StreamSpecification")
		if stream != nil {
			stream["StreamEnabled"] = true
		}
		must(w.t, w.admin.Call(w.t.Context(), "DynamoDB_20120810.CreateTable", map[string]any{
			"TableName": r.Text("TableName"), "BillingMode": r.Text("BillingMode"), "KeySchema": r.List("KeySchema"),
			"AttributeDefinitions": r.List("AttributeDefinitions"), "StreamSpecification": stream,
		}, nil))
		ttl := r.Map("TimeToLiveSpecification")
		must(w.t, w.admin.Call(w.t.Context(), "DynamoDB_20120810.UpdateTimeToLive", map[string]any{
			"TableName": r.Text("TableName"), "TimeToLiveSpecification": ttl,
		}, nil))
		var made struct {
			Table struct{ LatestStreamArn string }
		}
		must(w.t, w.admin.Call(w.t.Context(), "DynamoDB_20120810.DescribeTable", map[string]string{"TableName": r.Text("TableName")}, &made))
		w.streams[template.StreamARN(r.Text("TableName"))] = made.Table.LatestStreamArn
	}
}

// retryAfter is the visibility timeout of the tests, in seconds: the template's is longer than they last.
const retryAfter = "2"

func (w *world) deployQueues() {
	queues := w.of("AWS::SQS::Queue")
	for _, withRedrive := range []bool{false, true} { // the dead letters' first
		for _, r := range queues {
			if (r.Value("RedrivePolicy") != nil) == withRedrive {
				w.deployQueue(r)
			}
		}
	}
}

func (w *world) deployQueue(r template.Resource) {
	attributes := map[string]string{}
	for _, name := range []string{"MessageRetentionPeriod", "DeduplicationScope", "FifoThroughputLimit", "ContentBasedDeduplication", "FifoQueue"} {
		if v := r.Value(name); v != nil {
			raw, err := json.Marshal(v) // of a number or a boolean, as an attribute is written
			must(w.t, err)
			attributes[name] = strings.Trim(string(raw), `"`)
		}
	}
	if redrive := r.Value("RedrivePolicy"); redrive != nil {
		raw, err := json.Marshal(redrive)
		must(w.t, err)
		attributes["RedrivePolicy"], attributes["VisibilityTimeout"] = string(raw), retryAfter
	}
	must(w.t, w.admin.Call(w.t.Context(), "AmazonSQS.CreateQueue", map[string]any{"QueueName": r.Text("QueueName"), "Attributes": attributes}, nil))
}

func (w *world) deployTopics() {
	for _, r := range w.of("AWS::SNS::Topic") {
		w.sns(url.Values{"Action": {"CreateTopic"}, "Name": {r.Text("TopicName")}})
	}
}

// sns calls SNS, which speaks no JSON.
func (w *world) sns(in url.Values) {
	w.t.Helper()
	must(w.t, w.admin.Form(w.t.Context(), "sns", in))
}

func (w *world) bucket(name, versioning string) {
	_, err := w.objects.CreateBucket(w.t.Context(), &s3.CreateBucketInput{Bucket: &name,
		CreateBucketConfiguration: &s3types.CreateBucketConfiguration{LocationConstraint: template.Region}})
	must(w.t, err)
	_, err = w.objects.PutBucketVersioning(w.t.Context(), &s3.PutBucketVersioningInput{Bucket: &name,
		VersioningConfiguration: &s3types.VersioningConfiguration{Status: s3types.BucketVersioningStatus(versioning)}})
	must(w.t, err)
}

// policy is the world's policy in a mode.
func (w *world) policy(mode string) string {
	text := policyOf(w.argo.connection(), w.promURL, mode)
	if w.set.policy != nil {
		text = w.set.policy(text)
	}
	return text
}

// putPolicy uploads a policy where the functions look for it.
func (w *world) putPolicy(text string) {
	w.t.Helper()
	address := strings.TrimPrefix(w.function("decide").Text("Environment", "Variables", "GUARDIAN_POLICY"), "s3://")
	bucket, key, _ := strings.Cut(address, "/")
	_, err := w.objects.PutObject(w.t.Context(), &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: strings.NewReader(text)})
	must(w.t, err)
}

// flip puts the flag of review to a variant.
func (w *world) flip(variant string) {
	w.t.Helper()
	_, err := w.objects.PutObject(w.t.Context(), &s3.PutObjectInput{
		Bucket: aws.String(flagBucket), Key: aws.String(flagKey), Body: strings.NewReader(fmt.Sprintf(flagDocument, variant)),
	})
	must(w.t, err)
}
