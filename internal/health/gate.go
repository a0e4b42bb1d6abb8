package health

import (
	"fmt"
	"strings"
	"time"

	"github.com/prometheus/common/model"

	"github.com/cinegit/guardian/internal/policy"
)

// Subject is what is judged, by the names of the policy.
type Subject struct {
	Service     string
	Stage       string
	Application string
	ChangedAt   time.Time // when the suspected change began: the baseline lies before it; zero is unknown
}

// Gate is a gate of the policy with its name.
type Gate struct {
	Name string
	policy.Gate
}

// GatesOf picks gates by name. A name that the policy lacks gives a gate that answers Error, so
// that a gate gone missing never makes a judgement easier to pass.
func GatesOf(p *policy.Policy, names []string) []Gate {
	gates := make([]Gate, 0, len(names))
	for _, name := range names {
		gates = append(gates, Gate{Name: name, Gate: p.Gates[name]})
	}
	return gates
}

// The defaults of a gate whose policy did not pass through policy.Load; they are the ones that
// the policy's schema names.
const (
	defaultWindow                  = time.Minute
	defaultInterval                = 15 * time.Second
	defaultFailureLimit            = 2
	defaultInconclusiveLimit       = 0
	defaultConsecutiveErrorLimit   = 4
	defaultConsecutiveSuccessLimit = 2
	defaultMinSampleCount          = 30
	defaultAlpha                   = 0.05
)

func orDefault(set *int, otherwise int) int {
	if set == nil {
		return otherwise
	}
	return *set
}

func (g Gate) fullWindow() time.Duration {
	if g.Window <= 0 {
		return defaultWindow
	}
	return g.Window.D()
}

func (g Gate) interval() time.Duration {
	if g.Interval <= 0 {
		return defaultInterval
	}
	return g.Interval.D()
}

// before is how long before the change a baseline begins.
func (g Gate) before() time.Duration {
	if g.Baseline == nil || g.Baseline.Before <= 0 {
		return defaultBefore
	}
	return g.Baseline.Before.D()
}

func (g Gate) minSamples() float64 {
	return float64(orDefault(g.MinSampleCount, defaultMinSampleCount))
}

// Lookback is how far the gate's queries look back whatever $window is: the longest fixed range
// with its offset, as 5m in rate(x[5m]). Zero for queries that use $window alone.
func (g Gate) Lookback() (time.Duration, error) {
	var longest time.Duration
	queries := []string{g.Query, g.Bad, g.Total}
	if g.Baseline != nil {
		queries = append(queries, g.Baseline.Bad, g.Baseline.Total, g.Baseline.Query)
	}
	for _, query := range queries {
		if query == "" {
			continue
		}
		d, err := policy.Lookback(query)
		if err != nil {
			return 0, fmt.Errorf("gate %s: %w", g.Name, err)
		}
		longest = max(longest, d)
	}
	return longest, nil
}

// fill puts names and window into a query. Names stand inside PromQL strings and are escaped so.
func (s Subject) fill(query string, window time.Duration) string {
	escape := strings.NewReplacer(`\`, `\\`, `"`, `\"`, `'`, `\'`, "\n", `\n`)
	return strings.NewReplacer(
		"$service", escape.Replace(s.Service),
		"$stage", escape.Replace(s.Stage),
		"$application", escape.Replace(s.Application),
		"$window", promDuration(window),
	).Replace(query)
}

// count is a query that counts events, filled in, as it counts them exactly.
func (s Subject) count(query string, window time.Duration) string {
	exact, _ := counting(s.fill(query, window), window)
	return exact
}

func promDuration(d time.Duration) string { return model.Duration(d).String() }
