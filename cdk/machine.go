package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awsstepfunctions"
	"github.com/aws/jsii-runtime-go"

	"github.com/cinegit/guardian/cdk/asl"
)

// newMachine makes the state machine of the file that also runs in process, with its functions' names put in.
func (s *stack) newMachine() {
	steps := right{sid: "Invoke", do: []string{"lambda:InvokeFunction"}}
	for _, function := range []string{"judge", "decide", "argocdhand", "flaghand"} {
		steps.on = append(steps.on, s.functionARN(function))
	}
	rights := []right{steps, logDeliveryRight()}
	if s.xray {
		rights = append(rights, traceRight("xray:GetSamplingRules", "xray:GetSamplingTargets")) // it decides what is traced
	}
	s.machine = awsstepfunctions.NewStateMachine(s.Stack, jsii.String("remediation"), &awsstepfunctions.StateMachineProps{
		StateMachineName: jsii.String(s.name("remediation")),
		StateMachineType: awsstepfunctions.StateMachineType_STANDARD,
		DefinitionBody:   awsstepfunctions.DefinitionBody_FromString(jsii.String(string(asl.Remediation))),
		DefinitionSubstitutions: &map[string]*string{
			"JudgeFunction":      s.functions["judge"].FunctionArn(),
			"DecideFunction":     s.functions["decide"].FunctionArn(),
			"ArgoCDHandFunction": s.functions["argocdhand"].FunctionArn(),
			"FlagHandFunction":   s.functions["flaghand"].FunctionArn(),
		},
		Role: s.newRole("remediation-role", "states.amazonaws.com", "Guardian: the state machine of a remediation", rights),
		Logs: &awsstepfunctions.LogOptions{
			Destination: s.newLogGroup("remediation", "/aws/vendedlogs/states/"+s.name("remediation")),
			Level:       awsstepfunctions.LogLevel_ALL,
			// The data holds the tokens by which an approval is given.
			IncludeExecutionData: jsii.Bool(false),
		},
		TracingEnabled: &s.xray,
	})
	if !s.xray {
		s.explain(s.machine, "AwsSolutions-SF2", "Traces cost money and are chosen with -c xray=true; the path of every execution is in its history and log anyway.")
	}
}

func logDeliveryRight() right {
	return right{
		sid: "LogDelivery",
		do: []string{
			"logs:CreateLogDelivery", "logs:GetLogDelivery", "logs:UpdateLogDelivery", "logs:DeleteLogDelivery", "logs:ListLogDeliveries",
			"logs:PutResourcePolicy", "logs:DescribeResourcePolicies", "logs:DescribeLogGroups",
		},
		on:  []string{"*"},
		why: "Step Functions sets up the delivery of its log itself, with actions that have no resources to name.",
	}
}
