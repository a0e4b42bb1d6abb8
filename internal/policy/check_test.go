package policy_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/cinegit/guardian/internal/policy"
)

// base is a policy without a mistake; the cases below break it in one place each.
const base = `apiVersion: guardian/v1
mode: suggest
server:
  url: https://guardian.example
  webhookTokens: [env:NEW, env:OLD]
connections:
  argocd: {server: argocd.example}
  prometheus: {url: "http://prometheus:9090"}
  flags: {flagd: flags.json}
notify:
  - slack: env:SLACK
services:
  review:
    gates: [errors]
    flags: {merge: {safe: "off"}}
    mode: suggest
    stages:
      - {name: dev, application: review-dev}
      - {name: prod, application: review-prod, mode: suggest}
  player:
    gates: [errors]
    stages:
      - {name: live, application: media/player}
gates:
  errors:
    bad: sum(increase(bad_total{service="$service"}[$window]))
    total: sum(increase(all_total{service="$service"}[$window]))
    max: 5%
  latency:
    query: quantile(0.9, latency{service="$service",env="$stage"})
    failureCondition: result > 0.5
rules:
  - match: severity="critical"
    target: {service: label service, stage: label env}
    gates: [latency]
    remedies: [flag, revert]
    verify: {within: 4m}
  - match: severity="page"
    target: {service: review, stage: prod}
    remedies: [revert]
    mode: observe
limits: {fleet: 3 in 15m}
`

type mistakeCase struct {
	name     string
	from, to string // what is changed in base
	at       string // what the mistake must point at: the first place with this text
	problem  string // what it must say
	fix      string
}

func TestEveryMistakeIsToldAtItsPlaceWithItsFix(t *testing.T) {
	if _, err := policy.Parse("base.yaml", []byte(base)); err != nil {
		t.Fatalf("the base has mistakes:\n%v", err)
	}
	for _, cases := range [][]mistakeCase{generalMistakes, serviceMistakes, gateMistakes, ruleMistakes, shapeMistakes} {
		for _, c := range cases {
			t.Run(c.name, c.run)
		}
	}
}

func (c mistakeCase) run(t *testing.T) {
	if strings.Count(base, c.from) != 1 {
		t.Fatalf("the base has %q %d times", c.from, strings.Count(base, c.from))
	}
	src := strings.Replace(base, c.from, c.to, 1)
	_, err := policy.Parse("guardian.yaml", []byte(src))
	var found policy.Mistakes
	if !errors.As(err, &found) || len(found) != 1 {
		t.Fatalf("want one mistake, got:\n%v", err)
	}
	m := found[0]
	if got, want := fmt.Sprintf("%d:%d", m.Line, m.Column), placeOf(t, src, c.at); got != want {
		t.Errorf("it points at %s, want %s (%q):\n%v", got, want, c.at, m)
	}
	if !strings.Contains(m.Problem, c.problem) || !strings.Contains(m.Fix, c.fix) || m.Fix == "" {
		t.Errorf("want the problem %q and the fix %q, got:\n%v", c.problem, c.fix, m)
	}
}

func placeOf(t *testing.T, src, text string) string {
	t.Helper()
	before, _, ok := strings.Cut(src, text)
	if !ok {
		t.Fatalf("%q is not in the file", text)
	}
	column := utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:]) + 1
	return fmt.Sprintf("%d:%d", strings.Count(before, "\n")+1, column)
}

