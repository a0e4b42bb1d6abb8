package gatetest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/cinegit/guardian/internal/health"
	"github.com/cinegit/guardian/internal/policy"
)

// find picks the stage and the service's gates; the error of a name that the policy lacks says
// what was most likely meant.
func find(p *policy.Policy, o Options) (policy.Stage, []health.Gate, error) {
	service, ok := p.Services[o.Service]
	if !ok {
		return policy.Stage{}, nil, unknown("service", o.Service, slices.Sorted(maps.Keys(p.Services)))
	}
	_, stage, ok := p.Stage(o.Service, o.Stage)
	if !ok {
		var names []string
		for _, st := range service.Stages {
			names = append(names, st.Name)
		}
		return stage, nil, unknown("stage of "+o.Service, o.Stage, names)
	}
	gates := health.GatesOf(p, service.Gates)
	switch {
	case len(gates) == 0:
		return stage, nil, fmt.Errorf("service %s has no gates: name some in its gates", o.Service)
	case o.Gate != "" && !slices.Contains(service.Gates, o.Gate):
		return stage, nil, unknown("gate of "+o.Service, o.Gate, service.Gates)
	}
	return stage, gates, nil
}

func unknown(what, name string, known []string) error {
	if near := policy.Nearest(name, known); near != "" {
		return fmt.Errorf("%s %q is %w: did you mean %s?", what, name, ErrUnknown, near)
	}
	return fmt.Errorf("%s %q is %w: it has %s", what, name, ErrUnknown, strings.Join(known, ", "))
}

// probes is how many moments are asked to find where a history begins.
const probes = 200

// begin is when the gate's data begin within the time that is looked at; why says that there are
// none, or that the query is refused.
func (t *tester) begin(ctx context.Context) (begin time.Time, why string, err error) {
	from, until := t.Until.Add(-t.Over), t.Until
	for range 2 { // roughly first, then between the last moment without and the first one with data
		step := max(until.Sub(from)/probes, time.Second).Truncate(time.Second)
		g := t.gate
		g.Interval = policy.Duration(step)
		r := health.Judge{Metrics: t.metrics}.Read(ctx, g, t.subject, time.Time{}, from, until)
		switch {
		case errors.Is(r.Err, health.ErrQuery):
			return begin, fmt.Sprintf("Prometheus refuses the query: %v", r.Err), nil
		case r.Err != nil:
			return begin, "", r.Err
		}
		i := slices.IndexFunc(r.Looks, func(l health.Look) bool { return len(l.Total)+len(l.Value) > 0 })
		if i < 0 && begin.IsZero() {
			return begin, fmt.Sprintf("%s finds no series in %s", t.asks(), policy.Duration(t.Over)), nil
		}
		if i >= 0 {
			begin = r.Looks[i].At
		}
		if i <= 0 {
			return begin, "", nil
		}
		from, until = r.Looks[i-1].At, begin
	}
	return begin, "", nil
}

// asks names what the gate's data come from.
func (t *tester) asks() string {
	if t.gate.Counts() {
		return "total"
	}
	return "the query"
}

// tooYoung says why no release can be imagined.
func (t *tester) tooYoung(begin time.Time, s ships) string {
	if s.excluded > 0 {
		return fmt.Sprintf("all %d bakes meet a known incident: look further back with --over", s.excluded)
	}
	needed, has := t.before()+t.Bake, t.Until.Sub(begin).Truncate(time.Second)
	words := fmt.Sprintf("a bake of %s takes", policy.Duration(t.Bake))
	if before := t.before(); before > 0 {
		words = fmt.Sprintf("a baseline of %s and a bake of %s take", policy.Duration(before), policy.Duration(t.Bake))
	}
	return fmt.Sprintf("there is %s of history, and %s %s: try again after %s",
		policy.Duration(has), words, policy.Duration(needed), begin.Add(needed).UTC().Format("2006-01-02 15:04 UTC"))
}
