package main

import (
	"fmt"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
	"github.com/cdklabs/cdk-nag-go/cdknag/v2"
)

// whyKey is where the template keeps why a role's ARNs have wildcards: Sid to reason.
const whyKey = "guardian:why"

// explain says why a rule of cdk-nag does not hold for a construct and what is below it.
func (s *stack) explain(construct constructs.IConstruct, rule, reason string) {
	cdknag.NagSuppressions_AddResourceSuppressions(construct, &[]*cdknag.NagPackSuppression{
		{Id: &rule, Reason: &reason},
	}, jsii.Bool(true))
}

// explainWildcards says it of every ARN with a wildcard by itself, so that a new one is not covered.
func (s *stack) explainWildcards(role awsiam.Role, rights []right) {
	reasons := map[string]any{}
	var suppressions []*cdknag.NagPackSuppression
	for _, r := range rights {
		if r.why == "" {
			continue
		}
		reasons[r.sid] = r.why
		var applies []any
		for _, arn := range r.on {
			if strings.Contains(arn, "*") {
				applies = append(applies, "Resource::"+flat(s.Resolve(arn)))
			}
		}
		if len(applies) > 0 {
			suppressions = append(suppressions, &cdknag.NagPackSuppression{
				Id: jsii.String("AwsSolutions-IAM5"), Reason: &r.why, AppliesTo: &applies,
			})
		}
	}
	if len(reasons) > 0 {
		role.Node().DefaultChild().(awscdk.CfnResource).AddMetadata(jsii.String(whyKey), reasons)
	}
	if len(suppressions) > 0 {
		cdknag.NagSuppressions_AddResourceSuppressions(role, &suppressions, jsii.Bool(true))
	}
}

// flat writes a value of a template as cdk-nag does: <LogicalID> for Ref, <LogicalID.Attribute> for
// Fn::GetAtt, and Fn::Join joined.
func flat(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case map[string]any:
		if ref, ok := v["Ref"].(string); ok {
			return "<" + ref + ">"
		}
		if att, ok := v["Fn::GetAtt"].([]any); ok && len(att) == 2 {
			return fmt.Sprintf("<%v.%v>", att[0], att[1])
		}
		if join, ok := v["Fn::Join"].([]any); ok && len(join) == 2 {
			separator, _ := join[0].(string)
			parts, _ := join[1].([]any)
			texts := make([]string, len(parts))
			for i, part := range parts {
				texts[i] = flat(part)
			}
			return strings.Join(texts, separator)
		}
	}
	return fmt.Sprint(v)
}