var generalMistakes = []mistakeCase{
	{"another version", "guardian/v1", "guardian/v9", "guardian/v9", `"guardian/v9" is not one`, "guardian/v1"},
	{"no version", "apiVersion: guardian/v1\n", "", "mode: suggest", "the policy has no apiVersion", "add apiVersion"},
	{"an unknown mode", "mode: suggest\nserver", "mode: suggets\nserver", "suggets", `mode cannot be "suggets"`, "did you mean suggest?"},
	{"a URL without a scheme", "url: https://guardian.example", "url: guardian.example", "guardian.example", "url is not a URL", "https://"},
	{"a URL of another scheme", "url: https://guardian.example", "url: ftp://guardian.example", "ftp:", "url is not a URL", "https://"},
	{"a URL without a host", "http://prometheus:9090", "http://:9090", `"http://:`, "url is not a URL", "https://"},
	{"a URL with a bad escape", "http://prometheus:9090", "http://prom%zz", `"http://prom%zz`, "url is not a URL", "https://"},
	{"a URL with a password", "http://prometheus:9090", "http://a:b@prometheus:9090", `"http://a:b@`, "holds a user name or password", "take it out"},
	{"three webhook tokens", "env:OLD", "env:OLD, env:OLDER", "env:OLDER", "more than two webhookTokens", "keep the new one"},
	{"a secret in the clear", "env:OLD", "hunter2", "hunter2", "is not a reference to a secret", "env:NAME"},
	{"no Argo CD", "  argocd: {server: argocd.example}\n", "", "connections", "need a connection to Argo CD", "add argocd"},
	{"an Argo CD by URL", "argocd.example", "https://argocd.example", "https://argocd.example", "server is not host[:port]", "the name alone"},
	{"no Prometheus", "  prometheus: {url: \"http://prometheus:9090\"}\n", "", "connections", "connections has no prometheus", "add prometheus"},
	{"no flag store", "  flags: {flagd: flags.json}\n", "", "connections", "declare flags", "add flags"},
	{"flags in another cloud", "flagd: flags.json", "flagd: gs://bucket/flags.json", "gs://", "cannot be read from gs", "s3://bucket/key"},
	{"flags in S3 without a key", "flagd: flags.json", "flagd: s3://bucket", "s3://", "not the address of a document in S3", "s3://bucket/key"},
	{"flags in two stores", "flagd: flags.json", "flagd: flags.json, appconfig: {application: abc1234, environment: abc1234, profile: abc1234}", "{application: abc1234", "flags names two stores, flagd and appconfig", "keep the one"},
	{"AppConfig by name", "flagd: flags.json", "appconfig: {application: abc1234, environment: production, profile: abc1234}", "production", "environment is not an ID of AppConfig", "write its ID"},
	{"a deployment strategy by name", "flagd: flags.json", "appconfig: {application: abc1234, environment: abc1234, profile: abc1234, strategy: AllAtOnce}", "AllAtOnce", "strategy is not an ID of AppConfig", "write its ID"},
	{"AppConfig without its profile", "flagd: flags.json", "appconfig: {application: abc1234, environment: abc1234}", "appconfig", "appconfig has no profile", "add profile"},
	{"Unleash's token in the clear", "flagd: flags.json", `unleash: {url: "https://unleash", token: "*:*.hunter2", project: shop, environment: prod}`, `"*:*.`, "is not a reference to a secret", "env:NAME"},
	{"Unleash's API instead of the server", "flagd: flags.json", `unleash: {url: "https://unleash/api/", token: env:T, project: shop, environment: prod}`, `"https://unleash/api`, "url ends with /api", "without it"},
	{"an Unleash that is no URL", "flagd: flags.json", `unleash: {url: "unleash:4242", token: env:T, project: shop, environment: prod}`, `"unleash:4242`, "url is not a URL", "https://"},
	{"LaunchDarkly without its environment", "flagd: flags.json", "launchdarkly: {project: shop, token: env:T}", "launchdarkly", "launchdarkly has no environment", "add environment"},
	{"a LaunchDarkly that is no URL", "flagd: flags.json", "launchdarkly: {project: shop, environment: prod, token: env:T, url: eu}", "eu}", "url is not a URL", "https://"},
	{"a connection without time", "server: argocd.example", "server: argocd.example, timeout: 0s", "0s", "timeout must be above zero", "30s"},
	{"a channel to nowhere", "slack: env:SLACK", "only: page", "only: page", "neither slack nor webhook", "add one"},
	{"a channel to two places", "slack: env:SLACK", `{slack: env:SLACK, webhook: "https://pager"}`, "{slack", "both slack and webhook", "two channels"},
	{"a token for Slack", "slack: env:SLACK", "{slack: env:SLACK, token: env:T}", "env:T", "takes no token", "remove it"},
	{"a webhook that is no URL", "slack: env:SLACK", "webhook: pager", "pager", "webhook is not a URL", "https://"},
	{"a share of nothing", "limits: {", "limits: {share: 0%, ", "0%,", "share cannot be 0%", "above 0%"},
	{"a share above all", "limits: {", "limits: {share: 101%, ", "101%", "share cannot be 101%", "at most 100%"},
	{"no alert young enough", "limits: {", "limits: {alertMaxAge: 0s, ", "0s", "alertMaxAge must be above zero", "30s"},
	{"no time to blame", "limits: {", "limits: {blameWindow: 0s, ", "0s", "blameWindow must be above zero", "30s"},
	{"no time to approve", "limits: {", "limits: {approval: 0s, ", "0s", "approval must be above zero", "30s"},
	{"no remedy at all", "3 in 15m", "0 in 15m", "0 in", "fleet allows no remedy", "mode: observe"},
}

