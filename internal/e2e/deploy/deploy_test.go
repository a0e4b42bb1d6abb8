//go:build e2e

package deploy_test

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cinegit/guardian/internal/e2e/aws/emulator"
	"github.com/cinegit/guardian/internal/e2e/aws/template"
)

// TestDeploy goes through what docs/deploy.md tells people to do, in that order.
func TestDeploy(t *testing.T) {
	taught, err := filepath.Abs("moto")
	must(t, err)
	moto, err := emulator.MotoTaught(t.Context(), t.TempDir(), taught)
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(moto.Close)
	p, a := newProgram(t, moto), newAccount(t, moto)
	first := p.synth("alarmEmail=on-call@example.com")
	second := p.synth("alarmEmail=on-call@example.com", "logDays=7", "logLevel=debug")

	p.bootstrap(first)
	p.deploy(first)
	a.standsAs(first)
	if p.differs(first) || !p.differs(second) {
		t.Errorf("after the deployment: diff with the same %t, with another context %t", p.differs(first), p.differs(second))
	}
	outputs := a.outputs()

	a.write("open", "mode: observe")
	p.deploy(second)
	a.standsAs(second)
	if p.differs(second) {
		t.Error("after the upgrade there still is a difference")
	}
	if diff := cmp.Diff(outputs, a.outputs()); diff != "" {
		t.Errorf("the upgrade changed what was pasted elsewhere (-before +after):\n%s", diff)
	}

	const inAccount = "-" + template.Account + "-" + template.Region
	kept := []string{"dynamodb guardian-ledger", "s3 guardian-evidence" + inAccount, "s3 guardian-policy" + inAccount}
	p.make("destroy", "--app", second, "--force")
	if diff := cmp.Diff(kept, a.left()); diff != "" {
		t.Errorf("what destroy leaves (-want +got):\n%s", diff)
	}

	if out, err := p.try("deploy", "--app", second, "--require-approval", "never"); err == nil || !strings.Contains(out, "guardian-ledger already exists") {
		t.Errorf("deployed again as if there were no ledger: %v\n%s", err, out)
	}
	p.make("destroy", "--app", second, "--force") // what could not be made
	p.deploy(second, "--import-existing-resources")
	a.standsAs(second)
	if item, policy := a.read(); item != "open" || policy != "mode: observe" {
		t.Errorf("taken over: ledger %q, policy %q", item, policy)
	}
}

// standsAs compares what stands with a template that was deployed.
func (a *account) standsAs(assembly string) {
	a.t.Helper()
	deployed, err := template.Read(assembly)
	must(a.t, err)
	w := wanted{t: a.t, template: deployed, stream: a.stream()}
	for _, c := range []struct {
		what      string
		want, got any
	}{
		{"resources", w.resources(), a.resources()},
		{"functions", w.functions(), a.functions()},
		{"event sources", w.sources(), a.sources()},
		{"queues", w.queues(), a.queues(w.queues())},
		{"log groups", w.logs(), a.logs()},
		{"alarms", w.alarms(), a.alarms()},
		{"rules", w.rules(), a.rules()},
		{"ledger", w.table(), a.table()},
		{"buckets", w.buckets(), a.buckets()},
		{"functions of the state machine", w.tasks(), a.tasks()},
	} {
		if diff := cmp.Diff(c.want, c.got); diff != "" {
			a.t.Errorf("%s (-template +stands):\n%s", c.what, diff)
		}
	}
	a.urlsAreTold()
}

// urlsAreTold finds the functions' URLs in the outputs that name them.
func (a *account) urlsAreTold() {
	a.t.Helper()
	outputs := a.outputs()
	for output, function := range map[string]string{"AlertsURL": "alerts", "DeploymentsURL": "deployments", "OperatorURL": "operator"} {
		url := a.url("guardian-" + function)
		if url == "" || !strings.HasPrefix(outputs[output], url) {
			a.t.Errorf("output %s is %q, and the URL of %s %q", output, outputs[output], function, url)
		}
	}
	if !strings.Contains(outputs["AlertmanagerSnippet"], outputs["AlertsURL"]) || !strings.Contains(outputs["ArgoCDSnippet"], outputs["DeploymentsURL"]) {
		a.t.Errorf("the snippets do not send to the URLs: %v", outputs)
	}
	for output, text := range outputs {
		if strings.Contains(text, "${") || text == "" || slices.Contains([]string{"None", "null"}, text) {
			a.t.Errorf("output %s is %q", output, text)
		}
	}
}
