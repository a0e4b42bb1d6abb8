package cloud

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestARoleAllowsWhatAStatementNamesAndNothingElse(t *testing.T) {
	var policies any
	if err := json.Unmarshal([]byte(`[{"PolicyName": "rights", "PolicyDocument": {"Statement": [
		{"Effect": "Allow", "Action": ["sqs:SendMessage", "sqs:Get*"], "Resource": "arn:aws:sqs:eu-west-1:123456789012:intake"},
		{"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": ["arn:aws:secretsmanager:eu-west-1:123456789012:secret:hook-??????"]},
		{"Effect": "Allow", "Action": "s3:*", "Resource": "*"},
		{"Effect": "Deny", "Action": "s3:DeleteObject", "Resource": "*"},
		{"Effect": "Allow", "Action": "kms:Decrypt", "Resource": "*", "Condition": {"StringEquals": {"kms:ViaService": "s3"}}}
	]}}]`), &policies); err != nil {
		t.Fatal(err)
	}
	role, err := ParseRole(policies)
	if err != nil {
		t.Fatal(err)
	}
	for need, want := range map[Need]bool{
		{"sqs:SendMessage", arn(sqs, "intake")}:                               true,
		{"sqs:GetQueueAttributes", arn(sqs, "intake")}:                        true,
		{"sqs:SendMessage", arn(sqs, "intake-dead")}:                          false,
		{"sqs:DeleteMessage", arn(sqs, "intake")}:                             false,
		{"secretsmanager:GetSecretValue", arn(secrets, "secret:hook-AbCdEf")}: true,
		{"secretsmanager:GetSecretValue", arn(secrets, "secret:hooked-AbCd")}: false,
		{"s3:GetObject", "arn:aws:s3:::b/k"}:                                  true,
		{"s3:DeleteObject", "arn:aws:s3:::b/k"}:                               false,
		{"kms:Decrypt", arn("kms", "key/1")}:                                  false, // nobody knows whether the condition holds
		{"states:SendTaskSuccess", ""}:                                        false,
	} {
		if got := role.allows(need); got != want {
			t.Errorf("%s on %q: %t, want %t", need.Action, need.Resource, got, want)
		}
	}
}

func TestACallNeedsTheRightsThatIAMAsksFor(t *testing.T) {
	for name, tt := range map[string]struct {
		service, method, at, target, body string
		want                              []Need
	}{
		"a transaction": {dynamoDB, http.MethodPost, "/", "DynamoDB_20120810.TransactWriteItems", `{"TransactItems": [{"Update": {"TableName": "t"}}, {"ConditionCheck": {"TableName": "t"}}]}`,
			[]Need{{"dynamodb:UpdateItem", arn(dynamoDB, "table/t")}, {"dynamodb:ConditionCheckItem", arn(dynamoDB, "table/t")}}},
		"a batch of messages": {sqs, http.MethodPost, "/", "AmazonSQS.SendMessageBatch", `{"QueueUrl": "https://sqs.eu-west-1.amazonaws.com/123456789012/intake.fifo", "Entries": [{"Id": "1"}]}`,
			[]Need{{"sqs:SendMessage", arn(sqs, "intake.fifo")}}},
		"a secret by its name":     {secrets, http.MethodPost, "/", "secretsmanager.GetSecretValue", `{"SecretId": "hook"}`, []Need{{"secretsmanager:GetSecretValue", arn(secrets, "secret:hook-AbCdEf")}}},
		"an object":                {s3, http.MethodGet, "/b/prod/guardian.yaml", "", "", []Need{{"s3:GetObject", "arn:aws:s3:::b/prod/guardian.yaml"}}},
		"a version of it":          {s3, http.MethodGet, "/b/k?versionId=7", "", "", []Need{{"s3:GetObjectVersion", "arn:aws:s3:::b/k"}}},
		"its versions":             {s3, http.MethodGet, "/b?versions", "", "", []Need{{"s3:ListBucketVersions", "arn:aws:s3:::b"}}},
		"a function by its name":   {lambda, http.MethodPost, "/2015-03-31/functions/judge/invocations", "", "{}", []Need{{"lambda:InvokeFunction", arn(lambda, "function:judge")}}},
		"an event":                 {events, http.MethodPost, "/", "AWSEvents.PutEvents", `{"Entries": [{"EventBusName": "outcomes"}]}`, []Need{{"events:PutEvents", arn(events, "event-bus/outcomes")}}},
		"an answer to a person":    {states, http.MethodPost, "/", "AWSStepFunctions.SendTaskSuccess", `{"taskToken": "x"}`, []Need{{"states:SendTaskSuccess", ""}}},
		"the start of a machine":   {states, http.MethodPost, "/", "AWSStepFunctions.StartExecution", `{"stateMachineArn": "arn:m"}`, []Need{{"states:StartExecution", "arn:m"}}},
		"a stream that has a time": {dynamoDB, http.MethodPost, "/", "DynamoDBStreams_20120810.DescribeStream", `{"StreamArn": "` + arn(dynamoDB, "table/t/stream/2026-11-22") + `"}`, []Need{{"dynamodb:DescribeStream", arn(dynamoDB, "table/t/stream/latest")}}},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := http.NewRequestWithContext(t.Context(), tt.method, "http://127.0.0.1"+tt.at, strings.NewReader(tt.body))
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Authorization", authorization("ASIAJUDGE", tt.service))
			r.Header.Set("X-Amz-Target", tt.target)
			call, err := readCall(r, []byte(tt.body))
			if err != nil || call.Caller != "ASIAJUDGE" {
				t.Fatalf("call of %s: %v", call.Caller, err)
			}
			if diff := cmp.Diff(tt.want, call.Needs); diff != "" {
				t.Error(diff)
			}
		})
	}
}
