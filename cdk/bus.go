package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/jsii-runtime-go"

	"github.com/cinegit/guardian/events/outcome"
)

// newBus makes Guardian's own event bus, on which notify publishes what came of each incident. The archive
// lets a system that was down, or is new, have the events of a quarter again.
func (s *stack) newBus() {
	s.bus = awsevents.NewEventBus(s.Stack, jsii.String("bus"), &awsevents.EventBusProps{
		EventBusName: jsii.String(s.name("outcomes")),
		Description:  jsii.String("What Guardian did, and what came of it"),
		KmsKey:       s.key,
	})
	awsevents.NewCfnArchive(s.Stack, jsii.String("archive"), &awsevents.CfnArchiveProps{
		ArchiveName:      jsii.String(s.name("outcomes")),
		SourceArn:        s.bus.EventBusArn(),
		EventPattern:     map[string]any{"source": []any{outcome.Source}},
		RetentionDays:    jsii.Number(90),
		KmsKeyIdentifier: s.keyARN(),
	})
	// A second way to people, beside the policy's channels: the world is as Guardian left it, and not healed.
	awsevents.NewCfnRule(s.Stack, jsii.String("dirty"), &awsevents.CfnRuleProps{
		Name:         jsii.String(s.name("dirty")),
		Description:  jsii.String("Guardian changed something and it did not help: a person must look"),
		EventBusName: s.bus.EventBusName(),
		EventPattern: dirtyPattern(),
		Targets:      []any{map[string]any{"id": "alarms", "arn": *s.alarmsTopic.TopicArn()}},
	})
}

// dirtyPattern leaves out what is replayed from the archive: nobody is paged a second time for what was.
func dirtyPattern() map[string]any {
	return map[string]any{
		"replay-name": []any{map[string]any{"exists": false}},
		"source":      []any{outcome.Source},
		"detail-type": []any{outcome.Ended},
		"detail":      map[string]any{"end": []any{"FailedDirty"}},
	}
}

// newSchedule wakes the reconciler every minute. What is late is dropped, as the next minute sees more.
func (s *stack) newSchedule() {
	reconcile := s.functions["reconcile"]
	rule := awsevents.NewCfnRule(s.Stack, jsii.String("every-minute"), &awsevents.CfnRuleProps{
		Name:               jsii.String(s.name("every-minute")),
		Description:        jsii.String("Wakes Guardian's reconciler"),
		ScheduleExpression: jsii.String("rate(1 minute)"),
		Targets: []any{map[string]any{
			"id": "reconcile", "arn": *reconcile.FunctionArn(),
			"retryPolicy": map[string]any{"maximumRetryAttempts": 0, "maximumEventAgeInSeconds": 60},
		}},
	})
	reconcile.AddPermission(jsii.String("every-minute"), &awslambda.Permission{
		Principal: awsiam.NewServicePrincipal(jsii.String("events.amazonaws.com"), nil),
		SourceArn: rule.AttrArn(),
	})
}
