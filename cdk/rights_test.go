package main

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"

	"github.com/google/go-cmp/cmp"

	"github.com/cinegit/guardian/internal/lambdakit/names"
)

// statement is one statement of the template: of a role, or of a queue, topic, bucket, key or function.
type statement struct {
	who, sid, effect string
	actions, on      []string
	when, why        string
	resourcePolicy   bool
}

// statements gives all that anybody may do by this template.
func (t stackTemplate) statements() []statement {
	var out []statement
	for id, r := range t.Resources {
		switch r.Type {
		case "AWS::IAM::Role":
			out = append(out, t.ofRole(id, r)...)
		case "AWS::IAM::Policy", "AWS::IAM::ManagedPolicy":
			out = append(out, statement{who: t.path(id), sid: "a policy apart from its role", actions: []string{"*"}})
		case "AWS::Lambda::Permission":
			out = append(out, t.ofPermission(r))
		default:
			document, _ := r.Properties["PolicyDocument"].(map[string]any)
			if r.Type == "AWS::KMS::Key" {
				document, _ = r.Properties["KeyPolicy"].(map[string]any)
			}
			for _, s := range list(document["Statement"]) {
				parsed := t.parse(s.(map[string]any))
				parsed.who, parsed.resourcePolicy = t.principal(s.(map[string]any)["Principal"]), true
				out = append(out, parsed)
			}
		}
	}
	slices.SortFunc(out, func(a, b statement) int { return strings.Compare(a.key(), b.key()) })
	return out
}

func (s statement) key() string {
	return strings.Join([]string{s.who, s.sid, strings.Join(s.on, " "), s.effect, strings.Join(s.actions, " "), s.when}, "|")
}

func (t stackTemplate) ofRole(id string, r resource) []statement {
	var out []statement
	trust := r.Properties["AssumeRolePolicyDocument"].(map[string]any)
	for _, s := range list(trust["Statement"]) {
		parsed := t.parse(s.(map[string]any))
		parsed.who, parsed.on, parsed.resourcePolicy = t.principal(s.(map[string]any)["Principal"]), []string{"<" + t.path(id) + ">"}, true
		out = append(out, parsed)
	}
	if managed := list(r.Properties["ManagedPolicyArns"]); len(managed) > 0 {
		out = append(out, statement{who: t.path(id), sid: "managed policies", actions: []string{"*"}, on: []string{t.read(managed)}})
	}
	reasons, _ := r.Metadata[whyKey].(map[string]any)
	for _, policy := range list(r.Properties["Policies"]) {
		document := policy.(map[string]any)["PolicyDocument"].(map[string]any)
		for _, s := range list(document["Statement"]) {
			parsed := t.parse(s.(map[string]any))
			parsed.who, parsed.why = t.path(id), t.read(reasons[parsed.sid])
			out = append(out, parsed)
		}
	}
	return out
}

func (t stackTemplate) ofPermission(r resource) statement {
	s := statement{
		who: t.principal(r.Properties["Principal"]), effect: "Allow", resourcePolicy: true,
		actions: []string{t.read(r.Properties["Action"])}, on: []string{t.read(r.Properties["FunctionName"])},
	}
	conditions := maps.Clone(r.Properties)
	for _, known := range []string{"Principal", "Action", "FunctionName"} {
		delete(conditions, known)
	}
	s.when = t.conditions(conditions)
	return s
}

func (t stackTemplate) parse(s map[string]any) statement {
	out := statement{sid: t.read(s["Sid"]), effect: t.read(s["Effect"])}
	for _, action := range list(s["Action"]) {
		out.actions = append(out.actions, t.read(action))
	}
	for _, on := range list(s["Resource"]) {
		out.on = append(out.on, t.read(on))
	}
	conditions, _ := s["Condition"].(map[string]any)
	out.when = t.conditions(conditions)
	return out
}

func (t stackTemplate) conditions(all map[string]any) string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(all)) {
		inner, ok := all[name].(map[string]any)
		if _, function := inner["Fn::GetAtt"]; !ok || function || inner["Ref"] != nil {
			out = append(out, name+" "+t.read(all[name]))
			continue
		}
		for _, key := range slices.Sorted(maps.Keys(inner)) {
			out = append(out, fmt.Sprintf("%s %s %s", name, key, t.read(inner[key])))
		}
	}
	return strings.Join(out, "; ")
}

