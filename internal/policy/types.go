package policy

import (
	"strings"

	"github.com/prometheus/alertmanager/pkg/labels"
)

// Version is the apiVersion that this Guardian reads.
const Version = "guardian/v1"

// Policy is a guardian.yaml: what Guardian watches, what it may do, and within which limits.
// Fields left out have the defaults that Load fills in, so that readers never see a zero that
// means something else.
type Policy struct {
	APIVersion  string             `yaml:"apiVersion" json:"apiVersion" jsonschema:"guardian/v1"`
	Mode        Mode               `yaml:"mode" json:"mode,omitempty" jsonschema:"act, suggest or observe; suggest where left out, so that nothing is done without a word; a service, stage or rule may only be stricter"`
	Server      Server             `yaml:"server" json:"server,omitzero" jsonschema:"who may talk to Guardian"`
	Connections Connections        `yaml:"connections" json:"connections" jsonschema:"the systems that Guardian reads and acts through"`
	Notify      []Channel          `yaml:"notify" json:"notify,omitempty" jsonschema:"where people are told"`
	Services    map[string]Service `yaml:"services" json:"services" jsonschema:"by name, as alerts and metrics label them"`
	Gates       map[string]Gate    `yaml:"gates" json:"gates" jsonschema:"how health is measured, by name"`
	Rules       []Rule             `yaml:"rules" json:"rules,omitempty" jsonschema:"which alert leads to which remedies; the first that matches counts"`
	Limits      Limits             `yaml:"limits" json:"limits,omitzero" jsonschema:"bounds on what Guardian does by itself"`
}

// Mode says how far Guardian goes by itself. The strictest of policy, service, stage and rule counts.
type Mode string

// The modes, from the loosest to the strictest.
const (
	Act     Mode = "act"     // carry the plan out
	Suggest Mode = "suggest" // show the plan and wait for a person's approval
	Observe Mode = "observe" // show what would have been done
)

// Stricter gives the stricter of two modes; an empty one has no say.
func (m Mode) Stricter(other Mode) Mode {
	rank := map[Mode]int{"": 0, Act: 1, Suggest: 2, Observe: 3}
	if rank[other] > rank[m] {
		return other
	}
	return m
}

// Server says who may talk to `guardian serve`.
type Server struct {
	URL           string            `yaml:"url" json:"url,omitempty" jsonschema:"where people reach Guardian, for links in messages"`
	WebhookTokens []Secret          `yaml:"webhookTokens" json:"webhookTokens,omitempty" jsonschema:"bearer tokens of Alertmanager and Argo CD; one, or two while rotating"`
	Operators     map[string]Secret `yaml:"operators" json:"operators,omitempty" jsonschema:"name of a person or team to the bearer token of the guardian program"`
}

// Secret is a reference to a secret, never the secret: env:NAME, file:PATH or secret:NAME
// (AWS Secrets Manager).
type Secret string

// Connections are the systems that Guardian reads and acts through.
type Connections struct {
	ArgoCD     ArgoCD     `yaml:"argocd" json:"argocd,omitzero" jsonschema:"Argo CD's API"`
	Prometheus Prometheus `yaml:"prometheus" json:"prometheus" jsonschema:"any Prometheus-compatible query API"`
	Flags      Flags      `yaml:"flags" json:"flags,omitzero" jsonschema:"the store of feature flags"`
}

// ArgoCD is the connection to Argo CD's API server.
type ArgoCD struct {
	Server    string   `yaml:"server" json:"server,omitempty" jsonschema:"host[:port] of argocd-server, without https://"`
	Token     Secret   `yaml:"token" json:"token,omitempty" jsonschema:"reference to the API token"`
	CAFile    string   `yaml:"caFile" json:"caFile,omitempty" jsonschema:"PEM file of the certificate authority"`
	Insecure  bool     `yaml:"insecure" json:"insecure,omitempty" jsonschema:"do not check the server's certificate"`
	PlainText bool     `yaml:"plainText" json:"plainText,omitempty" jsonschema:"no TLS"`
	GRPCWeb   bool     `yaml:"grpcWeb" json:"grpcWeb,omitempty" jsonschema:"for ingresses without HTTP/2"`
	Timeout   Duration `yaml:"timeout" json:"timeout,omitzero" jsonschema:"of one call; 10s"`
}

