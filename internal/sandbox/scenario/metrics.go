package scenario

import (
	"context"
	"errors"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/cinegit/guardian/internal/health"
	"github.com/cinegit/guardian/internal/ledger"
	"github.com/cinegit/guardian/internal/remedy/remedytest"
)

// healthy is the share of errors where nothing breaks a service.
const healthy = 0.001

// traffic is how many requests a window has.
const traffic = 10_000

// Metrics is a Prometheus whose answers follow what runs: the share of errors of a target is that of
// the worst release or flag variant which it runs. Queries that begin with ratio, bad or total get
// the share, the failed requests and all requests; service and stage come from their labels.
type Metrics struct {
	Breaks map[string]float64 // image tag, or "KEY=VARIANT" of a flag, to the share of errors it makes
	Down   bool               // no answer
	Silent bool               // answers without any series

	world *World
	apps  []remedytest.App
	asked int
}

var _ health.Querier = (*Metrics)(nil)

// Query implements health.Querier.
func (m *Metrics) Query(_ context.Context, promql string, at time.Time) ([]float64, error) {
	m.asked++
	if m.Down {
		return nil, errors.New("connection refused")
	}
	if m.Silent {
		return nil, nil
	}
	return m.answer(promql, at), nil
}

// Range implements health.Querier.
func (m *Metrics) Range(ctx context.Context, promql string, from, to time.Time, step time.Duration) ([][]float64, error) {
	var moments [][]float64
	for at := from; !at.After(to); at = at.Add(step) {
		values, err := m.Query(ctx, promql, at)
		if err != nil {
			return nil, err
		}
		moments = append(moments, values)
	}
	return moments, nil
}

// Link implements health.Querier.
func (*Metrics) Link(string, time.Time) string { return "http://prometheus.example/graph" }

func (m *Metrics) answer(promql string, at time.Time) []float64 {
	ratio := healthy
	if !at.Before(m.world.now) {
		ratio = m.Ratio(ledger.Target{Service: label(promql, "service"), Stage: label(promql, "stage")})
	}
	switch {
	case strings.HasPrefix(promql, "bad"):
		ratio *= traffic
	case strings.HasPrefix(promql, "total"):
		ratio = traffic
	}
	return []float64{ratio}
}

// Ratio is the share of errors of a target now.
func (m *Metrics) Ratio(t ledger.Target) float64 {
	worst := healthy
	service, stage, ok := m.world.policy.Stage(t.Service, t.Stage)
	if !ok {
		return worst
	}
	for _, image := range m.world.Argo.Runs(m.app(stage.Application)) {
		_, tag, _ := strings.Cut(image, ":")
		worst = max(worst, m.Breaks[tag])
	}
	for key := range service.Flags {
		worst = max(worst, m.Breaks[key+"="+m.world.Flags.variant(key)])
	}
	return worst
}

func (m *Metrics) app(name string) remedytest.App {
	i := slices.IndexFunc(m.apps, func(a remedytest.App) bool { return a.Name == name })
	return m.apps[i]
}

func label(promql, name string) string {
	found := regexp.MustCompile(name + `="([^"]*)"`).FindStringSubmatch(promql)
	if found == nil {
		return ""
	}
	return found[1]
}
