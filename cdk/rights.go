package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	"github.com/aws/jsii-runtime-go"

	"github.com/cinegit/guardian/internal/adapter/dynamoledger"
	"github.com/cinegit/guardian/internal/lambdakit/names"
)

// right lets a role do some actions on some resources.
type right struct {
	sid  string
	do   []string
	on   []string // ARNs
	why  string   // given where an ARN has a wildcard: why AWS takes no narrower one
	when map[string]any
	deny bool
}

// rights is who may do what: all that the function's role allows, and nothing else does. CDK's own grants
// are left aside, as they reach further.
func (s *stack) rights(f names.Function) []right {
	out := []right{{
		sid: "Log", do: []string{"logs:CreateLogStream", "logs:PutLogEvents"}, on: []string{s.logGroupARN(f.Name)},
		why: "Lambda names the streams in the function's log group.",
	}}
	if slices.Contains(f.Env, names.Table) {
		out = append(out, right{sid: "Ledger", do: []string{
			"dynamodb:GetItem", "dynamodb:Query", "dynamodb:ConditionCheckItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem",
			"dynamodb:DescribeTable", "dynamodb:DescribeTimeToLive",
		}, on: []string{*s.table.TableArn()}})
	}
	if slices.Contains(f.Env, names.Evidence) {
		out = append(out, right{
			sid: "Evidence", do: []string{"s3:GetObject", "s3:PutObject"},
			on: []string{
				*s.evidence.ArnForObjects(jsii.String(dynamoledger.KeptPrefix + "*")),
				*s.evidence.ArnForObjects(jsii.String(dynamoledger.ExpiringPrefix + "*")),
			},
			why: "An object's key ends with the hash of what it holds, which nobody knows before.",
		})
	}
	if slices.Contains(f.Env, names.Policy) {
		// A function that starts while the policy has a mistake takes the latest version that has none.
		out = append(out, right{sid: "Policy", do: []string{"s3:GetObject", "s3:GetObjectVersion"}, on: []string{*s.bucket.ArnForObjects(jsii.String(policyKey))}},
			right{sid: "Versions", do: []string{"s3:ListBucketVersions"}, on: []string{*s.bucket.BucketArn()}})
	}
	out = append(out, s.queueRights(f)...)
	out = append(out, s.ownRights(f)...)
	out = append(out, s.invokeRights(f)...)
	out = append(out, s.secretRights(f.Name)...)
	out = append(out, s.keyRights(f)...)
	out = append(out, s.networkRights(f.Name)...)
	if s.xray {
		out = append(out, traceRight())
	}
	return out
}

// queueRights follow the queues' URLs that a function is told: what takes webhooks in and dispatch may put
// into them, the operators' function may only count what waits.
func (s *stack) queueRights(f names.Function) []right {
	do := pick(f.Name == "operator", "sqs:GetQueueAttributes", "sqs:SendMessage")
	var out []right
	if slices.Contains(f.Env, names.QueueURL) {
		out = append(out, right{sid: "Intake", do: []string{do}, on: []string{*s.intake.QueueArn()}})
	}
	if slices.Contains(f.Env, names.DeadLetters) {
		out = append(out, right{sid: "DeadLetters", do: []string{do}, on: []string{*s.intakeDead.QueueArn()}})
	}
	return out
}

// invokeRights follow the names of functions that a function is told.
func (s *stack) invokeRights(f names.Function) []right {
	var arns []string
	for _, called := range []struct{ variable, function string }{
		{names.JudgeName, "judge"}, {names.ArgoCDHand, "argocdhand"}, {names.FlagHand, "flaghand"}, {names.NotifyName, "notify"},
	} {
		if slices.Contains(f.Env, called.variable) {
			arns = append(arns, s.functionARN(called.function))
		}
	}
	if len(arns) == 0 {
		return nil
	}
	return []right{{sid: "Invoke", do: []string{"lambda:InvokeFunction"}, on: arns}}
}

