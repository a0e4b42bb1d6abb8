package main

import (
	"path/filepath"
	"slices"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambdadestinations"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/jsii-runtime-go"

	"github.com/cinegit/guardian/internal/lambdakit/names"
)

// newFunctions makes the functions of these names, each with a role and a log group of its own.
func (s *stack) newFunctions(these ...string) {
	for _, f := range names.Functions() {
		if slices.Contains(these, f.Name) {
			s.functions[f.Name] = s.newFunction(f)
		}
	}
}

func (s *stack) newFunction(f names.Function) awslambda.Function {
	group := s.newLogGroup(f.Name, "/aws/lambda/"+s.name(f.Name))
	role := s.newRole(f.Name+"-role", "lambda.amazonaws.com", "Guardian: "+f.Does, s.rights(f))
	props := &awslambda.FunctionProps{
		FunctionName: jsii.String(s.name(f.Name)),
		Description:  jsii.String(f.Does),
		Runtime:      awslambda.Runtime_PROVIDED_AL2023(),
		Architecture: awslambda.Architecture_ARM_64(),
		Handler:      jsii.String("bootstrap"),
		Code:         awslambda.Code_FromAsset(jsii.String(filepath.Join(s.dist, f.Name)), nil),
		MemorySize:   jsii.Number(f.Memory),
		Timeout:      awscdk.Duration_Seconds(jsii.Number(f.Timeout.Seconds())),
		Role:         role,
		LogGroup:     group,
		Environment:  s.environment(f),
		Tracing:      pick(s.xray, awslambda.Tracing_ACTIVE, awslambda.Tracing_DISABLED),
	}
	if s.reserve && f.Reserved > 0 {
		props.ReservedConcurrentExecutions = jsii.Number(f.Reserved)
	}
	if s.network != nil && reachesOut(f.Name) {
		props.Vpc, props.VpcSubnets, props.SecurityGroups = s.network, s.placement(), s.groups()
	}
	switch f.Name {
	case "alerts": // what SNS hands over has no queue behind it
		props.RetryAttempts = jsii.Number(2)
		props.OnFailure = awslambdadestinations.NewSqsDestination(s.undelivered)
	case "reconcile": // the next minute comes anyway, and knows more
		props.RetryAttempts = jsii.Number(0)
		props.MaxEventAge = awscdk.Duration_Seconds(jsii.Number(60))
	}
	function := awslambda.NewFunction(s.Stack, &f.Name, props)
	s.explain(function, "AwsSolutions-L1", "provided.al2023 is the newest runtime for a program of its own.")
	return function
}

// environment gives a function the variables that it reads, and no other.
func (s *stack) environment(f names.Function) *map[string]*string {
	out := map[string]*string{}
	for _, variable := range f.Env {
		out[variable] = s.variable(f.Name, variable)
	}
	return &out
}

// functionARN is that of a function by its name, so that two functions may know each other.
func (s *stack) functionARN(function string) string {
	return s.arn("lambda", "function:"+s.name(function))
}

// variable is the value of one variable; nil for one that the stack does not know, which a test finds.
func (s *stack) variable(function, variable string) *string {
	switch variable {
	case names.Table:
		return s.table.TableName()
	case names.Evidence:
		return s.evidence.BucketName()
	case names.Policy:
		return jsii.String("s3://" + *s.bucket.BucketName() + "/" + policyKey)
	case names.QueueURL:
		return s.intake.QueueUrl()
	case names.DeadLetters:
		return s.intakeDead.QueueUrl()
	case names.StateMachine:
		return s.machine.StateMachineArn()
	case names.JudgeName:
		return jsii.String(s.name("judge"))
	case names.ArgoCDHand:
		return jsii.String(s.name("argocdhand"))
	case names.FlagHand:
		return jsii.String(s.name("flaghand"))
	case names.NotifyName:
		return jsii.String(s.name("notify"))
	case names.Bus:
		return s.bus.EventBusName()
	case names.Tokens:
		return jsii.String(strings.Join(secretsOf(function, s.policy), ","))
	case names.LogLevel:
		return &s.logLevel
	}
	return nil
}

func (s *stack) newLogGroup(id, name string) awslogs.LogGroup {
	return awslogs.NewLogGroup(s.Stack, jsii.String(id+"-log"), &awslogs.LogGroupProps{
		LogGroupName: &name, Retention: retentions()[s.logDays], RemovalPolicy: awscdk.RemovalPolicy_DESTROY, EncryptionKey: s.key,
	})
}

// logGroupARN is that of a function's streams of lines.
func (s *stack) logGroupARN(function string) string {
	return s.arn("logs", "log-group:/aws/lambda/"+s.name(function)+":*")
}

// retentions are the days that CloudWatch Logs can keep lines for, of those that people choose.
func retentions() map[int]awslogs.RetentionDays {
	return map[int]awslogs.RetentionDays{
		1: awslogs.RetentionDays_ONE_DAY, 3: awslogs.RetentionDays_THREE_DAYS, 5: awslogs.RetentionDays_FIVE_DAYS,
		7: awslogs.RetentionDays_ONE_WEEK, 14: awslogs.RetentionDays_TWO_WEEKS, 30: awslogs.RetentionDays_ONE_MONTH,
		60: awslogs.RetentionDays_TWO_MONTHS, 90: awslogs.RetentionDays_THREE_MONTHS, 180: awslogs.RetentionDays_SIX_MONTHS,
		365: awslogs.RetentionDays_ONE_YEAR, 731: awslogs.RetentionDays_TWO_YEARS, 1827: awslogs.RetentionDays_FIVE_YEARS,
		3653: awslogs.RetentionDays_TEN_YEARS,
	}
}