// Prometheus is the connection to a Prometheus-compatible query API.
type Prometheus struct {
	URL         string   `yaml:"url" json:"url" jsonschema:"base URL, without /api/v1"`
	Token       Secret   `yaml:"token" json:"token,omitempty" jsonschema:"reference to a bearer token"`
	CAFile      string   `yaml:"caFile" json:"caFile,omitempty" jsonschema:"PEM file of the certificate authority"`
	Insecure    bool     `yaml:"insecure" json:"insecure,omitempty" jsonschema:"do not check the server's certificate"`
	Timeout     Duration `yaml:"timeout" json:"timeout,omitzero" jsonschema:"of one query; 10s"`
	ExternalURL string   `yaml:"externalURL" json:"externalURL,omitempty" jsonschema:"where people open it, for links; url"`
}

// Flags is the connection to the store of feature flags: exactly one of FlagD, AppConfig, Unleash
// and LaunchDarkly is set.
type Flags struct {
	FlagD        string       `yaml:"flagd" json:"flagd,omitempty" jsonschema:"flagd definition document: its path, or s3://bucket/key"`
	AppConfig    AppConfig    `yaml:"appconfig" json:"appconfig,omitzero" jsonschema:"AWS AppConfig profile that holds a flagd definition document"`
	Unleash      Unleash      `yaml:"unleash" json:"unleash,omitzero" jsonschema:"one project of an Unleash server in one environment"`
	LaunchDarkly LaunchDarkly `yaml:"launchdarkly" json:"launchdarkly,omitzero" jsonschema:"one project of LaunchDarkly in one environment"`
	OFREP        string       `yaml:"ofrep" json:"ofrep,omitempty" jsonschema:"URL of an OFREP service (flagd serves one) that is asked whether a flip took"`
	Timeout      Duration     `yaml:"timeout" json:"timeout,omitzero" jsonschema:"of one call; 5s"`
}

// Some tells whether a store of flags is connected.
func (f Flags) Some() bool {
	return f.FlagD != "" || f.AppConfig != AppConfig{} || f.Unleash != Unleash{} || f.LaunchDarkly != LaunchDarkly{}
}

// AppConfig names a freeform, hosted configuration profile, by IDs.
type AppConfig struct {
	Application string `yaml:"application" json:"application" jsonschema:"ID of the application, as abc1234"`
	Environment string `yaml:"environment" json:"environment" jsonschema:"ID of the environment, as abc1234"`
	Profile     string `yaml:"profile" json:"profile" jsonschema:"ID of the freeform, hosted configuration profile, as abc1234"`
	Strategy    string `yaml:"strategy" json:"strategy,omitempty" jsonschema:"ID of the deployment strategy of a change; one named guardian-immediate, which is made where it is missing"`
}

// Unleash names the flags of one project in one environment of an Unleash server.
type Unleash struct {
	URL         string `yaml:"url" json:"url" jsonschema:"of the server, without /api"`
	Token       Secret `yaml:"token" json:"token" jsonschema:"reference to a token of the admin API"`
	Project     string `yaml:"project" json:"project" jsonschema:"ID of the project"`
	Environment string `yaml:"environment" json:"environment" jsonschema:"name of the environment"`
	CAFile      string `yaml:"caFile" json:"caFile,omitempty" jsonschema:"PEM file of the certificate authority"`
	Insecure    bool   `yaml:"insecure" json:"insecure,omitempty" jsonschema:"do not check the server's certificate"`
}

// LaunchDarkly names the flags of one project in one environment of LaunchDarkly.
type LaunchDarkly struct {
	Project     string `yaml:"project" json:"project" jsonschema:"key of the project"`
	Environment string `yaml:"environment" json:"environment" jsonschema:"key of the environment"`
	Token       Secret `yaml:"token" json:"token" jsonschema:"reference to an access token of the REST API"`
	URL         string `yaml:"url" json:"url,omitempty" jsonschema:"of the EU or federal instance; https://app.launchdarkly.com"`
}

