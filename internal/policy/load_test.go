package policy_test

import (
	"testing"

	"github.com/cinegit/guardian/internal/policy"
)

const sample = "../../testdata/policies/cinegit.yaml"

func TestTheSamplePolicyLoads(t *testing.T) {
	p, err := policy.Load(sample)
	if err != nil {
		t.Fatal(err)
	}
	if p.Mode != policy.Act || len(p.Services) != 2 {
		t.Errorf("mode %s, %d services", p.Mode, len(p.Services))
	}
}
