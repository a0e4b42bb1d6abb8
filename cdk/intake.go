package main

import (
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssnssubscriptions"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	"github.com/aws/jsii-runtime-go"

	"github.com/cinegit/guardian/internal/adapter/dynamoledger"
	"github.com/cinegit/guardian/internal/lambdakit/names"
)

// How often SQS hands a message over before it lays it aside by itself. Before that dispatch does, with the
// reason (names.MaxReceives); this is for what kills the function that takes it.
const (
	mostIntake        = names.MaxReceives + 2
	mostNotifications = 5
)

func (s *stack) newQueues() {
	s.intakeDead = s.newQueue("intake-dead.fifo", awssqs.QueueProps{})
	s.intake = s.newQueue("intake.fifo", awssqs.QueueProps{
		DeadLetterQueue: &awssqs.DeadLetterQueue{Queue: s.intakeDead, MaxReceiveCount: jsii.Number(mostIntake)},
		// Order matters within a target only, so the targets do not share one target's throughput.
		DeduplicationScope:  awssqs.DeduplicationScope_MESSAGE_GROUP,
		FifoThroughputLimit: awssqs.FifoThroughputLimit_PER_MESSAGE_GROUP_ID,
		// Longer than dispatch may take, and not much longer: an alert that failed once waits for it.
		VisibilityTimeout: awscdk.Duration_Seconds(jsii.Number(90)),
	})
	s.notificationsDead = s.newQueue("notifications-dead", awssqs.QueueProps{})
	s.notifications = s.newQueue("notifications", awssqs.QueueProps{
		DeadLetterQueue:   &awssqs.DeadLetterQueue{Queue: s.notificationsDead, MaxReceiveCount: jsii.Number(mostNotifications)},
		VisibilityTimeout: awscdk.Duration_Seconds(jsii.Number(30)),
	})
	s.undelivered = s.newQueue("undelivered", awssqs.QueueProps{})
	s.explain(s.undelivered, "AwsSolutions-SQS3", "It is where functions and the topic of alerts lay aside what they could not do: a dead-letter queue itself.")
	for _, role := range s.argocdRoles {
		s.notifications.AddToResourcePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
			Sid:        jsii.String("ArgoCDNotifications"),
			Principals: &[]awsiam.IPrincipal{awsiam.NewArnPrincipal(jsii.String(role))},
			Actions:    jsii.Strings("sqs:GetQueueUrl", "sqs:SendMessage"),
			Resources:  &[]*string{s.notifications.QueueArn()},
		}))
	}
}

// newQueue makes a queue that keeps what nobody takes as long as SQS can: 14 days.
func (s *stack) newQueue(id string, props awssqs.QueueProps) awssqs.Queue {
	props.QueueName = jsii.String(s.name(id))
	props.Fifo = when(strings.HasSuffix(id, ".fifo"), jsii.Bool(true))
	props.RetentionPeriod = awscdk.Duration_Days(jsii.Number(14))
	props.EnforceSSL = jsii.Bool(true)
	props.Encryption = pick(s.kms, awssqs.QueueEncryption_KMS, awssqs.QueueEncryption_SQS_MANAGED)
	props.EncryptionMasterKey = s.key
	return awssqs.NewQueue(s.Stack, &id, &props)
}

func (s *stack) newTopics() {
	s.alertsTopic = s.newTopic("alerts", "Alerts of Amazon Managed Prometheus, which can send to SNS only")
	s.allowPublish(s.alertsTopic, "aps.amazonaws.com", "AmazonManagedPrometheus", s.onOurBehalf(), "sns:Publish", "sns:GetTopicAttributes")
	s.alarmsTopic = s.newTopic("alarms", "Guardian's own alarms: what is said here Guardian cannot say itself")
	s.allowPublish(s.alarmsTopic, "cloudwatch.amazonaws.com", "Alarms", s.onOurBehalf(), "sns:Publish")
	// EventBridge tells SNS nothing that a condition could look at: with one, no event would ever arrive
	// (https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-troubleshooting.html).
	s.allowPublish(s.alarmsTopic, "events.amazonaws.com", "Outcomes", nil, "sns:Publish")
	if s.alarmEmail != "" {
		s.alarmsTopic.AddSubscription(awssnssubscriptions.NewEmailSubscription(&s.alarmEmail, nil))
	}
}