// Channel is one place where people are told; exactly one of Slack and Webhook is set.
type Channel struct {
	Slack    Secret   `yaml:"slack" json:"slack,omitempty" jsonschema:"reference to the URL of a Slack incoming webhook"`
	Webhook  string   `yaml:"webhook" json:"webhook,omitempty" jsonschema:"URL that gets the message as JSON"`
	Token    Secret   `yaml:"token" json:"token,omitempty" jsonschema:"reference to a bearer token for webhook"`
	CAFile   string   `yaml:"caFile" json:"caFile,omitempty" jsonschema:"PEM file of the certificate authority"`
	Insecure bool     `yaml:"insecure" json:"insecure,omitempty" jsonschema:"do not check the server's certificate"`
	Only     Urgency  `yaml:"only" json:"only,omitempty" jsonschema:"page: only what a person must look at now; all"`
	Timeout  Duration `yaml:"timeout" json:"timeout,omitzero" jsonschema:"of one message; 10s"`
}

// Urgency of a message.
type Urgency string

// The urgencies.
const (
	All  Urgency = "all"
	Page Urgency = "page"
)

// Service is one deployable service.
type Service struct {
	Image    string          `yaml:"image" json:"image,omitempty" jsonschema:"ECR repository; for promotion, which is not built yet"`
	Gates    []string        `yaml:"gates" json:"gates,omitempty" jsonschema:"names of the gates that tell its health"`
	Flags    map[string]Flag `yaml:"flags" json:"flags,omitempty" jsonschema:"its feature flags, by key"`
	Mode     Mode            `yaml:"mode" json:"mode,omitempty" jsonschema:"stricter than the policy's"`
	Unproven Unproven        `yaml:"unproven" json:"unproven,omitempty" jsonschema:"may Guardian revert to a release that never proved good? suggest or allow; suggest"`
	Prune    bool            `yaml:"prune" json:"prune,omitempty" jsonschema:"a revert also removes resources that only the bad release has"`
	Stages   []Stage         `yaml:"stages" json:"stages" jsonschema:"in the order of promotion"`
}

// Unproven says what a revert may do when no earlier release ever proved good.
type Unproven string

// The answers to it.
const (
	UnprovenSuggest Unproven = "suggest" // ask a person first
	UnprovenAllow   Unproven = "allow"
)

// Flag is a feature flag that Guardian may put to its safe variant.
type Flag struct {
	Safe string `yaml:"safe" json:"safe" jsonschema:"the variant that is known to be safe"`
}

// Stage is one place where a service runs: one Argo CD application.
type Stage struct {
	Name        string   `yaml:"name" json:"name" jsonschema:"as alerts and metrics label it"`
	Application string   `yaml:"application" json:"application" jsonschema:"[namespace/]name of the Argo CD application"`
	Project     string   `yaml:"project" json:"project,omitempty" jsonschema:"its Argo CD project; read from the application where left out"`
	Deploy      Deploy   `yaml:"deploy" json:"deploy,omitempty" jsonschema:"how releases get here: wait, parameter or git; wait; for promotion, which is not built yet"`
	Bake        Duration `yaml:"bake" json:"bake,omitzero" jsonschema:"how long a release must stay healthy to prove good; 10m"`
	Images      string   `yaml:"images" json:"images,omitempty" jsonschema:"pattern of the image tags that belong here; for promotion, which is not built yet"`
	Approvals   int      `yaml:"approvals" json:"approvals,omitempty" jsonschema:"how many people approve a promotion; for promotion, which is not built yet"`
	Settle      Duration `yaml:"settle" json:"settle,omitzero" jsonschema:"how long a change may take to be live; 5m"`
	Mode        Mode     `yaml:"mode" json:"mode,omitempty" jsonschema:"stricter than the service's"`
}

// Deploy says how a release gets to a stage.
type Deploy string

// The ways.
const (
	DeployWait      Deploy = "wait"      // somebody else ships it: watch
	DeployParameter Deploy = "parameter" // Argo CD Helm parameter
	DeployGit       Deploy = "git"       // commit to the values file
)