// ownRights are those that only this function has.
func (s *stack) ownRights(f names.Function) []right {
	switch f.Name {
	case "alerts":
		return []right{{sid: "Undelivered", do: []string{"sqs:SendMessage"}, on: []string{*s.undelivered.QueueArn()}}}
	case "deployments":
		return []right{take(s.notifications)}
	case "dispatch":
		return []right{take(s.intake), s.onMachine("states:StartExecution")}
	case "reconcile":
		return []right{
			s.onMachine("states:StartExecution", "states:ListExecutions", "states:SendTaskSuccess", "states:SendTaskHeartbeat"),
			s.onExecutions("states:DescribeExecution"),
		}
	case "operator": // a person's answer; what it cannot send the reconciler sends within a minute
		return []right{s.onMachine("states:SendTaskSuccess")}
	case "flaghand":
		return s.flagRights()
	case "notify":
		return []right{
			{sid: "Stream", do: []string{"dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"}, on: []string{*s.table.TableStreamArn()}},
			{
				sid: "ListStreams", do: []string{"dynamodb:ListStreams"}, on: []string{*s.table.TableArn() + "/stream/*"},
				why: "Lambda's poller lists the streams of the table, whose ARNs end with the time of their making.",
			},
			{sid: "Publish", do: []string{"events:PutEvents"}, on: []string{*s.bus.EventBusArn()}},
		}
	}
	return nil
}

func take(queue awssqs.Queue) right {
	return right{sid: "Take", do: []string{"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"}, on: []string{*queue.QueueArn()}}
}

func (s *stack) onMachine(actions ...string) right {
	return right{sid: "Machine", do: actions, on: []string{*s.machine.StateMachineArn()}}
}

func (s *stack) onExecutions(actions ...string) right {
	return right{
		sid: "Executions", do: actions, on: []string{s.arn("states", "execution:"+s.name("remediation")+":*")},
		why: "The ARN of an execution ends with its incident, which nobody knows before.",
	}
}

// secretRights lets a function read the secrets that the policy names for it.
func (s *stack) secretRights(function string) []right {
	var arns []string
	for _, ref := range secretsOf(function, s.policy) {
		name, _, _ := strings.Cut(strings.TrimPrefix(ref, "secret:"), "#")
		if !strings.HasPrefix(name, "arn:") {
			name = s.arn("secretsmanager", "secret:"+name+"-??????")
		}
		if !slices.Contains(arns, name) {
			arns = append(arns, name)
		}
	}
	if len(arns) == 0 {
		return nil
	}
	return []right{{
		sid: "Secrets", do: []string{"secretsmanager:GetSecretValue"}, on: arns,
		why: "Secrets Manager ends the ARN of a secret with six characters of its own, which a policy that names the secret cannot know.",
	}}
}

func traceRight(more ...string) right {
	return right{
		sid: "Trace", do: append([]string{"xray:PutTraceSegments", "xray:PutTelemetryRecords"}, more...), on: []string{"*"},
		why: "X-Ray has no resources to name.",
	}
}

// arn is that of a resource of this account and region.
func (s *stack) arn(service, resource string) string {
	return fmt.Sprintf("arn:%s:%s:%s:%s:%s", *awscdk.Aws_PARTITION(), service, *s.Region(), *s.Account(), resource)
}

// newRole makes a role of exactly these rights. They lie in the role itself, so that it has them all
// before the first thing that needs it is made.
func (s *stack) newRole(id, service, description string, rights []right) awsiam.IRole {
	document := awsiam.NewPolicyDocument(&awsiam.PolicyDocumentProps{Minimize: jsii.Bool(false)})
	for _, r := range rights {
		document.AddStatements(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
			Sid: &r.sid, Actions: jsii.Strings(r.do...), Resources: jsii.Strings(r.on...), Conditions: conditions(r.when),
			Effect: pick(r.deny, awsiam.Effect_DENY, awsiam.Effect_ALLOW),
		}))
	}
	role := awsiam.NewRole(s.Stack, &id, &awsiam.RoleProps{
		AssumedBy:      awsiam.NewServicePrincipal(&service, nil),
		Description:    &description,
		InlinePolicies: &map[string]awsiam.PolicyDocument{"rights": document},
	})
	s.explainWildcards(role, rights)
	return role.WithoutPolicyUpdates(nil)
}

func conditions(when map[string]any) *map[string]any {
	if when == nil {
		return nil
	}
	return &when
}