func (s *stack) newTopic(id, display string) awssns.Topic {
	return awssns.NewTopic(s.Stack, jsii.String(id+"-topic"), &awssns.TopicProps{
		TopicName: jsii.String(s.name(id)), DisplayName: jsii.String(display), EnforceSSL: jsii.Bool(true), MasterKey: s.key,
	})
}

// onOurBehalf is the condition that a service of AWS works for this account, and not for another that makes
// it reach for ours.
func (s *stack) onOurBehalf() map[string]any {
	return map[string]any{"StringEquals": map[string]any{"aws:SourceAccount": *s.Account()}}
}

// allowPublish lets a service of AWS publish.
func (s *stack) allowPublish(topic awssns.Topic, service, sid string, when map[string]any, actions ...string) {
	topic.AddToResourcePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Sid:        &sid,
		Principals: &[]awsiam.IPrincipal{awsiam.NewServicePrincipal(&service, nil)},
		Actions:    jsii.Strings(actions...),
		Resources:  &[]*string{topic.TopicArn()},
		Conditions: conditions(when),
	}))
}

// newSources connects what comes in to the functions that take it.
func (s *stack) newSources() {
	awslambda.NewEventSourceMapping(s.Stack, jsii.String("intake-to-dispatch"), &awslambda.EventSourceMappingProps{
		EventSourceArn: s.intake.QueueArn(), Target: s.functions["dispatch"],
		BatchSize: jsii.Number(10), ReportBatchItemFailures: jsii.Bool(true),
		// A storm of alerts must not take the account's concurrency from the steps that undo its cause.
		MaxConcurrency: jsii.Number(10),
	})
	awslambda.NewEventSourceMapping(s.Stack, jsii.String("notifications-to-deployments"), &awslambda.EventSourceMappingProps{
		EventSourceArn: s.notifications.QueueArn(), Target: s.functions["deployments"],
		BatchSize: jsii.Number(10), ReportBatchItemFailures: jsii.Bool(true), MaxConcurrency: jsii.Number(2),
	})
	// What fails here is not lost: it stays in the outbox, from which reconcile has it sent again.
	awslambda.NewEventSourceMapping(s.Stack, jsii.String("outbox-to-notify"), &awslambda.EventSourceMappingProps{
		EventSourceArn: s.table.TableStreamArn(), Target: s.functions["notify"],
		StartingPosition: awslambda.StartingPosition_TRIM_HORIZON,
		BatchSize:        jsii.Number(10), ReportBatchItemFailures: jsii.Bool(true),
		RetryAttempts: jsii.Number(2), MaxRecordAge: awscdk.Duration_Hours(jsii.Number(1)), BisectBatchOnError: jsii.Bool(true),
		Filters: &[]*map[string]any{outboxFilter()},
	})
	s.alertsTopic.AddSubscription(awssnssubscriptions.NewLambdaSubscription(s.functions["alerts"], &awssnssubscriptions.LambdaSubscriptionProps{
		DeadLetterQueue: s.undelivered,
	}))
}

// outboxFilter lets through what was put into the outbox or changed there, and nothing else of the ledger.
func outboxFilter() *map[string]any {
	return awslambda.FilterCriteria_Filter(&map[string]any{
		"eventName": []any{"INSERT", "MODIFY"},
		"dynamodb":  map[string]any{"Keys": map[string]any{dynamoledger.PartitionKey: map[string]any{"S": []any{"outbox"}}}},
	})
}

// newURLs opens the functions that other systems call. Who calls must know a token; the operators' URL can
// ask for AWS credentials before.
func (s *stack) newURLs() {
	for _, function := range []string{"alerts", "deployments", "operator"} {
		s.urls[function] = s.functions[function].AddFunctionUrl(&awslambda.FunctionUrlOptions{
			AuthType: pick(function == "operator" && s.operatorIAM, awslambda.FunctionUrlAuthType_AWS_IAM, awslambda.FunctionUrlAuthType_NONE),
		})
	}
}