func (t stackTemplate) principal(v any) string {
	kinds, ok := v.(map[string]any)
	if !ok {
		kinds = map[string]any{"": v}
	}
	var out []string
	for _, kind := range slices.Sorted(maps.Keys(kinds)) {
		who := t.read(kinds[kind])
		if who == "*" {
			who = "anyone: *"
		}
		out = append(out, who)
	}
	return strings.Join(out, " ")
}

// table writes who may do what to which.
func table(all []statement) string {
	var aligned strings.Builder
	w := tabwriter.NewWriter(&aligned, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "WHO\tMAY\tTO\tDO; WHEN; WHY SO WIDE")
	for _, s := range all {
		tail := short(s.actions)
		if s.when != "" {
			tail += "; when " + s.when
		}
		if s.why != "" {
			tail += "; because: " + s.why
		}
		for _, on := range s.on {
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", s.who, s.effect, on, tail)
		}
	}
	_ = w.Flush()
	return aligned.String()
}

// short writes the actions of one service together.
func short(actions []string) string {
	var out []string
	last := ""
	for _, action := range actions {
		service, name, _ := strings.Cut(action, ":")
		if service == last {
			name = strings.TrimPrefix(name, ":")
		} else {
			name = action
		}
		out, last = append(out, name), service
	}
	return strings.Join(out, " ")
}

func TestWhoMayDoWhatIsAsReviewed(t *testing.T) {
	for file, c := range map[string]stackTemplate{"testdata/rights.golden": plain, "testdata/rights-full.golden": full} {
		got := table(c.statements())
		if *update {
			if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
				t.Fatal(err)
			}
			continue
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), got); diff != "" {
			t.Errorf("%s: the rights have changed; make golden-cdk if they should have (-reviewed +now):\n%s", file, diff)
		}
	}
}

func TestNobodyMayDoEverythingOfAService(t *testing.T) {
	for _, c := range []stackTemplate{plain, full, appConfig} {
		for _, s := range c.statements() {
			for _, action := range s.actions {
				// The account's own administrators keep the key from being out of everybody's reach.
				ownKey := action == "kms:*" && strings.HasSuffix(s.who, ":iam::ACCOUNT:root") && s.resourcePolicy
				if s.effect != "Deny" && strings.Contains(action, "*") && !ownKey {
					t.Errorf("%s: %s may %s on %v", c.name, s.who, action, s.on)
				}
			}
		}
	}
}

func TestAWideResourceIsNamedOnlyWithItsReason(t *testing.T) {
	for _, c := range []stackTemplate{plain, full, appConfig} {
		wide := 0
		for _, s := range c.statements() {
			for _, on := range s.on {
				if s.resourcePolicy || s.effect == "Deny" || !strings.ContainsAny(on, "*?") {
					continue
				}
				wide++
				if len(s.why) < 20 {
					t.Errorf("%s: %s may %v on %s: no reason is given", c.name, s.who, s.actions, on)
				}
			}
		}
		if wide == 0 {
			t.Errorf("%s: no wide resource was found, not even that of a log's streams: nothing was looked at", c.name)
		}
	}
}

// may lists who may do an action, and to what.
func (t stackTemplate) may(action string) map[string][]string {
	out := map[string][]string{}
	for _, s := range t.statements() {
		if s.effect == "Allow" && !s.resourcePolicy && slices.Contains(s.actions, action) {
			out[s.who] = append(out[s.who], s.on...)
		}
	}
	return out
}

