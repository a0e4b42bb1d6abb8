package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatchactions"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	"github.com/aws/jsii-runtime-go"

	"github.com/cinegit/guardian/internal/lambdakit/names"
)

// alarm is one alarm on Guardian itself. docs/runbooks has a page for each by its name.
type alarm struct {
	name    string
	means   string
	metric  awscloudwatch.IMetric
	below   bool    // it rings below the threshold, else at and above it
	at      float64 // the threshold
	minutes int     // how many one-minute values in a row
	silence awscloudwatch.TreatMissingData
}

// theAlarms are all alarms. No data means that nothing happened, which is how a quiet day looks; only the
// heartbeat must be heard.
func (s *stack) theAlarms() []alarm {
	const quiet = awscloudwatch.TreatMissingData_NOT_BREACHING
	return []alarm{
		{
			name: "no-heartbeat", means: "The reconciler has not finished a run for 5 minutes: lost events stay lost, questions do not expire.",
			metric: s.own("reconcile", names.Heartbeat, "Sum"), below: true, at: 1, minutes: 5, silence: awscloudwatch.TreatMissingData_BREACHING,
		},
		{
			name: "intake-errors", means: "Alerts or notifications could not be kept: the sender was told to send again.",
			metric: s.intakeErrors(), at: 1, minutes: 1, silence: quiet,
		},
		{
			name: "alerts-refused", means: "An alert was refused, for its token, size or form, and Alertmanager sends it never again.",
			metric: s.own("alerts", names.Refused, "Sum"), at: 1, minutes: 1, silence: quiet,
		},
		{
			name: "intake-stuck", means: "An alert has waited in the queue for 3 minutes: dispatch fails or does not run.",
			metric: s.intake.MetricApproximateAgeOfOldestMessage(minute("Maximum")), at: 180, minutes: 1, silence: quiet,
		},
		{
			name: "intake-dead-letters", means: "An alert or notification could not be dispatched and was laid aside.",
			metric: waiting(s.intakeDead), at: 1, minutes: 1, silence: quiet,
		},
		{
			name: "notifications-dead-letters", means: "A notification of Argo CD could not be read and was laid aside.",
			metric: waiting(s.notificationsDead), at: 1, minutes: 1, silence: quiet,
		},
		{
			name: "undelivered", means: "An alert from the SNS topic could not be taken in and was laid aside.",
			metric: waiting(s.undelivered), at: 1, minutes: 1, silence: quiet,
		},
		{
			name: "remediation-failed", means: "A remediation ended without healing: FailedClean or FailedDirty.",
			metric: s.machine.MetricFailed(minute("Sum")), at: 1, minutes: 1, silence: quiet,
		},
		{
			name: "remediation-cut-off", means: "A remediation timed out or was aborted, so that its end is not in the ledger.",
			metric: s.cutOff(), at: 1, minutes: 1, silence: quiet,
		},
		{
			name: "steps-failing", means: "Functions keep failing, beyond what a retry mends.",
			metric: s.sum("Errors", "dispatch", "judge", "decide", "argocdhand", "flaghand", "notify", "operator"), at: 3, minutes: 5, silence: quiet,
		},
		{
			name: "untold", means: "A channel failed at a message or refused it: people may not know what they must.",
			metric: s.own("notify", names.Untold, "Sum"), at: 1, minutes: 1, silence: quiet,
		},
		{
			name: "unready", means: "A function cannot start: a variable, secret, table or policy is missing or wrong. Its log says which, in one line.",
			metric: s.ownSum(names.Unready, functionNames()...), at: 1, minutes: 1, silence: quiet,
		},
		{
			name: "policy-refused", means: "The policy that was uploaded is not taken, as it has mistakes: the one before it still counts.",
			metric: s.ownSum(names.Problem, readers()...), at: 1, minutes: 3, silence: quiet,
		},
		{
			name: "reconciler-in-trouble", means: "The reconciler could not do all of its work for 10 minutes: Argo CD, Prometheus or a flag store does not answer.",
			metric: s.own("reconcile", names.Troubles, "Sum"), at: 1, minutes: 10, silence: quiet,
		},
		{
			name: "throttled", means: "Lambda refused to run a function of Guardian for want of concurrency.",
			metric: s.sum("Throttles", functionNames()...), at: 1, minutes: 3, silence: quiet,
		},
		{
			name: "ledger-throttled", means: "DynamoDB refused reads or writes of the ledger for want of capacity.",
			metric: s.ledgerThrottles(), at: 1, minutes: 3, silence: quiet,
		},
	}
}

