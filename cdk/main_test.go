package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"
	"github.com/cdklabs/cdk-nag-go/cdknag/v2"

	"github.com/cinegit/guardian/internal/lambdakit/names"
)

var update = flag.Bool("update", false, "rewrite golden files and the runbooks' table")

// What all tests look at: the stack as it comes, and one with every option. A synth takes seconds, so
// there is one for all.
var (
	plain, full stackTemplate
	appConfig   stackTemplate // as plain, with its flags in AppConfig
	assembly    string        // the folder that cdk synth writes
)

func TestMain(m *testing.M) {
	flag.Parse()
	if _, err := exec.LookPath("node"); err != nil {
		fmt.Fprintln(os.Stderr, "skipped: node is missing, which AWS CDK runs on: install Node.js 22 or newer")
		return
	}
	os.Exit(run(m))
}

func run(m *testing.M) int {
	defer jsii.Close()
	folder, err := os.MkdirTemp("", "guardian-cdk-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(folder) }()
	if err := synth(folder); err != nil {
		fmt.Fprintln(os.Stderr, "synth:", err)
		return 1
	}
	return m.Run()
}

func synth(folder string) error {
	assembly = filepath.Join(folder, "cdk.out")
	context, err := projectContext()
	if err != nil {
		return err
	}
	context["policy"], context["dist"] = "guardian.yaml", filepath.Join(folder, "dist")
	context["aws:cdk:enable-path-metadata"] = true // as the CDK program sets it
	if err := placeholders(context["dist"].(string)); err != nil {
		return err
	}
	c, err := readConfig(lookUp(context))
	if err != nil {
		return err
	}
	all, err := readConfig(lookUp(everyOption(context)))
	if err != nil {
		return err
	}
	other := maps.Clone(context)
	other["name"], other["policy"] = "guardian-appconfig", "testdata/appconfig.yaml"
	third, err := readConfig(lookUp(other))
	if err != nil {
		return err
	}
	app := awscdk.NewApp(&awscdk.AppProps{Outdir: &assembly, Context: &context})
	awscdk.Aspects_Of(app).Add(cdknag.NewAwsSolutionsChecks(&cdknag.NagPackProps{Verbose: jsii.Bool(true)}), nil)
	newStack(app, c)
	newStack(app, all)
	newStack(app, third)
	app.Synth(nil)
	for name, to := range map[string]*stackTemplate{c.name: &plain, all.name: &full, third.name: &appConfig} {
		if *to, err = readTemplate(name); err != nil {
			return err
		}
	}
	return nil
}

// projectContext is what cdk.json says.
func projectContext() (map[string]any, error) {
	raw, err := os.ReadFile("../cdk.json")
	if err != nil {
		return nil, err
	}
	var project struct{ Context map[string]any }
	return project.Context, json.Unmarshal(raw, &project)
}

func everyOption(context map[string]any) map[string]any {
	out := maps.Clone(context)
	maps.Copy(out, map[string]any{
		"name": "guardian-full", "policy": "testdata/full.yaml", "operatorAuth": "iam", "xray": "true", "kms": "true",
		"argocdRoles": "arn:aws:iam::123456789012:role/argocd-notifications", "alarmEmail": "on-call@example.com",
		"vpc": "vpc-0123abcd", "subnets": "subnet-0123abcd,subnet-4567ef01", "tags": "app=guardian,team=platform", "reserve": "false",
	})
	return out
}

func lookUp(context map[string]any) func(string) string {
	return func(name string) string { return text(context[name]) }
}

// placeholders stand for the functions, which need not be built to look at the template.
func placeholders(dist string) error {
	for _, f := range names.Functions() {
		folder := filepath.Join(dist, f.Name)
		if err := os.MkdirAll(folder, 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(folder, "bootstrap"), []byte(f.Name), 0o755); err != nil { // #nosec G306 -- it is a program
			return err
		}
	}
	return checkBuilt(dist)
}

// template is a CloudFormation template.
type stackTemplate struct {
	name      string
	Resources map[string]resource
	Outputs   map[string]struct{ Value any }
}

type resource struct {
	Type           string
	Properties     map[string]any
	Metadata       map[string]any
	DeletionPolicy string
	DependsOn      any
}

func readTemplate(stack string) (stackTemplate, error) {
	raw, err := os.ReadFile(filepath.Join(assembly, stack+".template.json"))
	if err != nil {
		return stackTemplate{}, err
	}
	t := stackTemplate{name: stack}
	return t, json.Unmarshal(raw, &t)
}

// of gives the resources of a type by their short paths.
func (t stackTemplate) of(kind string) map[string]resource {
	out := map[string]resource{}
	for id, r := range t.Resources {
		if r.Type == kind {
			out[t.path(id)] = r
		}
	}
	return out
}

// path is where a resource stands in the code: the stack's and CDK's own parts left out.
func (t stackTemplate) path(id string) string {
	path, _ := t.Resources[id].Metadata["aws:cdk:path"].(string)
	path = strings.TrimPrefix(path, t.name+"/")
	return strings.TrimSuffix(path, "/Resource")
}

// read writes a value of the template as people read it.
func (t stackTemplate) read(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	case []any:
		var parts []string
		for _, item := range v {
			parts = append(parts, t.read(item))
		}
		return strings.Join(parts, " ")
	case map[string]any:
		return t.readFunction(v)
	}
	return fmt.Sprint(v)
}

func (t stackTemplate) readFunction(v map[string]any) string {
	if ref, ok := v["Ref"].(string); ok {
		if name, ok := strings.CutPrefix(ref, "AWS::"); ok {
			return map[string]string{"Partition": "aws", "Region": "REGION", "AccountId": "ACCOUNT"}[name]
		}
		return "<" + t.path(ref) + ">"
	}
	if att, ok := v["Fn::GetAtt"].([]any); ok {
		if att[1] == "Arn" {
			return "<" + t.path(att[0].(string)) + ">"
		}
		return fmt.Sprintf("<%s.%v>", t.path(att[0].(string)), att[1])
	}
	if join, ok := v["Fn::Join"].([]any); ok {
		var parts []string
		for _, part := range join[1].([]any) {
			parts = append(parts, t.read(part))
		}
		return strings.Join(parts, join[0].(string))
	}
	raw, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(raw)
}

// list gives what CloudFormation takes as one value or a list of them.
func list(v any) []any {
	switch v := v.(type) {
	case nil:
		return nil
	case []any:
		return v
	}
	return []any{v}
}