// Gate is one way to measure health: either a query with conditions, in Argo Rollouts' words and
// meaning (https://argo-rollouts.readthedocs.io/en/stable/features/analysis/), or counts of bad
// and total events. In queries $service, $stage, $application and $window are filled in.
type Gate struct {
	Query            string `yaml:"query" json:"query,omitempty" jsonschema:"PromQL of a value"`
	SuccessCondition string `yaml:"successCondition" json:"successCondition,omitempty" jsonschema:"expression over result that must hold"`
	FailureCondition string `yaml:"failureCondition" json:"failureCondition,omitempty" jsonschema:"expression over result that must not hold"`

	Bad       string   `yaml:"bad" json:"bad,omitempty" jsonschema:"PromQL of the number of bad events in $window"`
	Total     string   `yaml:"total" json:"total,omitempty" jsonschema:"PromQL of the number of all events in $window"`
	Max       *Percent `yaml:"max" json:"max,omitempty" jsonschema:"bad/total above this is a failure"`
	Tolerance *Percent `yaml:"tolerance" json:"tolerance,omitempty" jsonschema:"how much worse than the baseline is still well, as 25%: judged by evidence"`
	Alpha     *Percent `yaml:"alpha" json:"alpha,omitempty" jsonschema:"of healthy changes, how many the evidence may call bad, however often it is looked at; shared by all gates that are judged together; 5%"`
	Min       *Percent `yaml:"min" json:"min,omitempty" jsonschema:"bad/total up to this is well whatever the baseline was; 0.1%"`

	Baseline        *Baseline   `yaml:"baseline" json:"baseline,omitempty" jsonschema:"what is compared with: what ran before the change, or what runs beside it"`
	Direction       Direction   `yaml:"direction" json:"direction,omitempty" jsonschema:"which change of a value is bad: increase, decrease or either; increase"`
	AllowedIncrease Percent     `yaml:"allowedIncrease" json:"allowedIncrease,omitempty" jsonschema:"how far a value may rise above the baseline's mean, as 20%; 0%"`
	AllowedDecrease Percent     `yaml:"allowedDecrease" json:"allowedDecrease,omitempty" jsonschema:"how far a value may fall below the baseline's mean, as 20%; 0%"`
	NaNStrategy     NaNStrategy `yaml:"nanStrategy" json:"nanStrategy,omitempty" jsonschema:"what NaN in a compared value is: remove (no point) or replace (0); remove"`

	Window                  Duration  `yaml:"window" json:"window,omitzero" jsonschema:"what $window stands for at most; 1m"`
	Interval                Duration  `yaml:"interval" json:"interval,omitzero" jsonschema:"between two measurements; 15s"`
	InitialDelay            Duration  `yaml:"initialDelay" json:"initialDelay,omitzero" jsonschema:"before the first measurement; give pods that drain a few seconds where interval is short; 0s"`
	FailureLimit            *int      `yaml:"failureLimit" json:"failureLimit,omitempty" jsonschema:"failed measurements that are borne: one more fails the gate; -1 is no limit; 2"`
	InconclusiveLimit       *int      `yaml:"inconclusiveLimit" json:"inconclusiveLimit,omitempty" jsonschema:"inconclusive measurements that are borne; -1 is no limit; 0"`
	ConsecutiveErrorLimit   *int      `yaml:"consecutiveErrorLimit" json:"consecutiveErrorLimit,omitempty" jsonschema:"errors in a row that are borne; 4"`
	ConsecutiveSuccessLimit *int      `yaml:"consecutiveSuccessLimit" json:"consecutiveSuccessLimit,omitempty" jsonschema:"good measurements in a row that are enough; 2"`
	MinSampleCount          *int      `yaml:"minSampleCount" json:"minSampleCount,omitempty" jsonschema:"fewer total events than this in a window are no data; 30"`
	NoData                  NoDataHow `yaml:"noData" json:"noData,omitempty" jsonschema:"what no data counts as: hold, pass or fail; hold"`
	DryRun                  bool      `yaml:"dryRun" json:"dryRun,omitempty" jsonschema:"measured and shown, but never decides"`
}

// Counts tells whether the gate is one of bad and total events.
func (g Gate) Counts() bool { return g.Bad != "" || g.Total != "" }

// Compares tells whether the gate holds a value against a baseline.
func (g Gate) Compares() bool { return g.Query != "" && g.Baseline != nil }

// Baseline is the other side of a comparison: what ran before the change (Before, the rule where
// nothing is said), or the queries of what runs beside it, as in a canary, blue/green or shadow.
type Baseline struct {
	Bad    string   `yaml:"bad" json:"bad,omitempty" jsonschema:"PromQL of the baseline's bad events, beside the gate's own"`
	Total  string   `yaml:"total" json:"total,omitempty" jsonschema:"PromQL of the baseline's events"`
	Query  string   `yaml:"query" json:"query,omitempty" jsonschema:"PromQL of the baseline's value"`
	Before Duration `yaml:"before" json:"before,omitzero" jsonschema:"how long before the change, by the gate's own queries; 30m"`
}

