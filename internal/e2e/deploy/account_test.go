//go:build e2e

package deploy_test

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	dynamotypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/cinegit/guardian/internal/adapter/dynamoledger"
	"github.com/cinegit/guardian/internal/e2e/aws/emulator"
	"github.com/cinegit/guardian/internal/e2e/aws/template"
)

const (
	stackName    = "guardian"
	ledgerTable  = "guardian-ledger"
	policyBucket = "guardian-policy-" + template.Account + "-" + template.Region
)

// account tells what stands in moto.
type account struct {
	t       *testing.T
	address string
	lambda  *lambda.Client
	objects *s3.Client
	items   *dynamodb.Client
}

func newAccount(t *testing.T, moto *emulator.Server) *account {
	cfg := moto.Config()
	return &account{
		t: t, address: moto.URL, lambda: lambda.NewFromConfig(cfg),
		objects: s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true }), items: dynamodb.NewFromConfig(cfg),
	}
}

// call asks a service that speaks JSON; its name is that in a signature.
func call[T any](a *account, service, target string, in any) (out T) {
	a.t.Helper()
	body, err := json.Marshal(in)
	must(a.t, err)
	raw := a.post(service, target, "application/x-amz-json-1.0", string(body))
	must(a.t, json.Unmarshal(raw, &out))
	return out
}

func (a *account) post(service, target, kind, body string) []byte {
	a.t.Helper()
	r, err := http.NewRequestWithContext(a.t.Context(), http.MethodPost, a.address, strings.NewReader(body))
	must(a.t, err)
	r.Header.Set("Content-Type", kind)
	if target != "" {
		r.Header.Set("X-Amz-Target", target)
	}
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=AKIATEST/20261122/"+template.Region+"/"+service+"/aws4_request, SignedHeaders=host, Signature=0")
	res, err := http.DefaultClient.Do(r)
	must(a.t, err)
	defer func() { _ = res.Body.Close() }()
	raw, err := io.ReadAll(res.Body)
	must(a.t, err)
	if res.StatusCode != http.StatusOK {
		a.t.Fatalf("%s %s: %s: %s", service, target, res.Status, raw)
	}
	return raw
}

// stackAnswer is what CloudFormation tells of a stack.
type stackAnswer struct {
	IDs     []string `xml:"ListStackResourcesResult>StackResourceSummaries>member>LogicalResourceId"`
	Outputs []struct {
		OutputKey, OutputValue string
	} `xml:"DescribeStacksResult>Stacks>member>Outputs>member"`
}

func (a *account) stack(action string) (out stackAnswer) {
	a.t.Helper()
	raw := a.post("cloudformation", "", "application/x-www-form-urlencoded", url.Values{"Action": {action}, "StackName": {stackName}}.Encode())
	must(a.t, xml.Unmarshal(raw, &out))
	return out
}

func (a *account) resources() []string {
	out := slices.DeleteFunc(a.stack("ListStackResources").IDs, func(id string) bool { return id == "" }) // of a type that moto does not know
	slices.Sort(out)
	return out
}

func (a *account) outputs() map[string]string {
	out := map[string]string{}
	for _, o := range a.stack("DescribeStacks").Outputs {
		out[o.OutputKey] = o.OutputValue
	}
	return out
}

func (a *account) functions() map[string]function {
	a.t.Helper()
	all, err := a.lambda.ListFunctions(a.t.Context(), &lambda.ListFunctionsInput{})
	must(a.t, err)
	out := map[string]function{}
	for _, c := range all.Functions {
		name := c.FunctionName
		f := function{Variables: c.Environment.Variables, Memory: int(aws.ToInt32(c.MemorySize)), Timeout: int(aws.ToInt32(c.Timeout))}
		f.Role, _, _ = strings.Cut(last(aws.ToString(c.Role)), "-role-")
		f.Role = strings.TrimRight(f.Role[:strings.LastIndex(f.Role, "-")], "-")
		reserved, err := a.lambda.GetFunctionConcurrency(a.t.Context(), &lambda.GetFunctionConcurrencyInput{FunctionName: name})
		must(a.t, err)
		f.Reserved = int(aws.ToInt32(reserved.ReservedConcurrentExecutions))
		// An error is the answer where nothing was configured.
		if invoke, err := a.lambda.GetFunctionEventInvokeConfig(a.t.Context(), &lambda.GetFunctionEventInvokeConfigInput{FunctionName: name}); err == nil {
			f.Retries = int(aws.ToInt32(invoke.MaximumRetryAttempts))
			if invoke.DestinationConfig != nil && invoke.DestinationConfig.OnFailure != nil {
				f.OnFailure = aws.ToString(invoke.DestinationConfig.OnFailure.Destination)
			}
		}
		if policy, err := a.lambda.GetPolicy(a.t.Context(), &lambda.GetPolicyInput{FunctionName: name}); err == nil {
			f.Invoked = strings.Count(aws.ToString(policy.Policy), `"Sid"`)
		}
		out[*name] = f
	}
	return out
}

func (a *account) url(function string) string {
	out, err := a.lambda.GetFunctionUrlConfig(a.t.Context(), &lambda.GetFunctionUrlConfigInput{FunctionName: &function})
	must(a.t, err)
	return aws.ToString(out.FunctionUrl)
}

