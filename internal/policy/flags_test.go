package policy_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cinegit/guardian/internal/policy"
)

func TestEachStoreOfFlagsIsTaken(t *testing.T) {
	for written, want := range map[string]policy.Flags{
		"flagd: s3://bucket/team/flags.json": {FlagD: "s3://bucket/team/flags.json"},
		"appconfig: {application: abc1234, environment: def5678, profile: ghi9012, strategy: AppConfig.Linear50PercentEvery30Seconds}": {
			AppConfig: policy.AppConfig{Application: "abc1234", Environment: "def5678", Profile: "ghi9012", Strategy: "AppConfig.Linear50PercentEvery30Seconds"},
		},
		`unleash: {url: "https://unleash.example/demo", token: env:UNLEASH, project: shop, environment: production, caFile: ca.pem}`: {
			Unleash: policy.Unleash{URL: "https://unleash.example/demo", Token: "env:UNLEASH", Project: "shop", Environment: "production", CAFile: "ca.pem"},
		},
		"launchdarkly: {project: shop, environment: production, token: secret:guardian/launchdarkly}": {
			LaunchDarkly: policy.LaunchDarkly{Project: "shop", Environment: "production", Token: "secret:guardian/launchdarkly"},
		},
	} {
		text := strings.Replace(base, "flagd: flags.json", written, 1)
		p, err := policy.Parse("guardian.yaml", []byte(text))
		if err != nil {
			t.Errorf("%s: %v", written, err)
			continue
		}
		got := p.Connections.Flags
		want.Timeout = got.Timeout // a default
		if diff := cmp.Diff(want, got); diff != "" || !got.Some() {
			t.Errorf("%s: %s", written, diff)
		}
	}
}
