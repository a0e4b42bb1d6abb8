package main

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cinegit/guardian/internal/adapter/dynamoledger"
	"github.com/cinegit/guardian/internal/lambdakit/names"
)

func TestEachFunctionIsSetExactlyTheVariablesItReads(t *testing.T) {
	for _, c := range []stackTemplate{plain, full} {
		functions := c.of("AWS::Lambda::Function")
		for _, f := range names.Functions() {
			made, ok := functions[f.Name]
			if !ok {
				t.Errorf("%s: function %s is not in the stack", c.name, f.Name)
				continue
			}
			delete(functions, f.Name)
			environment, _ := made.Properties["Environment"].(map[string]any)
			variables, _ := environment["Variables"].(map[string]any)
			if diff := cmp.Diff(f.Env, slices.Sorted(maps.Keys(variables))); diff != "" {
				t.Errorf("%s: %s (-reads +is set):\n%s", c.name, f.Name, diff)
			}
			for name, value := range variables {
				if c.read(value) == "" && !slices.Contains(f.Optional, name) {
					t.Errorf("%s: %s of %s is empty", c.name, name, f.Name)
				}
			}
		}
		if len(functions) > 0 {
			t.Errorf("%s: functions of nobody: %v", c.name, slices.Sorted(maps.Keys(functions)))
		}
	}
}

func TestWhatAVariableNamesIsWhatTheRoleReaches(t *testing.T) {
	for _, f := range names.Functions() {
		variables := plain.of("AWS::Lambda::Function")[f.Name].Properties["Environment"].(map[string]any)["Variables"].(map[string]any)
		var reached []string
		for _, s := range plain.statements() {
			if s.who == f.Name+"-role" {
				reached = append(reached, s.on...)
			}
		}
		want := map[string]string{
			names.Table: "<ledger>", names.Evidence: "<evidence>/kept/*", names.Policy: "<policy>/guardian.yaml", names.QueueURL: "<intake.fifo>",
			names.DeadLetters: "<intake-dead.fifo>", names.StateMachine: "<remediation>", names.Bus: "<bus>",
		}
		for name, value := range variables {
			on, ok := want[name]
			if strings.HasSuffix(name, "_FUNCTION") {
				on, ok = "arn:aws:lambda:REGION:ACCOUNT:function:"+plain.read(value), true
			}
			if ok && !slices.Contains(reached, on) {
				t.Errorf("%s is told %s, and its role does not reach %s: %v", f.Name, name, on, reached)
			}
		}
	}
}

func TestFunctionsAreAsTheListSays(t *testing.T) {
	for _, f := range names.Functions() {
		p := plain.of("AWS::Lambda::Function")[f.Name].Properties
		got := map[string]any{}
		for _, name := range []string{"FunctionName", "Runtime", "Architectures", "Handler", "MemorySize", "Timeout", "ReservedConcurrentExecutions"} {
			got[name] = plain.read(p[name])
		}
		want := map[string]any{
			"FunctionName": "guardian-" + f.Name, "Runtime": "provided.al2023", "Architectures": "arm64", "Handler": "bootstrap",
			"MemorySize": plain.read(float64(f.Memory)), "Timeout": plain.read(f.Timeout.Seconds()), "ReservedConcurrentExecutions": "",
		}
		if f.Reserved > 0 {
			want["ReservedConcurrentExecutions"] = plain.read(float64(f.Reserved))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", f.Name, diff)
		}
		if _, there := full.of("AWS::Lambda::Function")[f.Name].Properties["ReservedConcurrentExecutions"]; there {
			t.Errorf("%s reserves concurrency though it was told not to", f.Name)
		}
	}
}

