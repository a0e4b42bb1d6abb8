package main

import (
	"fmt"
	"slices"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	"github.com/aws/jsii-runtime-go"
)

// newNetwork knows the network in which a private Argo CD or Prometheus is reached. It needs a way to
// DynamoDB, S3, Secrets Manager and EventBridge: a NAT gateway or endpoints.
func (s *stack) newNetwork() {
	if s.config.vpc == "" {
		return
	}
	// Neither the zones nor the ranges are asked for, so that synth needs no credentials.
	s.network = awsec2.Vpc_FromVpcAttributes(s.Stack, jsii.String("vpc"), &awsec2.VpcAttributes{
		VpcId:             &s.config.vpc,
		AvailabilityZones: s.zones(),
		PrivateSubnetIds:  jsii.Strings(s.subnets...),
	})
	awscdk.Annotations_Of(s.network).AcknowledgeWarning(jsii.String("@aws-cdk/aws-ec2:noSubnetRouteTableId"), jsii.String("No route is made here."))
	s.securityGroup = awsec2.NewSecurityGroup(s.Stack, jsii.String("security-group"), &awsec2.SecurityGroupProps{
		Vpc:              s.network,
		Description:      jsii.String("Functions of Guardian: let them in at Argo CD, Prometheus and the flag store"),
		AllowAllOutbound: jsii.Bool(true),
	})
}

// zones stand for the zones of the subnets, which nothing here depends on.
func (s *stack) zones() *[]*string {
	var out []*string
	for i := range s.subnets {
		out = append(out, jsii.String(fmt.Sprintf("zone-%d", i)))
	}
	return &out
}

func (s *stack) placement() *awsec2.SubnetSelection {
	return &awsec2.SubnetSelection{Subnets: s.network.PrivateSubnets()}
}

func (s *stack) groups() *[]awsec2.ISecurityGroup { return &[]awsec2.ISecurityGroup{s.securityGroup} }

// reachesOut tells which functions call something that may be private.
func reachesOut(function string) bool {
	return slices.Contains([]string{"judge", "argocdhand", "flaghand", "notify"}, function)
}

// networkRights let Lambda connect a function to the network, and keep the function's own code from it: the
// code has the same role (https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html).
func (s *stack) networkRights(function string) []right {
	if s.network == nil || !reachesOut(function) {
		return nil
	}
	do := []string{
		"ec2:CreateNetworkInterface", "ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets", "ec2:DeleteNetworkInterface",
		"ec2:AssignPrivateIpAddresses", "ec2:UnassignPrivateIpAddresses",
	}
	const why = "Lambda makes the network interfaces, whose names nobody knows before; describing has no resources to name."
	return []right{
		{sid: "Connect", do: do, on: []string{"*"}, why: why},
		{
			sid: "ConnectNotByCode", deny: true, do: do, on: []string{"*"},
			when: map[string]any{"ArnEquals": map[string]any{"lambda:SourceFunctionArn": []any{s.functionARN(function)}}},
		},
	}
}