var serviceMistakes = []mistakeCase{
	{"a service looser than the policy", "    mode: suggest\n    stages", "    mode: act\n    stages", "act\n", "looser than suggest of the policy", "suggest or stricter"},
	{"a stage looser than its service", "mode: suggest}", "mode: act}", "act}", "looser than suggest of its service", "suggest or stricter"},
	{"a service without stages", "    stages:\n      - {name: live, application: media/player}\n", "", "player:", "player has no stages", "add stages"},
	{"a service with an empty list of stages", "    stages:\n      - {name: live, application: media/player}\n", "    stages: []\n", "[]", "stages is empty", "give it a value"},
	{"a stage without a name", "{name: live, ", "{", "{application: media", "stages[0] has no name", "add name"},
	{"a stage without an application", ", application: media/player", "", "{name: live}", "stages[0] has no application", "add application"},
	{"a stage named twice", "{name: prod,", "{name: prod, application: review-next}\n      - {name: prod,", "prod, application: review-prod", "stage prod is named twice in service review", "name of its own"},
	{"an application used twice", "media/player", "review-dev", "review-dev}\ngates", "already that of stage dev of service review", "of its own"},
	{"an application that is no name", "media/player", "Media/Player", "Media/Player", "not a name in Kubernetes", "[namespace/]name"},
	{"a service that is no name", "  player:", "  play er:", "play er", `service "play er" is not a name`, "letters"},
	{"a stage that is no name", "name: live", `name: "a b"`, `"a b"`, `stage "a b" is not a name`, "letters"},
	{"an unknown gate of a service", "    gates: [errors]\n    flags", "    gates: [erros]\n    flags", "erros]", `there is no gate "erros"`, "did you mean errors?"},
	{"a gate twice", "    gates: [errors]\n    flags", "    gates: [errors, errors]\n    flags", "errors]", "gate errors is named twice", "remove"},
	{"a flag without its safe variant", `{safe: "off"}`, "{}", "merge", "merge has no safe", "add safe"},
	{"a flag that YAML reads as a boolean", `safe: "off"`, "safe: false", "false", "true or false where a text is needed", `"false"`},
	{"a bake of no time", "application: media/player", "application: media/player, bake: 0s", "0s", "bake must be above zero", "30s"},
	{"a settle of no time", "application: media/player", "application: media/player, settle: 0s", "0s", "settle must be above zero", "30s"},
	{"less than no approvals", "application: media/player", "application: media/player, approvals: -1", "-1", "cannot be below zero", "how many"},
	{"a pattern that is none", "application: media/player", `application: media/player, images: "[v"`, `"[v"`, "is not a pattern", "v*"},
}

