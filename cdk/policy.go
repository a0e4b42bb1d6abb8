package main

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/cinegit/guardian/internal/policy"
)

// policyKey is the object of the policy bucket that the functions read.
const policyKey = "guardian.yaml"

// secretsOf gives the references to secrets that a function needs under a policy, sorted. The policy
// decides, so that no function may read a secret that it has no use for. A policy that names other secrets
// needs `make deploy` again; whatever else it says is taken over while Guardian runs.
func secretsOf(function string, p *policy.Policy) []string {
	var refs []policy.Secret
	switch function {
	case "alerts", "deployments":
		refs = p.Server.WebhookTokens
	case "operator":
		refs = slices.Collect(maps.Values(p.Server.Operators))
	case "argocdhand":
		refs = append(refs, p.Connections.ArgoCD.Token)
	case "judge":
		refs = append(refs, p.Connections.Prometheus.Token)
	case "flaghand":
		refs = append(refs, p.Connections.Flags.Unleash.Token, p.Connections.Flags.LaunchDarkly.Token)
	case "notify":
		for _, channel := range p.Notify {
			refs = append(refs, channel.Slack, channel.Token)
		}
	}
	var out []string
	for _, ref := range refs {
		if ref != "" {
			out = append(out, string(ref))
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// fitForAWS finds what a policy says that a function on AWS cannot do.
func fitForAWS(p *policy.Policy) error {
	var problems []error
	for _, function := range []string{"alerts", "operator", "argocdhand", "judge", "flaghand", "notify"} {
		for _, ref := range secretsOf(function, p) {
			if !strings.HasPrefix(ref, "secret:") {
				problems = append(problems, fmt.Errorf("%s cannot be read by a function: keep it in Secrets Manager and write secret:NAME", ref))
			}
		}
	}
	if len(p.Server.WebhookTokens) == 0 {
		problems = append(problems, errors.New("server.webhookTokens is empty, and the webhooks are open to the internet: name one"))
	}
	if file := p.Connections.Flags.FlagD; file != "" && !strings.HasPrefix(file, "s3://") {
		problems = append(problems, fmt.Errorf("connections.flags.flagd is %s, a file, which functions do not share: put the document into S3 and write s3://BUCKET/KEY", file))
	}
	return errors.Join(problems...)
}
