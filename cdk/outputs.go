package main

import (
	"fmt"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"
)

// newOutputs prints what the next step of a deployment needs: where to send, and what to paste where.
func (s *stack) newOutputs() {
	alerts, deployments := url(s, "alerts", "webhooks/alertmanager"), url(s, "deployments", "webhooks/argocd")
	s.output("AlertsURL", "where Alertmanager, Grafana and vmalert send", alerts)
	s.output("DeploymentsURL", "where Argo CD's notifications send", deployments)
	s.output("OperatorURL", "the guardian program's --server", url(s, "operator", ""))
	s.output("AlertsTopic", "where Amazon Managed Prometheus sends", *s.alertsTopic.TopicArn())
	s.output("AlarmsTopic", "where Guardian's own alarms go: subscribe your pager", *s.alarmsTopic.TopicArn())
	s.output("NotificationsQueue", "where Argo CD's notifications send with IAM", *s.notifications.QueueUrl())
	s.output("PolicyUpload", "the policy, also while Guardian runs",
		fmt.Sprintf("aws s3 cp guardian.yaml s3://%s/%s", *s.bucket.BucketName(), policyKey))
	s.output("AlertmanagerSnippet", "for alertmanager.yml, under receivers", alertmanagerSnippet(alerts))
	s.output("ArgoCDSnippet", "for argocd-notifications-cm", argocdSnippet(deployments))
	s.output("ArgoCDQueueSnippet", "the same by SQS and IAM", argocdQueueSnippet(*s.Region(), *s.notifications.QueueName()))
	if s.securityGroup != nil {
		s.output("SecurityGroup", "let it in at Argo CD, Prometheus and the flag store", *s.securityGroup.SecurityGroupId())
	}
}

func (s *stack) output(id, description, value string) {
	awscdk.NewCfnOutput(s.Stack, &id, &awscdk.CfnOutputProps{Description: &description, Value: &value})
}

// url is that of a function, which ends with a slash of its own.
func url(s *stack, function, path string) string {
	return *awscdk.Fn_Join(jsii.String(""), &[]*string{s.urls[function].Url(), &path})
}

func alertmanagerSnippet(url string) string {
	return lines(
		"- name: guardian",
		"  webhook_configs:",
		"  - url: "+url,
		"    max_alerts: 1000",
		"    http_config:",
		"      authorization: {credentials_file: /etc/alertmanager/guardian-token}",
	)
}

func argocdSnippet(url string) string {
	return lines(
		"service.webhook.guardian: |",
		"  url: "+url,
		"  headers:",
		"  - {name: Content-Type, value: application/json}",
		"  - {name: Authorization, value: Bearer $guardian-token}",
		"template.guardian: |",
		"  webhook:",
		"    guardian:",
		"      method: POST",
		"      body: |",
		indent(8, argocdBody()),
		argocdTrigger("guardian"),
	)
}

func argocdQueueSnippet(region, queue string) string {
	return lines(
		"service.awssqs: |",
		"  region: "+region,
		"  queue: "+queue,
		"template.guardian: |",
		"  message: |",
		indent(4, argocdBody()),
		argocdTrigger("awssqs:"+queue),
	)
}

// argocdBody is what docs/argocd.md explains.
func argocdBody() string {
	return lines(
		`{"app": {{toJson .app.metadata.name}}, "namespace": {{toJson .app.metadata.namespace}},`,
		` "project": {{toJson .app.spec.project}},`,
		` "operationPhase": {{toJson .app.status.operationState.phase}},`,
		` "finishedAt": {{toJson .app.status.operationState.finishedAt}}}`,
	)
}

func argocdTrigger(recipient string) string {
	return lines(
		"trigger.guardian: |",
		"  - description: every finished operation",
		"    oncePer: app.status.operationState?.finishedAt",
		"    when: app.status.operationState != nil and app.status.operationState.phase in ['Succeeded', 'Failed', 'Error']",
		"    send: [guardian]",
		"subscriptions: |",
		"  - recipients: ['"+recipient+"']",
		"    triggers: [guardian]",
	)
}

func lines(all ...string) string { return strings.Join(all, "\n") }

func indent(by int, text string) string {
	space := strings.Repeat(" ", by)
	return space + strings.ReplaceAll(text, "\n", "\n"+space)
}
