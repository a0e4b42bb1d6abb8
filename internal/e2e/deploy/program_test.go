//go:build e2e

package deploy_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/cinegit/guardian/internal/e2e/aws/emulator"
	"github.com/cinegit/guardian/internal/e2e/aws/template"
	"github.com/cinegit/guardian/internal/lambdakit/names"
)

const root = "../../.."

// program is the CDK program, run by the Makefile's targets.
type program struct {
	t    *testing.T
	cdk  string
	env  []string
	dist string // stands for the functions, which need not be built to be deployed
}

func newProgram(t *testing.T, moto *emulator.Server) *program {
	t.Helper()
	version := cdkVersion(t)
	node, err := emulator.NodeWith(t.Context(), "aws-cdk-"+version, "aws-cdk@"+version)
	if err != nil {
		t.Skip(err)
	}
	p := &program{t: t, cdk: node.Path + " " + filepath.Join(node.Folder, "node_modules", "aws-cdk", "bin", "cdk"), dist: t.TempDir()}
	p.env = append(os.Environ(),
		"PATH="+filepath.Dir(node.Path)+string(os.PathListSeparator)+os.Getenv("PATH"), "CDK_HOME="+t.TempDir(), "CDK_DISABLE_CLI_TELEMETRY=true",
		"AWS_ENDPOINT_URL="+moto.URL, "AWS_ENDPOINT_URL_S3_FOR_CLOUDFORMATION="+strings.Replace(moto.URL, "127.0.0.1", "localhost", 1),
		"AWS_ACCESS_KEY_ID=AKIATEST", "AWS_SECRET_ACCESS_KEY=test", "AWS_SESSION_TOKEN=", "AWS_PROFILE=", "AWS_EC2_METADATA_DISABLED=true",
		"AWS_REGION="+template.Region, "AWS_DEFAULT_REGION="+template.Region,
	)
	for _, f := range names.Functions() {
		must(t, os.Mkdir(filepath.Join(p.dist, f.Name), 0o755))
		must(t, os.WriteFile(filepath.Join(p.dist, f.Name, "bootstrap"), []byte(f.Name), 0o755)) // #nosec G306 -- it is a program
	}
	return p
}

// cdkVersion is the one that the Makefile runs.
func cdkVersion(t *testing.T) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(root, "Makefile"))
	must(t, err)
	found := regexp.MustCompile(`(?m)^CDK_VERSION := (\S+)$`).FindSubmatch(raw)
	if found == nil {
		t.Fatal("the Makefile does not say CDK_VERSION")
	}
	return string(found[1])
}

// make runs a target and gives what it prints.
func (p *program) make(target string, args ...string) string {
	p.t.Helper()
	out, err := p.try(target, args...)
	if err != nil {
		p.t.Fatalf("make %s %s: %v\n%s", target, strings.Join(args, " "), err, out)
	}
	return out
}

func (p *program) try(target string, args ...string) (string, error) {
	return p.run(exec.CommandContext(p.t.Context(), "make", "-s", "-C", root, target, "CDK="+p.cdk, "ARGS="+strings.Join(args, " ")))
}

// bootstrap prepares the account. make bootstrap would build the functions.
func (p *program) bootstrap(assembly string) {
	p.t.Helper()
	command := append(strings.Fields(p.cdk), "bootstrap", "--app", assembly)
	if out, err := p.run(exec.CommandContext(p.t.Context(), command[0], command[1:]...)); err != nil {
		p.t.Fatalf("bootstrap: %v\n%s", err, out)
	}
}

func (p *program) run(c *exec.Cmd) (string, error) {
	began := time.Now()
	c.Env = p.env
	out, err := c.CombinedOutput()
	p.t.Logf("%s: %.0f s", strings.ReplaceAll(strings.Join(c.Args, " "), p.cdk, "cdk"), time.Since(began).Seconds())
	return string(out), err
}

// synth gives the folder of an assembly with some context.
func (p *program) synth(context ...string) string {
	p.t.Helper()
	folder := filepath.Join(p.t.TempDir(), "cdk.out")
	args := []string{"-o", folder, "-c", "dist=" + p.dist}
	for _, c := range context {
		args = append(args, "-c", c)
	}
	p.make("synth", args...)
	return folder
}

// deploy puts an assembly into the account. moto knows no previous values of parameters.
func (p *program) deploy(assembly string, args ...string) {
	p.t.Helper()
	p.make("deploy", append([]string{"--app", assembly, "--require-approval", "never", "--previous-parameters=false"}, args...)...)
}

// differs tells whether a deployment would change something.
func (p *program) differs(assembly string) bool {
	p.t.Helper()
	return !strings.Contains(p.make("diff", "--app", assembly, "--method=template"), "There were no differences")
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
