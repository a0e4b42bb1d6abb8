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
	s.letUseKey("Services", []string{"aps.amazonaws.com", "cloudwatch.amazonaws.com", "events.amazonaws.com", "sns.amazonaws.com"},
		[]string{"kms:Decrypt", "kms:GenerateDataKey", "kms:ReEncryptFrom", "kms:ReEncryptTo"},
		map[string]any{"StringEquals": map[string]any{"aws:SourceAccount": *s.Account()}})
	s.letUseKey("Logs", []string{"logs." + *s.Region() + ".amazonaws.com"},
		[]string{"kms:Encrypt", "kms:Decrypt", "kms:ReEncryptFrom", "kms:ReEncryptTo", "kms:GenerateDataKey", "kms:DescribeKey"},
		map[string]any{"ArnLike": map[string]any{"kms:EncryptionContext:aws:logs:arn": s.arn("logs", "log-group:/aws/*/"+s.config.name+"-*")}})
}

func (s *stack) letUseKey(sid string, services, actions []string, when map[string]any) {
	var principals []awsiam.IPrincipal
	for _, service := range services {
		principals = append(principals, awsiam.NewServicePrincipal(&service, nil))
	}
	s.key.AddToResourcePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Sid: &sid, Principals: &principals, Actions: jsii.Strings(actions...),
		Resources: jsii.Strings("*"), Conditions: &when, // in a key's policy * is the key
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