func TestEveryLogIsKeptForAsLongAsWasSaid(t *testing.T) {
	logs := plain.of("AWS::Logs::LogGroup")
	for _, f := range names.Functions() {
		group, ok := logs[f.Name+"-log"]
		if !ok || group.Properties["LogGroupName"] != "/aws/lambda/guardian-"+f.Name {
			t.Errorf("%s has no log group of its own: %v", f.Name, group.Properties)
		}
	}
	for name, group := range logs {
		if group.Properties["RetentionInDays"] != 30.0 {
			t.Errorf("%s is kept for %v days", name, group.Properties["RetentionInDays"])
		}
	}
}

func TestTheLedgerOutlivesTheStack(t *testing.T) {
	table := plain.of("AWS::DynamoDB::Table")["ledger"]
	if table.DeletionPolicy != "Retain" || table.Properties["DeletionProtectionEnabled"] != true {
		t.Errorf("the table is deleted with the stack: %s, %v", table.DeletionPolicy, table.Properties["DeletionProtectionEnabled"])
	}
	got := map[string]string{}
	for _, key := range list(table.Properties["KeySchema"]) {
		k := key.(map[string]any)
		got[k["KeyType"].(string)] = k["AttributeName"].(string)
	}
	ttl := table.Properties["TimeToLiveSpecification"].(map[string]any)
	got["TTL"] = ttl["AttributeName"].(string)
	want := map[string]string{"HASH": dynamoledger.PartitionKey, "RANGE": dynamoledger.SortKey, "TTL": dynamoledger.TTLAttribute}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the table's keys (-the ledger's +the stack's):\n%s", diff)
	}
	for _, name := range []string{"policy", "evidence"} {
		if plain.of("AWS::S3::Bucket")[name].DeletionPolicy != "Retain" {
			t.Errorf("bucket %s is deleted with the stack", name)
		}
	}
}

func TestAgeRemovesNothingThatTheLedgerPointsAt(t *testing.T) {
	for _, c := range []stackTemplate{plain, full} {
		bucket := c.of("AWS::S3::Bucket")["evidence"].Properties
		got := map[string]string{}
		for _, r := range list(bucket["LifecycleConfiguration"].(map[string]any)["Rules"]) {
			rule := r.(map[string]any)
			got[c.read(rule["Prefix"])] = c.read(rule["ExpirationInDays"])
		}
		want := map[string]string{dynamoledger.ExpiringPrefix: "90", dynamoledger.KeptPrefix: "", "": ""}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: prefix and days (-want +got):\n%s", c.name, diff)
		}
		if c.read(bucket["VersioningConfiguration"].(map[string]any)["Status"]) != "Enabled" {
			t.Errorf("%s: what is deleted by mistake cannot be brought back", c.name)
		}
	}
}

func TestEveryQueueOfWorkLaysAsideWhatCannotBeDone(t *testing.T) {
	for name, queue := range plain.of("AWS::SQS::Queue") {
		dead := strings.Contains(name, "dead") || name == "undelivered"
		_, redrives := queue.Properties["RedrivePolicy"]
		if dead == redrives {
			t.Errorf("%s: redrive policy %v", name, queue.Properties["RedrivePolicy"])
		}
		if queue.Properties["MessageRetentionPeriod"] != 14*24*3600.0 {
			t.Errorf("%s keeps messages for %v s", name, queue.Properties["MessageRetentionPeriod"])
		}
	}
	for name, source := range plain.of("AWS::Lambda::EventSourceMapping") {
		if plain.read(source.Properties["FunctionResponseTypes"]) != "ReportBatchItemFailures" {
			t.Errorf("%s repeats a whole batch for one message", name)
		}
	}
}

func TestOnlyFunctionsThatReachOutAreInTheNetwork(t *testing.T) {
	for name, f := range full.of("AWS::Lambda::Function") {
		if _, in := f.Properties["VpcConfig"]; in != reachesOut(name) {
			t.Errorf("%s: in the network %t, want %t", name, in, reachesOut(name))
		}
	}
	for name, f := range plain.of("AWS::Lambda::Function") {
		if _, in := f.Properties["VpcConfig"]; in {
			t.Errorf("%s is in a network though none was named", name)
		}
	}
}