// Beside tells whether the baseline runs at the same time.
func (b *Baseline) Beside() bool { return b != nil && (b.Bad != "" || b.Total != "" || b.Query != "") }

// Direction says which change of a value is bad, in Kayenta's words.
type Direction string

// The directions.
const (
	Increase Direction = "increase"
	Decrease Direction = "decrease"
	Either   Direction = "either"
)

// NaNStrategy says what NaN in a compared value counts as, in Kayenta's words.
type NaNStrategy string

// The strategies.
const (
	NaNRemove  NaNStrategy = "remove"
	NaNReplace NaNStrategy = "replace"
)

// NoDataHow says what a measurement without data counts as.
type NoDataHow string

// The ways.
const (
	NoDataHold NoDataHow = "hold"
	NoDataPass NoDataHow = "pass"
	NoDataFail NoDataHow = "fail"
)

// Rule leads an alert to remedies.
type Rule struct {
	Name     string       `yaml:"name" json:"name,omitempty" jsonschema:"for people; rule N where left out"`
	Match    Matchers     `yaml:"match" json:"match" jsonschema:"Alertmanager matchers over the alert's labels"`
	Target   Target       `yaml:"target" json:"target" jsonschema:"which service and stage the alert speaks of"`
	Gates    []string     `yaml:"gates" json:"gates,omitempty" jsonschema:"gates that confirm the alert; verify's, else the service's"`
	Remedies []RemedyKind `yaml:"remedies" json:"remedies" jsonschema:"what may be done, in this order: flag, revert"`
	Verify   Verify       `yaml:"verify" json:"verify,omitzero" jsonschema:"how it is told that a remedy helped"`
	Mode     Mode         `yaml:"mode" json:"mode,omitempty" jsonschema:"stricter than the target's; where an alert joins an incident of a stricter rule, the looser rule takes over while nothing is done or answered yet"`
}

// Target names a service and a stage, each by name or by "label NAME".
type Target struct {
	Service NameOf `yaml:"service" json:"service" jsonschema:"a service's name, or: label NAME"`
	Stage   NameOf `yaml:"stage" json:"stage" jsonschema:"a stage's name, or: label NAME"`
}

// NameOf is a name, or "label NAME" for the value of an alert's label. The value only ever picks
// a name that the policy has.
type NameOf string

// From gives the name for an alert's labels; "" when it lacks the label.
func (n NameOf) From(labels map[string]string) string {
	if label, ok := strings.CutPrefix(string(n), "label "); ok {
		return labels[strings.TrimSpace(label)]
	}
	return string(n)
}

// RemedyKind is a way to undo a change.
type RemedyKind string

// The remedies.
const (
	RemedyFlag   RemedyKind = "flag"   // put a feature flag to its safe variant
	RemedyRevert RemedyKind = "revert" // Argo CD back to a release that proved good
)

// Verify says how it is told that a remedy helped.
type Verify struct {
	Gates  []string `yaml:"gates" json:"gates,omitempty" jsonschema:"names of gates; the service's where left out"`
	Within Duration `yaml:"within" json:"within,omitzero" jsonschema:"how long a remedy may take to help; 4m"`
}

// Limits bound what Guardian does by itself.
type Limits struct {
	Cooldown    Duration `yaml:"cooldown" json:"cooldown,omitzero" jsonschema:"between two incidents in which Guardian changed the same target; 30m"`
	Fleet       Rate     `yaml:"fleet" json:"fleet,omitzero" jsonschema:"remedies over all targets, as: 3 in 15m"`
	Share       Percent  `yaml:"share" json:"share,omitempty" jsonschema:"of the services that may be changed within fleet's time; at least one may; 50%"`
	AlertMaxAge Duration `yaml:"alertMaxAge" json:"alertMaxAge,omitzero" jsonschema:"an alert that began longer ago leads to nothing; 20m"`
	BlameWindow Duration `yaml:"blameWindow" json:"blameWindow,omitzero" jsonschema:"only changes this long before the alert are suspects; 1h"`
	Approval    Duration `yaml:"approval" json:"approval,omitzero" jsonschema:"how long a suggestion waits for a person; what is approved is done if the metrics still say that it is bad; 30m"`
}

// Matchers are Alertmanager matchers that must all hold, as '{alertname="X", severity=~"a|b"}'.
type Matchers struct {
	Text string
	list labels.Matchers
}
