package main

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cinegit/guardian/cdk/asl"
)

func TestTheStateMachineIsTheFileThatRunsInProcess(t *testing.T) {
	machine := plain.of("AWS::StepFunctions::StateMachine")["remediation"].Properties
	if diff := cmp.Diff(string(asl.Remediation), machine["DefinitionString"]); diff != "" {
		t.Errorf("the definition (-file +template):\n%s", diff)
	}
	want := map[string]bool{}
	for _, match := range regexp.MustCompile(`\$\{(\w+)\}`).FindAllStringSubmatch(string(asl.Remediation), -1) {
		want[match[1]] = true
	}
	substitutions := machine["DefinitionSubstitutions"].(map[string]any)
	if diff := cmp.Diff(slices.Sorted(maps.Keys(want)), slices.Sorted(maps.Keys(substitutions))); diff != "" {
		t.Errorf("what is put in (-the file has +the stack knows):\n%s", diff)
	}
	logging := machine["LoggingConfiguration"].(map[string]any)
	if logging["Level"] != "ALL" || logging["IncludeExecutionData"] != false {
		t.Errorf("logging %v: all states, and never the tokens in their data", logging)
	}
}

func TestCfnLintFindsNothing(t *testing.T) {
	if _, err := exec.LookPath("cfn-lint"); err != nil {
		t.Skip("cfn-lint is not installed: pip install cfn-lint")
	}
	// W3005: CDK says of a role that a function needs it though the function names it anyway.
	args := []string{"--ignore-checks", "W3005", "--non-zero-exit-code", "warning", "--"}
	for _, c := range []stackTemplate{plain, full} {
		args = append(args, filepath.Join(assembly, c.name+".template.json"))
	}
	if out, err := exec.CommandContext(t.Context(), "cfn-lint", args...).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// aslValidator is the version that the state machine was checked with.
const aslValidator = "asl-validator@4.0.0"

func TestAslValidatorFindsNothing(t *testing.T) {
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Skip(err)
	}
	folder := filepath.Join(cache, "guardian", aslValidator)
	program := filepath.Join(folder, "node_modules", ".bin", "asl-validator")
	if _, err := os.Stat(program); err != nil {
		out, err := exec.CommandContext(t.Context(), "npm", "install", "--no-audit", "--no-fund", "--prefix", folder, aslValidator).CombinedOutput()
		if err != nil {
			t.Skipf("%s cannot be installed from npm: %v\n%s", aslValidator, err, out)
		}
	}
	out, err := exec.CommandContext(t.Context(), program, "--json-path", "asl/remediation.asl.json").CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
