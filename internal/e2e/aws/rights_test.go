//go:build e2e

package aws_test

import (
	"context"
	"net/http"
	"path"

	"github.com/cinegit/guardian/internal/e2e/aws/cloud"
	"github.com/cinegit/guardian/internal/e2e/aws/runtimeapi"
	"github.com/cinegit/guardian/internal/e2e/aws/sources"
	"github.com/cinegit/guardian/internal/e2e/aws/template"
)

// deployRights gives the roles of functions, and the policies of functions, queues and topics, what a template
// says, and nothing else.
func (w *world) deployRights(from *template.Template) {
	w.t.Helper()
	w.template = from
	policies := map[string]cloud.Policy{}
	for _, r := range w.of("AWS::Lambda::Permission") {
		statement, err := cloud.ParsePermission(r.Properties)
		must(w.t, err)
		function := r.Text("FunctionName")
		policies[function] = cloud.Policy{Statements: append(policies[function].Statements, statement)}
	}
	for _, r := range w.of("AWS::Lambda::Function") {
		w.gateway.Let(key(r.Text("FunctionName")), w.role(r.Text("Role")))
		arn := runtimeapi.ARN(r.Text("FunctionName"))
		w.gateway.Protect(arn, policies[arn])
	}
	for kind, guarded := range map[string]string{"AWS::SQS::QueuePolicy": "Queues", "AWS::SNS::TopicPolicy": "Topics"} {
		for _, r := range w.of(kind) {
			policy, err := cloud.ParsePolicy(r.Value("PolicyDocument"))
			must(w.t, err)
			for _, resource := range r.List(guarded) {
				arn := resource.(string)
				if kind == "AWS::SQS::QueuePolicy" { // which names queues by their URLs
					arn = "arn:aws:sqs:" + template.Region + ":" + template.Account + ":" + path.Base(arn)
				}
				w.gateway.Protect(arn, policy)
			}
		}
	}
}

// admitted invokes a function for a source that the function's policy admits.
func (w *world) admitted(s cloud.Source, function string) sources.Invoke {
	invoke := w.functions[function].Invoke
	return func(ctx context.Context, payload []byte) (runtimeapi.Result, error) {
		if err := w.gateway.Admit(s, runtimeapi.ARN(function), "lambda:InvokeFunction"); err != nil {
			return runtimeapi.Result{}, err
		}
		return invoke(ctx, payload)
	}
}

// signer admits requests to a Function URL of the template that is in force.
func (w *world) signer(url string) func(*http.Request) (string, error) {
	return func(r *http.Request) (string, error) {
		of, err := w.template.Resource(url)
		if err != nil {
			return "", err
		}
		return w.gateway.AdmitURL(r, of.Text("TargetFunctionArn"), of.Text("AuthType"))
	}
}

// aside puts what a source may not deliver into the queue that is there for it, if that lets it.
func (w *world) aside(s cloud.Source, queue string) func(context.Context, []byte) error {
	return func(ctx context.Context, body []byte) error {
		if err := w.gateway.Admit(s, queue, "sqs:SendMessage"); err != nil {
			return err
		}
		return w.admin.Call(ctx, "AmazonSQS.SendMessage", map[string]string{"QueueUrl": queueURL(queue), "MessageBody": string(body)}, nil)
	}
}
