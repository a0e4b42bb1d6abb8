package main

import (
	"slices"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/jsii-runtime-go"

	"github.com/cinegit/guardian/internal/lambdakit/names"
)

// newKey makes one key for all that is kept: ledger with its evidence, policy, queues, topics, logs, events. The state machine
// keeps only names of incidents and goes without. Without the option AWS' own keys do, at no cost.
func (s *stack) newKey() {
	if !s.kms {
		return
	}
	s.key = awskms.NewKey(s.Stack, jsii.String("key"), &awskms.KeyProps{
		Alias:             jsii.String("alias/" + s.config.name),
		Description:       jsii.String("Guardian: ledger, policy, queues, topics, logs, events"),
		EnableKeyRotation: jsii.Bool(true),
		RemovalPolicy:     awscdk.RemovalPolicy_RETAIN, // the ledger that is kept cannot be read without it
	})
	use := []string{"kms:Decrypt", "kms:GenerateDataKey"}
	s.letUseKey("Services", services("aps", "cloudwatch", "sns"), use, s.onOurBehalf())
	s.letUseKey("Logs", services("logs."+*s.Region()),
		[]string{"kms:Encrypt", "kms:Decrypt", "kms:ReEncryptFrom", "kms:ReEncryptTo", "kms:GenerateDataKey", "kms:DescribeKey"},
		map[string]any{"ArnLike": map[string]any{"kms:EncryptionContext:aws:logs:arn": s.arn("logs", "log-group:/aws/*/"+s.config.name+"-*")}})
	s.letEventsUseKey(use)
	if len(s.argocdRoles) > 0 { // who sends to an encrypted queue needs its key
		var roles []awsiam.IPrincipal
		for _, role := range s.argocdRoles {
			roles = append(roles, awsiam.NewArnPrincipal(&role))
		}
		s.letUseKey("ArgoCDNotifications", roles, use,
			map[string]any{"StringEquals": map[string]any{"kms:ViaService": "sqs." + *s.Region() + ".amazonaws.com"}})
	}
}

// letEventsUseKey is for the bus, its archive and the topic that a rule sends to. EventBridge names no
// account where it keeps an archive or sends to a topic, only what the data belongs to, and not even that
// where it describes the key
// (https://docs.aws.amazon.com/eventbridge/latest/userguide/encryption-archives.html,
// https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html).
func (s *stack) letEventsUseKey(use []string) {
	events := services("events")
	s.letUseKey("EventsLook", events, []string{"kms:DescribeKey"}, nil)
	s.letUseKey("EventsKept", events, append([]string{"kms:ReEncryptFrom", "kms:ReEncryptTo"}, use...),
		map[string]any{"StringEquals": map[string]any{"kms:EncryptionContext:aws:events:event-bus:arn": s.arn("events", "event-bus/"+s.name("outcomes"))}})
	s.letUseKey("EventsTold", events, use,
		map[string]any{"StringEquals": map[string]any{"kms:EncryptionContext:aws:sns:topicArn": s.arn("sns", s.name("alarms"))}})
}

// services are those of AWS, by the beginnings of their names.
func services(names ...string) []awsiam.IPrincipal {
	var out []awsiam.IPrincipal
	for _, name := range names {
		out = append(out, awsiam.NewServicePrincipal(jsii.String(name+".amazonaws.com"), nil))
	}
	return out
}

func (s *stack) letUseKey(sid string, who []awsiam.IPrincipal, actions []string, when map[string]any) {
	s.key.AddToResourcePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Sid: &sid, Principals: &who, Actions: jsii.Strings(actions...),
		Resources: jsii.Strings("*"), Conditions: conditions(when), // in a key's policy * is the key
	}), nil)
}

// keyARN is the key's; nil where AWS' own keys do.
func (s *stack) keyARN() *string {
	if !s.kms {
		return nil
	}
	return s.key.KeyArn()
}

// keyRights let a function use the key for what it reads and writes.
func (s *stack) keyRights(f names.Function) []right {
	if !s.kms {
		return nil
	}
	do := []string{"kms:Decrypt", "kms:GenerateDataKey"}
	if slices.Contains(f.Env, names.Table) {
		do = append(do, "kms:Encrypt", "kms:ReEncryptFrom", "kms:ReEncryptTo", "kms:DescribeKey")
	}
	return []right{{sid: "Key", do: do, on: []string{*s.key.KeyArn()}}}
}