func (a *account) sources() []source {
	all, err := a.lambda.ListEventSourceMappings(a.t.Context(), &lambda.ListEventSourceMappingsInput{})
	must(a.t, err)
	var out []source
	for _, m := range all.EventSourceMappings {
		s := source{From: aws.ToString(m.EventSourceArn), To: last(aws.ToString(m.FunctionArn)), Batch: int(aws.ToInt32(m.BatchSize))}
		if m.ScalingConfig != nil {
			s.AtMax = int(aws.ToInt32(m.ScalingConfig.MaximumConcurrency))
		}
		for _, answer := range m.FunctionResponseTypes {
			s.Answers += string(answer)
		}
		if m.FilterCriteria != nil {
			for _, f := range m.FilterCriteria.Filters {
				s.Filters += aws.ToString(f.Pattern)
			}
		}
		out = append(out, s)
	}
	slices.SortFunc(out, func(a, b source) int { return strings.Compare(a.From, b.From) })
	return out
}

// queues gives of each queue what is asked for.
func (a *account) queues(asked map[string]map[string]string) map[string]map[string]string {
	a.t.Helper()
	out := map[string]map[string]string{}
	for _, url := range call[struct{ QueueUrls []string }](a, "sqs", "AmazonSQS.ListQueues", map[string]any{}).QueueUrls {
		name := last(url)
		all := call[struct{ Attributes map[string]string }](a, "sqs", "AmazonSQS.GetQueueAttributes", map[string]any{"QueueUrl": url, "AttributeNames": []string{"All"}}).Attributes
		q := map[string]string{}
		for _, attribute := range attributes() {
			if _, is := asked[name][attribute]; is {
				q[attribute] = all[attribute]
			}
		}
		if all["Policy"] != "" {
			q["policy"] = "yes"
		}
		if all["RedrivePolicy"] != "" {
			var redrive struct {
				DeadLetterTargetArn string
				MaxReceiveCount     int
			}
			must(a.t, json.Unmarshal([]byte(all["RedrivePolicy"]), &redrive))
			q["redrive"] = fmt.Sprintf("%s after %d", redrive.DeadLetterTargetArn, redrive.MaxReceiveCount)
		}
		out[name] = q
	}
	return out
}

func (a *account) stream() string {
	out, err := a.items.DescribeTable(a.t.Context(), &dynamodb.DescribeTableInput{TableName: aws.String(ledgerTable)})
	must(a.t, err)
	return aws.ToString(out.Table.LatestStreamArn)
}

func (a *account) table() table {
	a.t.Helper()
	made, err := a.items.DescribeTable(a.t.Context(), &dynamodb.DescribeTableInput{TableName: aws.String(ledgerTable)})
	must(a.t, err)
	ttl, err := a.items.DescribeTimeToLive(a.t.Context(), &dynamodb.DescribeTimeToLiveInput{TableName: aws.String(ledgerTable)})
	must(a.t, err)
	out := table{
		Billing: string(made.Table.BillingModeSummary.BillingMode), Stream: string(made.Table.StreamSpecification.StreamViewType),
		TTL: aws.ToString(ttl.TimeToLiveDescription.AttributeName), Protected: aws.ToBool(made.Table.DeletionProtectionEnabled),
	}
	for _, key := range made.Table.KeySchema {
		out.Keys += fmt.Sprint(key.KeyType, " ", aws.ToString(key.AttributeName), ";")
	}
	return out
}

// write puts what must not be lost into the ledger and the policy's bucket, and read gives it back.
func (a *account) write(item, policy string) {
	a.t.Helper()
	_, err := a.items.PutItem(a.t.Context(), &dynamodb.PutItemInput{TableName: aws.String(ledgerTable), Item: map[string]dynamotypes.AttributeValue{
		dynamoledger.PartitionKey: text("e2e"), dynamoledger.SortKey: text("e2e"), "value": text(item),
	}})
	must(a.t, err)
	_, err = a.objects.PutObject(a.t.Context(), &s3.PutObjectInput{Bucket: aws.String(policyBucket), Key: aws.String("guardian.yaml"), Body: strings.NewReader(policy)})
	must(a.t, err)
}

func (a *account) read() (item, policy string) {
	a.t.Helper()
	got, err := a.items.GetItem(a.t.Context(), &dynamodb.GetItemInput{TableName: aws.String(ledgerTable), Key: map[string]dynamotypes.AttributeValue{
		dynamoledger.PartitionKey: text("e2e"), dynamoledger.SortKey: text("e2e"),
	}})
	must(a.t, err)
	if value, ok := got.Item["value"].(*dynamotypes.AttributeValueMemberS); ok {
		item = value.Value
	}
	object, err := a.objects.GetObject(a.t.Context(), &s3.GetObjectInput{Bucket: aws.String(policyBucket), Key: aws.String("guardian.yaml")})
	must(a.t, err)
	raw, err := io.ReadAll(object.Body)
	must(a.t, err)
	return item, string(raw)
}

func text(s string) dynamotypes.AttributeValue { return &dynamotypes.AttributeValueMemberS{Value: s} }