var gateMistakes = []mistakeCase{
	{"a gate never used", "    gates: [latency]\n", "", "latency:", "gate latency is never used", "remove it"},
	{"a gate that measures nothing", "    query: quantile(0.9, latency{service=\"$service\",env=\"$stage\"})\n    failureCondition: result > 0.5\n", "    window: 1m\n", "latency:", "measures nothing", "add query"},
	{"a gate with query and counts", "    max: 5%\n", "    max: 5%\n    query: up\n", "bad: sum", "both query and counts", "keep query"},
	{"a query without a condition", "    failureCondition: result > 0.5\n", "", "quantile", "no condition", "failureCondition"},
	{"a gate without total", "    total: sum(increase(all_total{service=\"$service\"}[$window]))\n", "", "errors:\n", "only one of bad and total", "add total"},
	{"a gate without bad", "    bad: sum(increase(bad_total{service=\"$service\"}[$window]))\n", "", "errors:\n", "only one of bad and total", "add bad"},
	{"counts without a bound", "    max: 5%\n", "", "errors:\n", "neither max nor tolerance", "add max"},
	{"a bound beyond reach", "max: 5%", "max: 100%", "100%", "can never be exceeded", "less than 100%"},
	{"a bound of counts on a query", "    failureCondition: result > 0.5\n", "    failureCondition: result > 0.5\n    tolerance: 10%\n", "tolerance", "tolerance means nothing", "remove"},
	{"a condition on counts", "    max: 5%\n", "    max: 5%\n    successCondition: result < 1\n", "successCondition", "means nothing in a gate with counts", "remove"},
	{"PromQL that does not parse", "quantile(0.9, latency{", "quantile(0.9, latency{{", "quantile", "not valid PromQL: unexpected", "correct it"},
	{"PromQL with an unknown function", "quantile(0.9, latency{service", "quantil(0.9, latency{service", "quantil(", "unknown function", "correct it"},
	{"PromQL of a range", `quantile(0.9, latency{service="$service",env="$stage"})`, "latency[$window]", "latency[", "gives a range", "rate("},
	{"PromQL of a text", `quantile(0.9, latency{service="$service",env="$stage"})`, `'"up"'`, `'"up"'`, "gives a text", "numbers"},
	{"a variable without quotes", `env="$stage"`, "env=$stage", "quantile", "unexpected identifier $stage in label matching, expected string (at 1:46 of the query)", "correct it"},
	{"an unknown variable", `env="$stage"`, `env="$env"`, "quantile", "unknown variable $env", "$service"},
	{"a misspelt variable", "bad_total{service=\"$service\"}[$window]", "bad_total{service=\"$service\"}[$windw]", "sum", "unknown variable $windw", "did you mean $window?"},
	{"a condition that does not compile", "result > 0.5", "result >", "result >", "failureCondition is not understood", "result > 0.5"},
	{"a condition that is none", "result > 0.5", "result + 0.5", "result + 0.5", "failureCondition is not understood", "result > 0.5"},
	{"a window of no time", "    max: 5%\n", "    max: 5%\n    window: 0s\n", "0s", "window must be above zero", "30s"},
	{"an interval of no time", "    max: 5%\n", "    max: 5%\n    interval: 0s\n", "0s", "interval must be above zero", "30s"},
	{"a failure limit below no limit", "    max: 5%\n", "    max: 5%\n    failureLimit: -2\n", "-2", "failureLimit cannot be -2", "-1 or more"},
	{"an inconclusive limit below no limit", "    max: 5%\n", "    max: 5%\n    inconclusiveLimit: -2\n", "-2", "inconclusiveLimit cannot be -2", "-1 or more"},
	{"an error limit below zero", "    max: 5%\n", "    max: 5%\n    consecutiveErrorLimit: -1\n", "-1", "cannot be -1", "0 or more"},
	{"success without a measurement", "    max: 5%\n", "    max: 5%\n    consecutiveSuccessLimit: 0\n", "0\n  latency", "cannot be 0", "1 or more"},
	{"samples without a sample", "    max: 5%\n", "    max: 5%\n    minSampleCount: 0\n", "0\n  latency", "cannot be 0", "1 or more"},
	{"alpha of nothing", "    max: 5%\n", "    tolerance: 25%\n    alpha: 0%\n", "0%\n  latency", "alpha 0% is no bound", "up to 20%"},
	{"alpha beyond sense", "    max: 5%\n", "    tolerance: 25%\n    alpha: 50%\n", "50%", "alpha 50% is no bound", "up to 20%"},
	{"alpha without a comparison", "    max: 5%\n", "    max: 5%\n    alpha: 5%\n", "alpha", "alpha means nothing in a gate without tolerance", "remove"},
	{"a min of everything", "    max: 5%\n", "    tolerance: 25%\n    min: 100%\n", "100%", "would call everything well", "less than 100%"},
	{"a min above max", "    max: 5%\n", "    max: 5%\n    tolerance: 25%\n    min: 6%\n", "6%", "min 6% is above max 5%", "below max"},
	{"a baseline without tolerance", "    max: 5%\n", "    max: 5%\n    baseline: {before: 1h}\n", "baseline", "nothing is compared", "add tolerance"},
	{"a baseline before and beside", "    max: 5%\n", "    tolerance: 25%\n    baseline: {before: 1h, bad: sum(a), total: sum(b)}\n", "1h", "before the change and beside it at once", "keep"},
	{"a baseline of no time", "    max: 5%\n", "    tolerance: 25%\n    baseline: {before: 0s}\n", "0s", "before must be above zero", "30s"},
	{"a baseline of one count", "    max: 5%\n", "    tolerance: 25%\n    baseline: {bad: sum(a)}\n", "baseline", "only one of bad and total", "add the other"},
	{"a baseline of another kind", "    failureCondition: result > 0.5\n", "    baseline: {bad: sum(a), total: sum(b)}\n", "baseline", "not of the gate's kind", "query for a query"},
	{"a baseline that does not parse", "    failureCondition: result > 0.5\n", "    baseline: {query: sum(}\n", "sum(}", "not valid PromQL", "correct it"},
	{"a direction without a baseline", "    failureCondition: result > 0.5\n", "    failureCondition: result > 0.5\n    direction: either\n", "direction", "direction means nothing in a gate without a baseline", "remove"},
	{"a direction that is none", "    failureCondition: result > 0.5\n", "    baseline: {before: 1h}\n    direction: up\n", "up\n", "direction cannot be", "increase, decrease, either"},
	{"a gate that is no name", "    max: 5%\n", "    max: 5%\n  p/99: {query: up, failureCondition: result < 1}\n", "p/99", `gate "p/99" is not a name`, "letters"},
}

