package ledger

import (
	"slices"
	"strings"

	"github.com/cinegit/guardian/internal/policy"
)

// Targets are all targets of a policy: services by name, stages in the order of promotion.
func Targets(p *policy.Policy) []Target {
	var out []Target
	for name, service := range p.Services {
		for _, stage := range service.Stages {
			out = append(out, Target{Service: name, Stage: stage.Name})
		}
	}
	slices.SortStableFunc(out, func(a, b Target) int { return strings.Compare(a.Service, b.Service) })
	return out
}
