package reload_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/cinegit/guardian/internal/policy"
	"github.com/cinegit/guardian/internal/reload"
)

func TestAProblemIsOneLineWithThePlaceOfTheFirstMistakeAndHowManyMoreThereAre(t *testing.T) {
	one := policy.Mistake{File: "guardian.yaml", Line: 2, Column: 7, Problem: `mode "atc" is none`, Source: "mode: atc", Fix: "write act"}
	other := policy.Mistake{File: "guardian.yaml", Line: 9, Column: 1, Problem: "services are missing"}
	for name, tt := range map[string]struct {
		err  error
		want string
	}{
		"one mistake":      {policy.Mistakes{one}, `guardian.yaml:2:7: mode "atc" is none`},
		"two":              {policy.Mistakes{one, other}, `guardian.yaml:2:7: mode "atc" is none (and 1 more: guardian check shows all)`},
		"three":            {policy.Mistakes{other, one, other}, `guardian.yaml:9:1: services are missing (and 2 more: guardian check shows all)`},
		"wrapped":          {fmt.Errorf("load: %w", policy.Mistakes{one}), `guardian.yaml:2:7: mode "atc" is none`},
		"none after all":   {policy.Mistakes{}, policy.Mistakes{}.Error()},
		"no mistake of it": {errors.New("open guardian.yaml: no such file"), "open guardian.yaml: no such file"},
	} {
		if got := reload.Problem(tt.err); got != tt.want {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
}

func TestTheProblemOfARealPolicyNamesWhereToLook(t *testing.T) {
	_, err := policy.Parse("s3://policies/guardian.yaml", []byte("apiVersion: guardian/v1\nmode: atc\nbogus: 1\n"))
	got := reload.Problem(err)
	if !strings.HasPrefix(got, "s3://policies/guardian.yaml:1:1: ") || !strings.Contains(got, "more: guardian check shows all)") || strings.Contains(got, "\n") {
		t.Errorf("%q", got)
	}
}
