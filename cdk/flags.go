package main

import (
	"fmt"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"

	"github.com/cinegit/guardian/internal/policy"
)

// flagRights are what the flag hand needs of AWS for the store that the policy names: one object of S3, or
// one profile of AppConfig. Unleash and LaunchDarkly take a token, which is a secret.
func (s *stack) flagRights() []right {
	flags := s.policy.Connections.Flags
	document, inS3 := strings.CutPrefix(flags.FlagD, "s3://")
	switch {
	case inS3:
		return []right{{
			sid: "FlagDocument", do: []string{"s3:GetObject", "s3:PutObject"},
			on: []string{fmt.Sprintf("arn:%s:s3:::%s", *awscdk.Aws_PARTITION(), document)},
		}}
	case flags.AppConfig != policy.AppConfig{}:
		return s.appConfigRights(flags.AppConfig)
	}
	return nil
}

func (s *stack) appConfigRights(at policy.AppConfig) []right {
	application := s.arn("appconfig", "application/"+at.Application)
	profile, environment := application+"/configurationprofile/"+at.Profile, application+"/environment/"+at.Environment
	const numbered = "AppConfig numbers them as they are made."
	const unnamed = "AppConfig has no resource to name for it. With connections.flags.appconfig.strategy in the policy it is not needed."
	out := []right{
		{sid: "FlagProfile", do: []string{
			"appconfig:GetConfigurationProfile", "appconfig:ListHostedConfigurationVersions", "appconfig:CreateHostedConfigurationVersion",
			"appconfig:ListDeployments", "appconfig:StartDeployment",
		}, on: []string{application, profile, environment}},
		{
			sid: "FlagVersions", do: []string{"appconfig:GetHostedConfigurationVersion", "appconfig:DeleteHostedConfigurationVersion"},
			on: []string{application, profile, profile + "/hostedconfigurationversion/*"}, why: numbered,
		},
		{
			sid: "FlagDeployments", do: []string{"appconfig:GetDeployment", "appconfig:StartDeployment", "appconfig:StopDeployment"},
			on: []string{application, environment, environment + "/deployment/*"}, why: numbered,
		},
	}
	if at.Strategy != "" {
		return append(out, right{sid: "FlagStrategy", do: []string{"appconfig:StartDeployment"}, on: []string{s.arn("appconfig", "deploymentstrategy/"+at.Strategy)}})
	}
	return append(out,
		right{sid: "FlagStrategy", do: []string{"appconfig:StartDeployment"}, on: []string{s.arn("appconfig", "deploymentstrategy/*")}, why: "The strategy is found by its name, or made."},
		right{sid: "FlagStrategies", do: []string{"appconfig:ListDeploymentStrategies", "appconfig:CreateDeploymentStrategy"}, on: []string{"*"}, why: unnamed},
	)
}