func (s *stack) newAlarms() {
	for _, a := range s.theAlarms() {
		made := awscloudwatch.NewAlarm(s.Stack, jsii.String("alarm-"+a.name), &awscloudwatch.AlarmProps{
			AlarmName:         jsii.String(s.name(a.name)),
			AlarmDescription:  jsii.String(fmt.Sprintf("%s docs/runbooks/%s.md", a.means, a.name)),
			Metric:            a.metric,
			Threshold:         &a.at,
			EvaluationPeriods: jsii.Number(a.minutes),
			ComparisonOperator: pick(a.below, awscloudwatch.ComparisonOperator_LESS_THAN_THRESHOLD,
				awscloudwatch.ComparisonOperator_GREATER_THAN_OR_EQUAL_TO_THRESHOLD),
			TreatMissingData: a.silence,
		})
		made.AddAlarmAction(awscloudwatchactions.NewSnsAction(s.alarmsTopic))
		made.AddOkAction(awscloudwatchactions.NewSnsAction(s.alarmsTopic))
		s.alarms = append(s.alarms, made)
	}
}

// own is a metric that a function writes itself.
func (s *stack) own(function, metric, statistic string) awscloudwatch.IMetric {
	return awscloudwatch.NewMetric(&awscloudwatch.MetricProps{
		Namespace: jsii.String(names.Namespace), MetricName: &metric, Statistic: &statistic,
		DimensionsMap: &map[string]*string{"Function": &function},
		Period:        awscdk.Duration_Minutes(jsii.Number(1)),
	})
}

// ownSum adds up such a metric of several functions.
func (s *stack) ownSum(metric string, functions ...string) awscloudwatch.IMetric {
	metrics := map[string]awscloudwatch.IMetric{}
	for _, f := range functions {
		metrics[f] = s.own(f, metric, "Maximum")
	}
	return total(metric, metrics)
}

// intakeErrors counts what failed before it had an answer, and answers that tell the sender to try again.
func (s *stack) intakeErrors() awscloudwatch.IMetric {
	metrics := map[string]awscloudwatch.IMetric{}
	for _, f := range []string{"alerts", "deployments"} {
		metrics[f+"_errors"] = s.functions[f].MetricErrors(minute("Sum"))
		metrics[f+"_5xx"] = s.urlMetric(f, "Url5xxCount")
	}
	return total("failures of intake", metrics)
}

func (s *stack) cutOff() awscloudwatch.IMetric {
	return total("cut off", map[string]awscloudwatch.IMetric{
		"late": s.machine.MetricTimedOut(minute("Sum")), "aborted": s.machine.MetricAborted(minute("Sum")),
	})
}

func (s *stack) ledgerThrottles() awscloudwatch.IMetric {
	return total("throttled reads and writes", map[string]awscloudwatch.IMetric{
		"reads":  s.table.Metric(jsii.String("ReadThrottleEvents"), minute("Sum")),
		"writes": s.table.Metric(jsii.String("WriteThrottleEvents"), minute("Sum")),
	})
}

// sum adds up one metric of several functions.
func (s *stack) sum(metric string, functions ...string) awscloudwatch.IMetric {
	metrics := map[string]awscloudwatch.IMetric{}
	for _, f := range functions {
		metrics[f] = s.functions[f].Metric(&metric, minute("Sum"))
	}
	return total(metric, metrics)
}

func (s *stack) urlMetric(function, metric string) awscloudwatch.IMetric {
	return s.functions[function].Metric(&metric, minute("Sum"))
}

func waiting(queue awssqs.Queue) awscloudwatch.IMetric {
	return queue.MetricApproximateNumberOfMessagesVisible(minute("Maximum"))
}

// total names its metrics: METRICS() would take in whatever else is drawn in the same graph.
func total(label string, metrics map[string]awscloudwatch.IMetric) awscloudwatch.IMetric {
	return expression("SUM(["+strings.Join(slices.Sorted(maps.Keys(metrics)), ", ")+"])", label, metrics)
}

func expression(text, label string, metrics map[string]awscloudwatch.IMetric) awscloudwatch.IMetric {
	return awscloudwatch.NewMathExpression(&awscloudwatch.MathExpressionProps{
		Expression: &text, Label: &label, UsingMetrics: &metrics, Period: awscdk.Duration_Minutes(jsii.Number(1)),
	})
}

func minute(statistic string) *awscloudwatch.MetricOptions {
	return &awscloudwatch.MetricOptions{Statistic: &statistic, Period: awscdk.Duration_Minutes(jsii.Number(1))}
}

func functionNames() []string {
	var out []string
	for _, f := range names.Functions() {
		out = append(out, f.Name)
	}
	return out
}

// readers are the functions that read the policy.
func readers() []string {
	var out []string
	for _, f := range names.Functions() {
		if slices.Contains(f.Env, names.Policy) {
			out = append(out, f.Name)
		}
	}
	return out
}
