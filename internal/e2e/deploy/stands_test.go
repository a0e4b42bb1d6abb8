//go:build e2e

package deploy_test

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/s3"
)

func (a *account) logs() map[string]int {
	out := map[string]int{}
	for _, g := range call[struct {
		LogGroups []struct {
			LogGroupName    string
			RetentionInDays int
		}
	}](a, "logs", "Logs_20140328.DescribeLogGroups", map[string]any{}).LogGroups {
		out[g.LogGroupName] = g.RetentionInDays
	}
	return out
}

func (a *account) alarms() map[string]alarm {
	out := map[string]alarm{}
	for _, m := range call[struct {
		MetricAlarms []struct {
			AlarmName, ComparisonOperator, TreatMissingData string
			Threshold                                       float64
			EvaluationPeriods                               int
			AlarmActions                                    []string
		}
	}](a, "monitoring", "GraniteServiceVersion20100801.DescribeAlarms", map[string]any{}).MetricAlarms {
		out[m.AlarmName] = alarm{
			Compares: m.ComparisonOperator, Threshold: m.Threshold, Minutes: m.EvaluationPeriods, Silence: m.TreatMissingData,
			Tells: strings.Join(m.AlarmActions, " "),
		}
	}
	return out
}

func (a *account) buses() []string {
	var out []string
	for _, b := range call[struct{ EventBuses []struct{ Name string } }](a, "events", "AWSEvents.ListEventBuses", map[string]any{}).EventBuses {
		out = append(out, b.Name)
	}
	return out
}

// rules are those of all buses, but for the one by which an archive listens.
func (a *account) rules() map[string]rule {
	out := map[string]rule{}
	for _, bus := range a.buses() {
		for _, r := range call[struct {
			Rules []struct{ Name, ScheduleExpression, EventPattern, ManagedBy string }
		}](a, "events", "AWSEvents.ListRules", map[string]string{"EventBusName": bus}).Rules {
			if r.ManagedBy != "" {
				continue
			}
			made := rule{Schedule: r.ScheduleExpression, Pattern: "null"}
			if r.EventPattern != "" {
				made.Pattern = strings.NewReplacer(`": `, `":`, `, "`, `,"`).Replace(r.EventPattern) // as Go writes it
			}
			for _, target := range call[struct{ Targets []struct{ Arn string } }](a, "events", "AWSEvents.ListTargetsByRule", map[string]string{"EventBusName": bus, "Rule": r.Name}).Targets {
				made.Target += target.Arn
			}
			out[r.Name] = made
		}
	}
	return out
}

// buckets gives the versioning of each bucket of the stack.
func (a *account) buckets() map[string]string {
	a.t.Helper()
	all, err := a.objects.ListBuckets(a.t.Context(), &s3.ListBucketsInput{})
	must(a.t, err)
	out := map[string]string{}
	for _, b := range all.Buckets {
		if strings.HasPrefix(*b.Name, "cdk-") {
			continue
		}
		versioning, err := a.objects.GetBucketVersioning(a.t.Context(), &s3.GetBucketVersioningInput{Bucket: b.Name})
		must(a.t, err)
		out[*b.Name] = string(versioning.Status)
	}
	return out
}

func (a *account) machines() []string {
	var out []string
	for _, m := range call[struct {
		StateMachines []struct{ StateMachineArn string }
	}](a, "states", "AWSStepFunctions.ListStateMachines", map[string]any{}).StateMachines {
		out = append(out, m.StateMachineArn)
	}
	return out
}

func (a *account) tasks() []string {
	var out []string
	for _, arn := range a.machines() {
		out = append(out, arnsOf(call[struct{ Definition string }](a, "states", "AWSStepFunctions.DescribeStateMachine", map[string]string{"stateMachineArn": arn}).Definition)...)
	}
	return out
}

// left is all that stands of what a stack makes, but for what CDK itself needs; the event bus default is
// always there.
func (a *account) left() []string {
	a.t.Helper()
	var out []string
	add := func(service string, names ...string) {
		for _, name := range names {
			if !strings.HasPrefix(name, "cdk-") && name != "default" {
				out = append(out, service+" "+name)
			}
		}
	}
	add("dynamodb", call[struct{ TableNames []string }](a, "dynamodb", "DynamoDB_20120810.ListTables", map[string]any{}).TableNames...)
	for name := range a.buckets() {
		add("s3", name)
	}
	for name := range a.functions() {
		add("lambda", name)
	}
	for _, s := range a.sources() {
		add("source", s.From)
	}
	for name := range a.queues(nil) {
		add("sqs", name)
	}
	for name := range a.logs() {
		add("logs", name)
	}
	for name := range a.alarms() {
		add("alarm", name)
	}
	for name := range a.rules() {
		add("rule", name)
	}
	add("bus", a.buses()...)
	add("states", a.machines()...)
	add("iam", a.names("iam", "ListRoles", "RoleName")...)
	add("sns", a.names("sns", "ListTopics", "TopicArn")...)
	add("sns", a.names("sns", "ListSubscriptions", "SubscriptionArn")...)
	add("dashboard", a.names("monitoring", "ListDashboards", "DashboardName")...)
	slices.Sort(out)
	return out
}

// names gives what a list of a service that speaks XML calls its members.
func (a *account) names(service, action, field string) []string {
	raw := a.post(service, "", "application/x-www-form-urlencoded", url.Values{"Action": {action}}.Encode())
	var out []string
	for _, found := range regexp.MustCompile(fmt.Sprintf("<%s>([^<]*)</%s>", field, field)).FindAllSubmatch(raw, -1) {
		out = append(out, string(found[1]))
	}
	return out
}
