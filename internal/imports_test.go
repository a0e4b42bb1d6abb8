// Package internal_test keeps the import rule of ARCHITECTURE.md true.
package internal_test

import (
	"os/exec"
	"strings"
	"testing"
)

const module = "github.com/cinegit/guardian/"

// deps lists every package of the module with all that it links, tests aside.
func deps(t *testing.T) map[string][]string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-f", "{{.ImportPath}} {{join .Deps \" \"}}", module+"...")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	all := map[string][]string{}
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		all[fields[0]] = fields[1:]
	}
	return all
}

// room is one row of the rule: packages under any of the prefixes link none of what is forbidden.
type room struct {
	name      string
	packages  []string
	forbidden []string
}

func rooms() []room {
	outer := []string{"internal/adapter/", "internal/local", "internal/sandbox", "internal/cli", "internal/api", "internal/queue", "internal/workflow", "cmd/", "functions/", "cdk/"}
	flows := []string{"internal/remedy", "internal/reconcile"}
	sdks := []string{"github.com/argoproj/argo-cd", "github.com/aws/aws-sdk-go-v2", "go.etcd.io/bbolt", "github.com/open-feature", "github.com/prometheus/client_golang/api"}
	own := func(lists ...[]string) []string {
		var all []string
		for _, list := range lists {
			for _, p := range list {
				all = append(all, module+p)
			}
		}
		return all
	}
	functions := func(names ...string) []string {
		all := make([]string, 0, len(names))
		for _, name := range names {
			all = append(all, "functions/"+name)
		}
		return own(all)
	}
	flagStores := own([]string{"internal/adapter/appconfig", "internal/adapter/flagd", "internal/adapter/flagds3", "internal/adapter/flagstore", "internal/adapter/launchdarkly", "internal/adapter/unleash"})
	return []room{
		{"events", own([]string{"events/"}), append(own([]string{"internal/"}), sdks...)},
		{
			"policy health ledger deploy flag",
			own([]string{"internal/policy", "internal/condition", "internal/health", "internal/ledger", "internal/deploy", "internal/flag"}),
			append(own(outer, flows), sdks...),
		},
		{"remedy", own([]string{"internal/remedy"}), append(own(outer, []string{"internal/reconcile"}), sdks...)},
		{"reconcile", own([]string{"internal/reconcile"}), append(own(outer, []string{"internal/remedy"}), sdks...)},
		{"backtest", own([]string{"internal/backtest"}), append(own(outer, flows), sdks...)},
		{"eventpattern and the readers of texts", own([]string{"internal/eventpattern", "internal/s3address", "internal/yamldepth"}), append(own([]string{"internal/", "events/"}, outer), sdks...)},
		{"gatetest", own([]string{"internal/gatetest"}), append(own(outer, flows, []string{"internal/ledger"}), sdks...)},
		{"intake", own([]string{"internal/bearer", "internal/intake"}), append(own(outer, flows, []string{"internal/policy", "internal/ledger"}), sdks...)},
		{
			"what one process and the functions share",
			own([]string{"internal/dispatch", "internal/step", "internal/upkeep", "internal/outbox", "internal/operator"}),
			append(own([]string{"internal/local", "internal/sandbox", "internal/cli", "internal/workflow", "internal/lambdakit", "functions/", "cmd/"}), sdks...),
		},
		{
			"the edge on AWS: neither policy nor ledger",
			append(functions("alerts", "deployments"), own([]string{"internal/lambdakit/edge", "internal/lambdakit/names"})...),
			append(own(flows, []string{"internal/policy", "internal/ledger", "internal/local"}), "github.com/argoproj/argo-cd", "go.etcd.io/bbolt", "github.com/aws/aws-sdk-go-v2/service/dynamodb", "github.com/aws/aws-sdk-go-v2/service/s3"),
		},
		{"only Argo CD's hand links Argo CD", functions("alerts", "decide", "deployments", "dispatch", "flaghand", "judge", "notify", "operator", "reconcile"), []string{"github.com/argoproj/argo-cd", module + "internal/adapter/argocd"}},
		{"only the flag hand links a flag store", functions("alerts", "argocdhand", "decide", "deployments", "dispatch", "judge", "notify", "operator", "reconcile"), flagStores},
		{"only judge asks the metrics", functions("alerts", "argocdhand", "decide", "deployments", "dispatch", "flaghand", "notify", "operator", "reconcile"), own([]string{"internal/adapter/prometheus"})},
		{"functions", own([]string{"functions/", "internal/lambdakit"}), append(own([]string{"internal/local", "internal/sandbox", "internal/cli", "internal/workflow", "internal/queue", "cmd/"}), "go.etcd.io/bbolt")},
		{"adapters", own([]string{"internal/adapter/"}), own([]string{"internal/local", "internal/sandbox", "internal/cli", "cmd/"})},
		{"local", own([]string{"internal/local"}), own([]string{"internal/sandbox", "internal/cli", "cmd/"})},
		{"everything but cdk", own([]string{"events/", "internal/", "cmd/"}), []string{"github.com/aws/aws-cdk-go", "github.com/aws/jsii-runtime-go"}},
		{
			"everything but Argo CD's adapter, sandbox and what starts them",
			own([]string{"events/", "internal/adapter/boltledger", "internal/adapter/appconfig", "internal/adapter/dynamoledger", "internal/adapter/flagapi", "internal/adapter/flagd", "internal/adapter/flagds3", "internal/adapter/flagstore", "internal/adapter/launchdarkly", "internal/adapter/notify", "internal/adapter/prometheus", "internal/adapter/secrets", "internal/adapter/unleash", "internal/workflow", "internal/queue", "internal/sandbox/metrics"}),
			[]string{"github.com/argoproj/argo-cd"},
		},
	}
}

func TestImportsRunOneWay(t *testing.T) {
	all := deps(t)
	for _, r := range rooms() {
		t.Run(r.name, func(t *testing.T) {
			found := false
			for pkg, links := range all {
				if !under(pkg, r.packages) {
					continue
				}
				found = true
				for _, link := range links {
					if under(link, r.forbidden) {
						t.Errorf("%s links %s", strings.TrimPrefix(pkg, module), link)
					}
				}
			}
			if !found {
				t.Errorf("the rule speaks of no package: %v", r.packages)
			}
		})
	}
}

// under tells whether a package is one of the prefixes or below it.
func under(pkg string, prefixes []string) bool {
	for _, p := range prefixes {
		if pkg == p || strings.HasPrefix(pkg, strings.TrimSuffix(p, "/")+"/") {
			return true
		}
	}
	return false
}
