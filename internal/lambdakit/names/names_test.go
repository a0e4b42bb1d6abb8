package names_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cinegit/guardian/internal/lambdakit/names"
)

func TestFunctionsAreListedOnceByNameWithTheirVariablesSorted(t *testing.T) {
	all := names.Functions()
	if !slices.IsSortedFunc(all, func(a, b names.Function) int { return strings.Compare(a.Name, b.Name) }) {
		t.Error("the functions are not in the order of their names")
	}
	for i, f := range all {
		if i > 0 && all[i-1].Name == f.Name {
			t.Errorf("%s is listed twice", f.Name)
		}
		if !slices.IsSorted(f.Env) || len(slices.Compact(slices.Clone(f.Env))) != len(f.Env) {
			t.Errorf("%s: variables are not sorted, each once: %v", f.Name, f.Env)
		}
		if f.Memory < 128 || f.Timeout < time.Second || f.Does == "" {
			t.Errorf("%s: memory %d, timeout %v, does %q", f.Name, f.Memory, f.Timeout, f.Does)
		}
		for _, optional := range f.Optional {
			if !slices.Contains(f.Env, optional) {
				t.Errorf("%s: %s is optional and not read", f.Name, optional)
			}
		}
	}
}

func TestOnlyThoseWhoTakeWebhooksInKnowTheirTokens(t *testing.T) {
	for _, f := range names.Functions() {
		intake := f.Name == "alerts" || f.Name == "deployments"
		if slices.Contains(f.Env, names.Tokens) != intake {
			t.Errorf("%s: reads %v", f.Name, f.Env)
		}
		if intake && (slices.Contains(f.Env, names.Table) || slices.Contains(f.Env, names.Policy)) {
			t.Errorf("%s can only enqueue, and reads %v", f.Name, f.Env)
		}
	}
}

func TestAFunctionIsFoundByItsNameAlone(t *testing.T) {
	f, ok := names.Of("judge")
	if !ok || f.Name != "judge" {
		t.Errorf("judge: %v %v", f, ok)
	}
	if _, ok := names.Of("nobody"); ok {
		t.Error("nobody was found")
	}
}
