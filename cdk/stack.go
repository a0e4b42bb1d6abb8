package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsdynamodb"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsstepfunctions"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// stack is Guardian in one account and region, while it is being put together.
type stack struct {
	awscdk.Stack
	config

	key           awskms.IKey // nil where AWS' own keys do
	network       awsec2.IVpc // nil where the functions are outside any
	securityGroup awsec2.ISecurityGroup
	table         awsdynamodb.Table
	bucket        awss3.Bucket // of the policy
	evidence      awss3.Bucket // of what is too large for the table
	bus           awsevents.EventBus
	machine       awsstepfunctions.StateMachine

	intake, intakeDead               awssqs.Queue
	notifications, notificationsDead awssqs.Queue
	undelivered                      awssqs.Queue // what a function was sent without a queue between, and could not do
	alertsTopic, alarmsTopic         awssns.Topic

	functions map[string]awslambda.Function
	urls      map[string]awslambda.FunctionUrl
	alarms    []awscloudwatch.Alarm
}

// newStack puts Guardian together, in the order in which one thing needs the other.
func newStack(scope constructs.Construct, c config) *stack {
	s := &stack{
		Stack: awscdk.NewStack(scope, jsii.String(c.name), &awscdk.StackProps{
			StackName:   jsii.String(c.name),
			Description: jsii.String("Guardian: undoes bad releases. https://github.com/cinegit/guardian"),
		}),
		config:    c,
		functions: map[string]awslambda.Function{},
		urls:      map[string]awslambda.FunctionUrl{},
	}
	for key, value := range c.tags {
		awscdk.Tags_Of(s.Stack).Add(jsii.String(key), jsii.String(value), &awscdk.TagProps{
			ExcludeResourceTypes: jsii.Strings("AWS::CloudWatch::Dashboard"), // not every region takes tags on one yet
		})
	}
	s.newKey()
	s.newNetwork()
	s.newTable()
	s.newEvidenceBucket()
	s.newPolicyBucket()
	s.newQueues()
	s.newTopics()
	s.newBus()
	s.newFunctions("judge", "decide", "argocdhand", "flaghand", "notify")
	s.newMachine()
	s.newFunctions("alerts", "deployments", "dispatch", "reconcile", "operator")
	s.newSources()
	s.newURLs()
	s.newSchedule()
	s.newAlarms()
	s.newDashboard()
	s.newOutputs()
	return s
}

// name gives a name of this stack's own, so that several fit into one account. What people and other
// systems point at has such a name, the same after the stack was removed and made again.
func (s *stack) name(of string) string { return s.config.name + "-" + of }

func pick[T any](yes bool, a, b T) T {
	if yes {
		return a
	}
	return b
}

// when gives the value, or nil for CloudFormation's default.
func when[T any](yes bool, value *T) *T { return pick(yes, value, nil) }
