package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// granted lists the conditions under which a principal may do an action by a resource's own policy.
func (t stackTemplate) granted(who, action string) []string {
	var out []string
	for _, s := range t.statements() {
		if s.resourcePolicy && s.effect == "Allow" && slices.Contains(strings.Fields(s.who), who) && slices.Contains(s.actions, action) {
			out = append(out, s.when)
		}
	}
	return out
}

// With a condition on the account, which EventBridge does not send to SNS, no page would arrive, and only
// a metric of the rule would tell.
func TestEventBridgePublishesWithoutACondition(t *testing.T) {
	for _, c := range []stackTemplate{plain, full, appConfig} {
		if diff := cmp.Diff([]string{""}, c.granted("events.amazonaws.com", "sns:Publish")); diff != "" {
			t.Errorf("%s: the conditions of EventBridge (-want +got):\n%s", c.name, diff)
		}
		for _, who := range []string{"aps.amazonaws.com", "cloudwatch.amazonaws.com"} {
			if diff := cmp.Diff([]string{"StringEquals aws:SourceAccount ACCOUNT"}, c.granted(who, "sns:Publish")); diff != "" {
				t.Errorf("%s: the conditions of %s (-want +got):\n%s", c.name, who, diff)
			}
		}
	}
}

// The key is out of the reach of a service whose condition can never hold.
func TestEveryServiceReachesTheKeyByAConditionThatItCanMeet(t *testing.T) {
	const topic = "StringEquals kms:EncryptionContext:aws:sns:topicArn arn:aws:sns:REGION:ACCOUNT:guardian-full-alarms"
	const archive = "StringEquals kms:EncryptionContext:aws:events:event-bus:arn arn:aws:events:REGION:ACCOUNT:event-bus/guardian-full-outcomes"
	for action, wants := range map[string][]string{
		"kms:DescribeKey": {""}, "kms:Decrypt": {topic, archive}, "kms:GenerateDataKey": {topic, archive}, "kms:ReEncryptFrom": {archive}, "kms:ReEncryptTo": {archive},
	} {
		got := full.granted("events.amazonaws.com", action)
		for _, want := range wants {
			if !slices.Contains(got, want) {
				t.Errorf("EventBridge may %s when %q, and not when %q", action, got, want)
			}
		}
	}
	for _, who := range []string{"aps.amazonaws.com", "cloudwatch.amazonaws.com", "sns.amazonaws.com"} {
		if diff := cmp.Diff([]string{"StringEquals aws:SourceAccount ACCOUNT"}, full.granted(who, "kms:GenerateDataKey")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", who, diff)
		}
	}
}

// Who sends to an encrypted queue has to use its key.
func TestWhoSendsNotificationsFromAnotherAccountMayUseTheKey(t *testing.T) {
	const role = "arn:aws:iam::123456789012:role/argocd-notifications"
	if got := full.granted(role, "sqs:SendMessage"); len(got) != 1 {
		t.Fatalf("the role may send when %q", got)
	}
	for _, action := range []string{"kms:GenerateDataKey", "kms:Decrypt"} {
		if diff := cmp.Diff([]string{"StringEquals kms:ViaService sqs.REGION.amazonaws.com"}, full.granted(role, action)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", action, diff)
		}
	}
}

// Step Functions asks X-Ray what to trace before it traces
// (https://docs.aws.amazon.com/step-functions/latest/dg/xray-iam.html).
func TestTheStateMachineMayAskWhatToTrace(t *testing.T) {
	rights := full.rightsOf("remediation-role")
	for _, want := range []string{"xray:PutTraceSegments", "xray:PutTelemetryRecords", "xray:GetSamplingRules", "xray:GetSamplingTargets"} {
		if !slices.Contains(rights, want) {
			t.Errorf("it may not %s", want)
		}
	}
}