var ruleMistakes = []mistakeCase{
	{"matchers that do not parse", `severity="critical"`, `severity="critical`, "severity=", "not understood", "Alertmanager"},
	{"matchers that match every name", `severity="critical"`, `alertname=~".+"`, "alertname", "match every alert", "by its value"},
	{"matchers that match what lacks the label", `severity="critical"`, `severity!="info"`, "severity!", "match every alert", "by its value"},
	{"no matchers", `severity="critical"`, `"{}"`, `"{}"`, "would match every alert", "at least one label"},
	{"an unknown service", "{service: review, stage: prod}", "{service: reviews, stage: prod}", "reviews", `no service "reviews"`, "did you mean review?"},
	{"an unknown stage", "{service: review, stage: prod}", "{service: review, stage: live}", "live}\n    remedies", `no stage "live"`, "dev, prod"},
	{"a stage that no service has", "stage: label env", "stage: test", "test", `no stage "test"`, "label NAME"},
	{"a label that is none", "stage: label env", "stage: label the env", "label the env", "not the name of a label", "label env"},
	{"an unknown gate to confirm", "gates: [latency]", "gates: [latency, latenci]", "latenci", `no gate "latenci"`, "did you mean latency?"},
	{"an unknown gate to verify", "verify: {within: 4m}", "verify: {within: 4m, gates: [error]}", "error]", `no gate "error"`, "did you mean errors?"},
	{"no remedies", "remedies: [revert]", "remedies: []", "[]", "remedies is empty", "give it a value"},
	{"an unknown remedy", "remedies: [revert]", "remedies: [reverse]", "reverse", `cannot be "reverse"`, "did you mean revert?"},
	{"a remedy twice", "remedies: [revert]", "remedies: [revert, revert]", "revert]\n    mode", "named twice", "remove"},
	{"a flag remedy without flags", "{service: review, stage: prod}\n    remedies: [revert]", "{service: player, stage: live}\n    remedies: [flag]", "flag]", "declares no flag", "declare"},
	{"a rule looser than the policy", "verify: {within: 4m}", "mode: act", "act\n", "looser than suggest of the policy", "suggest or stricter"},
	{"a rule looser than its target", "mode: observe", "mode: act", "act\n", "looser than suggest of its target", "suggest or stricter"},
	{"a service that nothing verifies", "    gates: [errors]\n    stages", "    stages", "{within", "no gate tells whether a remedy helped player", "give the service gates"},
	{"a service that only dry runs verify",
		"result > 0.5\nrules:\n  - match: severity=\"critical\"\n    target: {service: label service, stage: label env}\n    gates: [latency]\n    remedies: [flag, revert]\n    verify: {within: 4m}",
		"result > 0.5\n    dryRun: true\nrules:\n  - match: severity=\"critical\"\n    target: {service: label service, stage: label env}\n    remedies: [flag, revert]\n    verify: {within: 4m, gates: [latency]}",
		"{within", "no gate tells whether a remedy helped player, review", "dryRun do not count"},
	{"a name twice", "    target: {service: review, stage: prod}", "    name: rule 1\n    target: {service: review, stage: prod}", "rule 1", "two rules are named rule 1", "a name of its own"},
	{"no time to heal", "within: 4m", "within: 0s", "0s", "within must be above zero", "30s"},
	{"a range longer than the time to heal", "bad_total{service=\"$service\"}[$window]", "bad_total{service=\"$service\"}[5m]", "sum", "looks back 5m, but rule 1 wants to be verified within 4m", "use $window"},
	{"measurements longer than the time to heal", "    max: 5%\n", "    max: 5%\n    interval: 5m\n", "errors:\n", "needs 5m", "shorten"},
}

