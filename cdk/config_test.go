package main

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func context(t *testing.T, changed map[string]any) func(string) string {
	t.Helper()
	all, err := projectContext()
	if err != nil {
		t.Fatal(err)
	}
	all["policy"] = "guardian.yaml"
	maps.Copy(all, changed)
	return lookUp(all)
}

func TestTheProjectsOwnContextDeploys(t *testing.T) {
	c, err := readConfig(context(t, nil))
	if err != nil {
		t.Fatal(err)
	}
	got := []any{c.name, c.dist, c.logLevel, c.logDays, c.operatorIAM, c.reserve, c.xray, c.kms, c.vpc, len(c.subnets), c.tags["app"]}
	want := []any{"guardian", "dist", "info", 30, false, true, false, false, "", 0, "guardian"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestAMistakeInTheContextIsNamedWithItsFix(t *testing.T) {
	for name, c := range map[string]struct {
		context map[string]any
		want    string
	}{
		"a name with capitals":   {map[string]any{"name": "Guardian"}, "context name is \"Guardian\""},
		"a level that is none":   {map[string]any{"logLevel": "loud"}, "must be debug or info or warn or error"},
		"days that are not kept": {map[string]any{"logDays": "31"}, "1, 3, 5, 7, 14, 30"},
		"a role that is none":    {map[string]any{"argocdRoles": "argocd"}, "ARNs of IAM roles"},
		"no network's name":      {map[string]any{"vpc": "vpc-0", "subnets": "subnet-0123abcd"}, "context vpc"},
		"a network half said":    {map[string]any{"vpc": "vpc-0123abcd"}, "given with vpc"},
		"a switch":               {map[string]any{"kms": "yes"}, "must be true or false"},
		"a tag without value":    {map[string]any{"tags": "app"}, "KEY=VALUE"},
		"no policy":              {map[string]any{"policy": ""}, "path of guardian.yaml"},
		"a policy that is none":  {map[string]any{"policy": "nowhere.yaml"}, "write one there"},
		"no variable at all":     {map[string]any{"reserve": nil}, "context reserve is \"\""},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := readConfig(context(t, c.context))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q in it", err, c.want)
			}
		})
	}
}

func TestAPolicyThatFunctionsCannotUseIsRefused(t *testing.T) {
	raw, err := os.ReadFile("guardian.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ old, now, want string }{
		"a secret in the environment": {"secret:guardian/argocd", "env:ARGOCD_TOKEN", "env:ARGOCD_TOKEN cannot be read by a function"},
		"webhooks open to the world":  {"webhookTokens: [secret:guardian/webhook]", "webhookTokens: []", "webhookTokens"},
		"flags in a file":             {"notify:", "  flags: {flagd: /etc/flags.json}\nnotify:", "/etc/flags.json"},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "guardian.yaml")
			if err := os.WriteFile(file, []byte(strings.Replace(string(raw), c.old, c.now, 1)), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := readConfig(context(t, map[string]any{"policy": file}))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q in it", err, c.want)
			}
		})
	}
}

func TestAFunctionThatIsNotBuiltIsNamed(t *testing.T) {
	err := checkBuilt(t.TempDir())
	if err == nil || !strings.Contains(err.Error(), "alerts is not built") || !strings.Contains(err.Error(), "make functions") {
		t.Errorf("error %v", err)
	}
}

// Lambda keeps 100 of an account's concurrency for functions without a share
// (https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html): with less a deployment fails.
func TestTheGuideNamesTheConcurrencyThatADeploymentNeeds(t *testing.T) {
	guide, err := os.ReadFile("../docs/deploy.md")
	if err != nil {
		t.Fatal(err)
	}
	needed := 100
	for _, f := range plain.of("AWS::Lambda::Function") {
		reserved, _ := f.Properties["ReservedConcurrentExecutions"].(float64)
		needed += int(reserved)
	}
	if want := fmt.Sprintf("concurrency is at least %d", needed); needed == 100 || !strings.Contains(string(guide), want) {
		t.Errorf("docs/deploy.md does not say %q", want)
	}
}

func TestTheGuideExplainsEveryNameOfTheContext(t *testing.T) {
	guide, err := os.ReadFile("../docs/deploy.md")
	if err != nil {
		t.Fatal(err)
	}
	all, err := projectContext()
	if err != nil {
		t.Fatal(err)
	}
	asked := map[string]bool{}
	if _, err := readConfig(func(name string) string { asked[name] = true; return context(t, nil)(name) }); err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(guide), "## Context")
	table, _, _ = strings.Cut(table, "\n## ")
	for name := range asked {
		if _, there := all[name]; !there {
			t.Errorf("%s has no default in cdk.json", name)
		}
		if !strings.Contains(table, "| "+name+" ") && !strings.Contains(table, "| "+name+",") && !strings.Contains(table, ", "+name+" |") {
			t.Errorf("%s is not explained in docs/deploy.md", name)
		}
	}
	for name := range all {
		if !strings.HasPrefix(name, "@") && !asked[name] {
			t.Errorf("%s of cdk.json is read by nobody", name)
		}
	}
}
