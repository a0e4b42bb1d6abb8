package cloud

import (
	"encoding/json"
	"fmt"
	"net/http"
	"path"
	"strings"
	"time"

	"github.com/cinegit/guardian/internal/e2e/aws/runtimeapi"
)

// Call is one request to AWS.
type Call struct {
	Caller    string // access key
	Service   string
	Operation string
	Needs     []Need // the rights that it takes
	Denied    bool
	Took      time.Duration // until it was answered
}

// Need is one right: an action of IAM on a resource.
type Need struct{ Action, Resource string }

// request has the fields of all requests by which the resource is known.
type request struct {
	TableName, StreamArn string
	SecretID             string `json:"SecretId"`
	QueueURL             string `json:"QueueUrl"`
	StateMachineArn      string `json:"stateMachineArn"`
	ExecutionArn         string `json:"executionArn"`
	TransactItems        []map[string]struct{ TableName string }
	Entries              []struct{ EventBusName string }
}

func readCall(r *http.Request, body []byte) (Call, error) {
	key, service := caller(r)
	call := Call{Caller: key, Service: service}
	switch service {
	case s3:
		return call.ofS3(r), nil
	case lambda:
		// /2015-03-31/functions/NAME/invocations
		parts := strings.Split(r.URL.Path, "/")
		if len(parts) != 5 || parts[4] != "invocations" {
			return call, fmt.Errorf("lambda: %s %s is not served here", r.Method, r.URL.Path)
		}
		name := parts[3]
		if !strings.HasPrefix(name, "arn:") {
			name = runtimeapi.ARN(name)
		}
		return call.needing("Invoke", Need{"lambda:InvokeFunction", name}), nil
	case sns:
		return call.needing("sns"), nil // of the tests only
	case dynamoDB, sqs, secrets, events, states:
	default:
		return call, fmt.Errorf("service %q is not served here", service)
	}
	_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	var in request
	if err := json.Unmarshal(body, &in); err != nil {
		return call, fmt.Errorf("%s:%s: %w", service, operation, err)
	}
	return call.needing(operation, in.needs(service, operation)...), nil
}

func (c Call) needing(operation string, needs ...Need) Call {
	c.Operation, c.Needs = operation, needs
	return c
}

func (c Call) ofS3(r *http.Request) Call {
	bucket, key, hasKey := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	query := r.URL.Query()
	if !hasKey || key == "" {
		action := "s3:ListBucket"
		if query.Has("versions") {
			action = "s3:ListBucketVersions"
		}
		return c.needing("Bucket"+r.Method, Need{action, "arn:aws:s3:::" + bucket})
	}
	operation := map[string]string{http.MethodGet: "GetObject", http.MethodHead: "GetObject", http.MethodPut: "PutObject", http.MethodDelete: "DeleteObject"}[r.Method]
	if operation == "GetObject" && query.Has("versionId") {
		operation = "GetObjectVersion"
	}
	return c.needing(operation, Need{"s3:" + operation, "arn:aws:s3:::" + bucket + "/" + key})
}

// needs are the actions that IAM asks for, which are not always called as the operation is.
// https://docs.aws.amazon.com/service-authorization/latest/reference/reference.html
func (in request) needs(service, operation string) []Need {
	action := service + ":" + operation
	switch service {
	case dynamoDB:
		return in.ofTable(action, operation)
	case sqs:
		return []Need{{strings.TrimSuffix(action, "Batch"), arn(sqs, path.Base(in.QueueURL))}}
	case secrets:
		if !strings.HasPrefix(in.SecretID, "arn:") {
			in.SecretID = arn(secrets, "secret:"+in.SecretID+"-AbCdEf")
		}
		return []Need{{action, in.SecretID}}
	case events:
		var out []Need
		for _, e := range in.Entries {
			if !strings.HasPrefix(e.EventBusName, "arn:") {
				e.EventBusName = arn(events, "event-bus/"+e.EventBusName)
			}
			out = append(out, Need{action, e.EventBusName})
		}
		return out
	}
	if in.ExecutionArn != "" {
		return []Need{{action, in.ExecutionArn}}
	}
	return []Need{{action, in.StateMachineArn}} // empty where a token says which
}

func (in request) ofTable(action, operation string) []Need {
	table := func(name string) string {
		if strings.HasPrefix(name, "arn:") {
			return name
		}
		return arn(dynamoDB, "table/"+name)
	}
	switch operation {
	case "TransactWriteItems":
		var out []Need
		for _, item := range in.TransactItems {
			for kind, of := range item { // Put, Update, Delete or ConditionCheck
				if kind == "ConditionCheck" {
					out = append(out, Need{"dynamodb:ConditionCheckItem", table(of.TableName)})
					continue
				}
				out = append(out, Need{"dynamodb:" + kind + "Item", table(of.TableName)})
			}
		}
		return out
	case "DescribeStream", "GetShardIterator":
		// A template cannot know the time with which the ARN of a stream ends.
		of, _, _ := strings.Cut(in.StreamArn, "/stream/")
		return []Need{{action, of + "/stream/latest"}}
	case "ListStreams":
		return []Need{{action, table(in.TableName) + "/stream/latest"}}
	case "GetRecords": // its iterator is of a stream that was asked for before
		return []Need{{action, ""}}
	}
	return []Need{{action, table(in.TableName)}}
}

func arn(service, resource string) string {
	return "arn:aws:" + service + ":" + runtimeapi.Region + ":" + runtimeapi.Account + ":" + resource
}
