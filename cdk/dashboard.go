package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/interfaces/interfacesawscloudwatch"
	"github.com/aws/jsii-runtime-go"

	"github.com/cinegit/guardian/internal/lambdakit/names"
)

// newDashboard shows from top to bottom what an alert goes through.
func (s *stack) newDashboard() {
	board := awscloudwatch.NewDashboard(s.Stack, jsii.String("dashboard"), &awscloudwatch.DashboardProps{
		DashboardName:   jsii.String(s.config.name),
		DefaultInterval: awscdk.Duration_Hours(jsii.Number(12)),
	})
	var alarms []interfacesawscloudwatch.IAlarmRef
	for _, a := range s.alarms {
		alarms = append(alarms, a)
	}
	board.AddWidgets(awscloudwatch.NewAlarmStatusWidget(&awscloudwatch.AlarmStatusWidgetProps{
		Title: jsii.String("Guardian itself"), Alarms: &alarms, Width: jsii.Number(24), Height: jsii.Number(4),
	}))
	board.AddWidgets(
		graph("Taken in", s.urlMetric("alerts", "UrlRequestCount"), s.urlMetric("deployments", "UrlRequestCount"), s.intake.MetricNumberOfMessagesSent(minute("Sum"))),
		graph("Refused (4xx: token, size, form) and failed", s.urlMetric("alerts", "Url4xxCount"), s.urlMetric("deployments", "Url4xxCount"), s.intakeErrors()),
		graph("Waiting: age in seconds, laid aside", s.intake.MetricApproximateAgeOfOldestMessage(minute("Maximum")), waiting(s.intakeDead), waiting(s.notificationsDead), waiting(s.undelivered)),
	)
	board.AddWidgets(
		graph("Remediations", s.machine.MetricStarted(minute("Sum")), s.machine.MetricSucceeded(minute("Sum")), s.machine.MetricFailed(minute("Sum")), s.cutOff()),
		graph("Heartbeat of the reconciler", s.own("reconcile", names.Heartbeat, "Sum"), s.own("reconcile", names.Troubles, "Sum")),
		graph("Ledger", s.table.MetricConsumedReadCapacityUnits(minute("Sum")), s.table.MetricConsumedWriteCapacityUnits(minute("Sum")), s.ledgerThrottles()),
	)
	board.AddWidgets(
		graph("Errors", s.each("Errors", "Sum")...),
		graph("Milliseconds, 99 of 100", s.each("Duration", "p99")...),
		graph("Throttles", s.each("Throttles", "Sum")...),
	)
}

// each gives one metric of every function.
func (s *stack) each(metric, statistic string) []awscloudwatch.IMetric {
	var out []awscloudwatch.IMetric
	for _, f := range functionNames() {
		out = append(out, s.functions[f].Metric(&metric, minute(statistic)))
	}
	return out
}

func graph(title string, metrics ...awscloudwatch.IMetric) awscloudwatch.IWidget {
	return awscloudwatch.NewGraphWidget(&awscloudwatch.GraphWidgetProps{
		Title: &title, Left: &metrics, Width: jsii.Number(8), Height: jsii.Number(6),
	})
}