// rightsOf lists the actions of a role, sorted.
func (t stackTemplate) rightsOf(role string) []string {
	var out []string
	for _, s := range t.statements() {
		if s.who == role && s.effect == "Allow" {
			out = append(out, s.actions...)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func TestIntakeCanOnlyEnqueue(t *testing.T) {
	log := []string{"logs:CreateLogStream", "logs:PutLogEvents"}
	for role, want := range map[string][]string{
		"alerts-role":      append(log, "secretsmanager:GetSecretValue", "sqs:SendMessage"),
		"deployments-role": append(log, "secretsmanager:GetSecretValue", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage", "sqs:SendMessage"),
	} {
		if diff := cmp.Diff(want, plain.rightsOf(role)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", role, diff)
		}
	}
}

func TestOnlyTheHandsReachWhatTheyChange(t *testing.T) {
	secret := func(name string) string { return "arn:aws:secretsmanager:REGION:ACCOUNT:secret:" + name + "-??????" }
	readers := map[string][]string{}
	for who, secrets := range full.may("secretsmanager:GetSecretValue") {
		for _, s := range secrets {
			readers[s] = append(readers[s], who)
		}
	}
	for _, all := range readers {
		slices.Sort(all)
	}
	want := map[string][]string{
		secret("guardian/argocd"):            {"argocdhand-role"},
		secret("guardian/prometheus"):        {"judge-role"},
		secret("guardian/slack"):             {"notify-role"},
		secret("guardian/operators/on-call"): {"operator-role"},
		secret("guardian/webhook"):           {"alerts-role", "deployments-role"},
	}
	if diff := cmp.Diff(want, readers); diff != "" {
		t.Errorf("who reads which secret (-want +got):\n%s", diff)
	}
	evidence := map[string][]string{} // whoever has the ledger
	for _, f := range names.Functions() {
		if slices.Contains(f.Env, names.Table) {
			evidence[f.Name+"-role"] = []string{"<evidence>/kept/*", "<evidence>/expiring/*"}
		}
	}
	if diff := cmp.Diff(evidence, plain.may("s3:PutObject")); diff != "" {
		t.Errorf("who writes objects without a flag store (-want +got):\n%s", diff)
	}
	evidence["flaghand-role"] = append(evidence["flaghand-role"], "arn:aws:s3:::cinegit-flags/guardian.json")
	if diff := cmp.Diff(evidence, full.may("s3:PutObject")); diff != "" {
		t.Errorf("who writes objects (-want +got):\n%s", diff)
	}
	profile := map[string][]string{"flaghand-role": {
		"arn:aws:appconfig:REGION:ACCOUNT:application/app0001",
		"arn:aws:appconfig:REGION:ACCOUNT:application/app0001/configurationprofile/pro0001",
		"arn:aws:appconfig:REGION:ACCOUNT:application/app0001/environment/env0001",
	}}
	if diff := cmp.Diff(profile, appConfig.may("appconfig:CreateHostedConfigurationVersion")); diff != "" {
		t.Errorf("who writes which profile (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string][]string{"notify-role": {"<bus>"}}, full.may("events:PutEvents")); diff != "" {
		t.Errorf("who publishes (-want +got):\n%s", diff)
	}
}

func TestOnlyTheStepsAndTheReconcilerMoveRemediationsOn(t *testing.T) {
	want := map[string][]string{"dispatch-role": {"<remediation>"}, "reconcile-role": {"<remediation>"}}
	if diff := cmp.Diff(want, plain.may("states:StartExecution")); diff != "" {
		t.Errorf("who starts one (-want +got):\n%s", diff)
	}
	want = map[string][]string{"operator-role": {"<remediation>"}, "reconcile-role": {"<remediation>"}}
	if diff := cmp.Diff(want, plain.may("states:SendTaskSuccess")); diff != "" {
		t.Errorf("who answers one that waits (-want +got):\n%s", diff)
	}
	machine := plain.may("lambda:InvokeFunction")["remediation-role"]
	var functions []string
	for _, name := range []string{"judge", "decide", "argocdhand", "flaghand"} {
		functions = append(functions, "arn:aws:lambda:REGION:ACCOUNT:function:guardian-"+name)
	}
	if diff := cmp.Diff(functions, machine); diff != "" {
		t.Errorf("what the state machine calls (-want +got):\n%s", diff)
	}
}

func TestEveryFunctionHasARoleOfItsOwn(t *testing.T) {
	for _, c := range []stackTemplate{plain, full, appConfig} {
		for name, f := range c.of("AWS::Lambda::Function") {
			if got, want := c.read(f.Properties["Role"]), "<"+name+"-role>"; got != want {
				t.Errorf("%s: %s has %s, want %s", c.name, name, got, want)
			}
		}
	}
}

func TestTheWorldMayOnlyCallTheURLs(t *testing.T) {
	for _, c := range []stackTemplate{plain, full, appConfig} {
		open := map[string]bool{}
		for _, s := range c.statements() {
			if strings.HasPrefix(s.who, "anyone") && s.effect == "Allow" {
				open[s.on[0]] = true
				if !strings.Contains(s.when, "FunctionUrlAuthType NONE") && !strings.Contains(s.when, "InvokedViaFunctionUrl true") {
					t.Errorf("%s: anyone may %v on %v, not only by URL", c.name, s.actions, s.on)
				}
			}
		}
		want := map[string]bool{"<alerts>": true, "<deployments>": true}
		if c.name != full.name {
			want["<operator>"] = true // where IAM does not guard it, its token does
		}
		if diff := cmp.Diff(want, open); diff != "" {
			t.Errorf("%s: what anyone may call (-want +got):\n%s", c.name, diff)
		}
	}
}
