package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const runbooks = "../docs/runbooks"

// alarmTable writes the alarms of the template as the runbooks' table has them.
func alarmTable(t stackTemplate) string {
	var rows []string
	for path, a := range t.of("AWS::CloudWatch::Alarm") {
		p := a.Properties
		name := strings.TrimPrefix(path, "alarm-")
		means, _, _ := strings.Cut(t.read(p["AlarmDescription"]), " docs/runbooks/")
		sign := map[string]string{"LessThanThreshold": "<", "GreaterThanOrEqualToThreshold": "≥"}[t.read(p["ComparisonOperator"])]
		silence := map[string]string{"breaching": "rings", "notBreaching": "is quiet"}[t.read(p["TreatMissingData"])]
		rows = append(rows, fmt.Sprintf("| [%s](%s.md) | %s | %s %v for %v min | %s |\n", name, name, means, sign, p["Threshold"], p["EvaluationPeriods"], silence))
	}
	slices.Sort(rows)
	return "| alarm | what it means | rings at | without data |\n|---|---|---|---|\n" + strings.Join(rows, "")
}

func TestTheRunbooksTellOfEveryAlarmAsItIs(t *testing.T) {
	page := filepath.Join(runbooks, "README.md")
	raw, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	start := strings.Index(string(raw), "| alarm |")
	if start < 0 {
		t.Fatalf("%s has no table of alarms", page)
	}
	end := start + strings.Index(string(raw)[start:]+"\n\n", "\n\n") + 1
	end = min(end, len(raw))
	got := alarmTable(plain)
	if *update {
		if err := os.WriteFile(page, []byte(string(raw[:start])+got+string(raw[end:])), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(got, string(raw[start:end])); diff != "" {
		t.Errorf("the table of %s; make golden-cdk (-template +page):\n%s", page, diff)
	}
}

func TestEveryAlarmHasAPageAndEveryPageAnAlarm(t *testing.T) {
	pages := map[string]bool{}
	files, err := filepath.Glob(runbooks + "/*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if name := strings.TrimSuffix(filepath.Base(file), ".md"); name != "README" {
			pages[name] = true
		}
	}
	for path, a := range plain.of("AWS::CloudWatch::Alarm") {
		name := strings.TrimPrefix(path, "alarm-")
		if !pages[name] {
			t.Errorf("alarm %s has no page", name)
		}
		delete(pages, name)
		if got := plain.read(a.Properties["AlarmName"]); got != "guardian-"+name {
			t.Errorf("alarm %s is named %s", name, got)
		}
		if plain.read(a.Properties["AlarmActions"]) != "<alarms-topic>" {
			t.Errorf("alarm %s tells nobody", name)
		}
	}
	for name := range pages {
		t.Errorf("page %s is of no alarm", name)
	}
}

// A metric that nothing writes never rings: those of our own must be of a function that there is.
func TestAlarmsLookAtWhatThereIs(t *testing.T) {
	known := map[string]bool{}
	for name := range plain.of("AWS::Lambda::Function") {
		known[name], known["<"+name+">"] = true, true
	}
	for _, kind := range []string{"AWS::SQS::Queue", "AWS::StepFunctions::StateMachine", "AWS::DynamoDB::Table"} {
		for name := range plain.of(kind) {
			known["<"+name+">"], known["<"+name+".QueueName>"] = true, true
		}
	}
	looked := 0
	for name, a := range plain.of("AWS::CloudWatch::Alarm") {
		stats := []any{a.Properties}
		if most := 11; len(list(a.Properties["Metrics"])) > most { // 10 and the expression: more CloudWatch does not take
			t.Errorf("%s adds up more metrics than an alarm may", name)
		}
		for _, m := range list(a.Properties["Metrics"]) {
			if stat, ok := m.(map[string]any)["MetricStat"].(map[string]any); ok {
				stats = append(stats, stat["Metric"])
			}
		}
		for _, stat := range stats {
			for _, d := range list(stat.(map[string]any)["Dimensions"]) {
				looked++
				if value := plain.read(d.(map[string]any)["Value"]); !known[value] {
					t.Errorf("%s looks at %s, which there is not", name, value)
				}
			}
		}
	}
	if looked < 20 {
		t.Errorf("only %d dimensions were looked at", looked)
	}
}

func TestASumIsOfItsOwnMetricsAlone(t *testing.T) {
	for name, board := range plain.of("AWS::CloudWatch::Dashboard") {
		body := plain.read(board.Properties["DashboardBody"])
		if !strings.Contains(body, "SUM([") || strings.Contains(body, "METRICS()") {
			t.Errorf("%s draws sums of all that is in a graph: %s", name, body)
		}
	}
}

func TestNoAlarmTakesMoreMetricsThanCloudWatchLets(t *testing.T) {
	const most = 10 // https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
	for name, alarm := range plain.of("AWS::CloudWatch::Alarm") {
		measured := 0
		for _, m := range list(alarm.Properties["Metrics"]) {
			if _, is := m.(map[string]any)["MetricStat"]; is {
				measured++
			}
		}
		if measured > most {
			t.Errorf("%s takes %d metrics, and CloudWatch %d", name, measured, most)
		}
	}
}