var shapeMistakes = []mistakeCase{
	{"an unknown field", "    remedies: [revert]", "    remedies: [revert]\n    verfiy: {}", "verfiy", "unknown field verfiy", "did you mean verify?"},
	{"an unknown field far from all", "    remedies: [revert]", "    remedies: [revert]\n    zzzzzz: {}", "zzzzzz", "unknown field zzzzzz", "name, gates, verify"},
	{"a key twice", "    remedies: [revert]", "    remedies: [revert]\n    mode: suggest", "mode: observe", "mode stands here a second time", "line 41"},
	{"a service twice", "  player:", "  review:", "review:\n    gates: [errors]\n    stages", "review stands here a second time", "line 13"},
	{"a text for a list", "remedies: [revert]", "remedies: revert", "revert\n    mode", "a text where a list is needed", "[revert]"},
	{"a list for a text", "mode: observe", "mode: [observe]", "[observe]", "a list where a text is needed", "text"},
	{"a text for fields", "target: {service: review, stage: prod}", "target: review", "review\n    remedies", "a text where fields are needed", "name: value"},
	{"a list for names", "flags: {merge: {safe: \"off\"}}", "flags: [merge]", "[merge]", "a list where names with values are needed", "name: value"},
	{"fields for matchers", `severity="page"`, `{severity="page"}`, `{severity="page"}`, "a block of fields where a text is needed", "quotes"},
	{"a number for a text", "name: live", "name: 7", "7,", "a number where a text is needed", `"7"`},
	{"a text for a number", "    max: 5%\n", "    max: 5%\n    failureLimit: two\n", "two", "a text where a whole number is needed", "without quotes"},
	{"a broken number", "    max: 5%\n", "    max: 5%\n    failureLimit: 1.5\n", "1.5", "a number where a whole number is needed", "such as 2"},
	{"a number beyond all", "    max: 5%\n", "    max: 5%\n    failureLimit: 99999999999\n", "99999999999", "whole number is needed", "such as 2"},
	{"a text for true or false", "    flags: {merge", "    prune: yes\n    flags: {merge", "yes", "true or false is needed", "without quotes"},
	{"a duration without a unit", "within: 4m", "within: 4", "4}", `duration "4" has no unit`, "4s, 4m or 4h"},
	{"a duration of another kind", "within: 4m", "within: soon", "soon", `duration "soon" is not understood`, "30s"},
	{"a percentage without its sign", "max: 5%", "max: 0.05", "0.05", "no percent sign", "25%"},
	{"a rate of another form", "3 in 15m", "3/15m", "3/15m", "is not a rate", "3 in 15m"},
	{"a field without a value", "mode: observe", "mode:", "mode:\nlimits", "mode is empty", "remove the line"},
	{"a YAML tag", "mode: observe", "mode: !!str observe", "!!str", "tags are not read", "without !!str"},
	{"a merge key", "mode: observe", "<<: {mode: observe}", "<<", "not a plain name", "name: value"},
	{"an alias of nothing", "mode: observe", "mode: *mode", "*mode", "alias *mode stands for nothing", "&mode"},
}

func TestAComparingGateHasItsDefaults(t *testing.T) {
	text := strings.NewReplacer("    max: 5%\n", "    tolerance: 25%\n    baseline: {}\n",
		"    failureCondition: result > 0.5\n", "    baseline: {query: up}\n").Replace(base)
	p, err := policy.Parse("guardian.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	errs, latency := p.Gates["errors"], p.Gates["latency"]
	if *errs.Alpha != .05 || *errs.Min != .001 || errs.Baseline.Before.D() != 30*time.Minute || errs.Baseline.Beside() {
		t.Errorf("errors is %+v with baseline %+v", errs, errs.Baseline)
	}
	if latency.Direction != policy.Increase || latency.NaNStrategy != policy.NaNRemove || !latency.Baseline.Beside() || latency.Baseline.Before != 0 || !latency.Compares() {
		t.Errorf("latency is %+v with baseline %+v", latency, latency.Baseline)
	}
}
