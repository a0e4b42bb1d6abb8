package policy_test

import (
	"testing"
	"time"

	"github.com/cinegit/guardian/internal/policy"
)

func TestLookbackIsTheLongestFixedReach(t *testing.T) {
	cases := map[string]time.Duration{
		`sum(rate(x{service="$service"}[$window]))`:                             0,
		`up{env="$stage"}`:                                                      0,
		`rate(x[5m])`:                                                           5 * time.Minute,
		`rate(x[5m]) / rate(y[$window])`:                                        5 * time.Minute,
		`rate(x[5m] offset 10m)`:                                                15 * time.Minute,
		`rate(x[$window] offset 10m)`:                                           10 * time.Minute,
		`max_over_time(rate(x[1m])[30m:1m])`:                                    31 * time.Minute,
		`max_over_time(rate(x[1m])[$window:15s])`:                               time.Minute,
		`max_over_time(rate(x[$window])[30m:1m] offset 1h)`:                     90 * time.Minute,
		`x offset -5m`:                                                          0,
		`rate(x[2m]) + on() max_over_time(y[3m])`:                               3 * time.Minute,
		`increase(x{app="$application"}[$window]) / 60`:                         0,
		`x{path=~"^/api$"}`:                                                     0,
		`histogram_quantile(0.99, sum by (le) (rate(http_bucket[$window])))`:    0,
		`sum($service:errors:rate5m{stage=~"$stage"})`:                          0,
		`count_over_time((sum(x) > 1)[1h:]) > 3 or vector(0)`:                   time.Hour,
		"# a comment\nsum(\n  rate(x[4m])\n)":                                   4 * time.Minute,
		`rate(x[5m]) and on() (time() - process_start_time_seconds > 3600) > 0`: 5 * time.Minute,
	}
	for query, want := range cases {
		got, err := policy.Lookback(query)
		if err != nil || got != want {
			t.Errorf("Lookback(%q) = %v, %v; want %v", query, got, err, want)
		}
	}
}
