package main

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"
	"text/template"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"
	alerttemplate "github.com/prometheus/alertmanager/template"

	"github.com/cinegit/guardian/events/alertmanager"
	"github.com/cinegit/guardian/events/argocd"
)

func TestTheOutputsSayWhatToPasteWhere(t *testing.T) {
	for name, want := range map[string]string{
		"AlertsURL": "<alerts/FunctionUrl.FunctionUrl>webhooks/alertmanager", "DeploymentsURL": "<deployments/FunctionUrl.FunctionUrl>webhooks/argocd",
		"OperatorURL": "<operator/FunctionUrl.FunctionUrl>", "NotificationsQueue": "<notifications>", "AlertsTopic": "<alerts-topic>", "AlarmsTopic": "<alarms-topic>",
		"PolicyUpload": "aws s3 cp guardian.yaml s3://<policy>/guardian.yaml",
	} {
		if got := plain.read(plain.Outputs[name].Value); got != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
	for _, name := range []string{"AlertmanagerSnippet", "ArgoCDSnippet", "ArgoCDQueueSnippet"} {
		var parsed any
		if err := yaml.Unmarshal([]byte(plain.read(plain.Outputs[name].Value)), &parsed); err != nil {
			t.Errorf("%s is no YAML: %v", name, err)
		}
	}
	if _, there := plain.Outputs["SecurityGroup"]; there || full.Outputs["SecurityGroup"].Value == nil {
		t.Error("the security group is told without a network, or not told with one")
	}
}

// render does what Argo CD does with a template.
func render(t *testing.T, body string, app map[string]any) []byte {
	t.Helper()
	toJSON := func(v any) (string, error) {
		raw, err := json.Marshal(v)
		return string(raw), err
	}
	parsed, err := template.New("body").Funcs(template.FuncMap{"toJson": toJSON}).Parse(body)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := parsed.Execute(&out, map[string]any{"app": app}); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestWhatIsPastedIntoArgoCDIsUnderstood(t *testing.T) {
	app := map[string]any{
		"metadata": map[string]any{"name": "review-prod", "namespace": "argocd"},
		"spec":     map[string]any{"project": "prod"},
		"status":   map[string]any{"operationState": map[string]any{"phase": "Succeeded", "finishedAt": "2026-11-23T10:00:00Z"}},
	}
	var config map[string]string
	if err := yaml.Unmarshal([]byte(plain.read(plain.Outputs["ArgoCDQueueSnippet"].Value)), &config); err != nil {
		t.Fatal(err)
	}
	var message struct{ Message string }
	if err := yaml.Unmarshal([]byte(config["template.guardian"]), &message); err != nil {
		t.Fatal(err)
	}
	n, err := argocd.Parse(render(t, message.Message, app))
	if err != nil || n.Application != "review-prod" || n.Namespace != "argocd" {
		t.Errorf("parsed as %+v, %v", n, err)
	}
}

func TestTheGuidesTemplateForManagedPrometheusIsUnderstood(t *testing.T) {
	guide, err := os.ReadFile("../docs/deploy.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(guide), "```yaml\ntemplate_files:")
	block, _, ok := strings.Cut(rest, "```")
	var config struct {
		TemplateFiles map[string]string `yaml:"template_files"`
	}
	if err := yaml.Unmarshal([]byte("template_files:"+block), &config); err != nil || !ok {
		t.Fatal(err)
	}
	tmpl, err := alerttemplate.New()
	if err != nil {
		t.Fatal(err)
	}
	if err := tmpl.Parse(strings.NewReader(config.TemplateFiles["guardian"])); err != nil {
		t.Fatal(err)
	}
	starts := time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)
	want := alerttemplate.Alert{
		Status: "firing", Labels: alerttemplate.KV{"alertname": "High5xxRate", "path": `a "b" \d+`}, Annotations: alerttemplate.KV{"summary": "zwölf\nProzent"},
		StartsAt: starts, EndsAt: starts, GeneratorURL: "http://prometheus/graph?g0.expr=a%3Eb", Fingerprint: "0123456789abcdef",
	}
	body, err := tmpl.ExecuteTextString(`{{ template "sns.guardian" . }}`, &alerttemplate.Data{
		Receiver: "guardian", Status: "firing", Alerts: alerttemplate.Alerts{want, want}, CommonLabels: want.Labels, ExternalURL: "http://am",
	})
	if err != nil {
		t.Fatal(err)
	}
	got, err := alertmanager.Parse([]byte(body))
	if err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	if diff := cmp.Diff(alerttemplate.Alerts{want, want}, got.Alerts); diff != "" {
		t.Errorf("(-sent +understood):\n%s", diff)
	}
}

func TestTheGuideHasTheSameTemplateForArgoCD(t *testing.T) {
	guide, err := os.ReadFile("../docs/argocd.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Split(argocdBody()+"\n"+argocdTrigger("guardian"), "\n") {
		text := strings.TrimSpace(line)
		if strings.HasPrefix(text, "- recipients") {
			continue // the same, quoted
		}
		if !strings.Contains(string(guide), text) {
			t.Errorf("docs/argocd.md has no line %s", text)
		}
	}
}
