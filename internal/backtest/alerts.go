package backtest

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/alertmanager/matcher/parse"

	"github.com/cinegit/guardian/internal/health"
	"github.com/cinegit/guardian/internal/policy"
)

// alertStep is how often it is asked whether an alert fires; alerting rules are evaluated every
// 15s to 1m.
const alertStep = 15 * time.Second

// firing is the PromQL of the alerts of a rule that fire, as Prometheus records them in ALERTS
// (https://prometheus.io/docs/prometheus/latest/configuration/alerting_rules/#inspecting-alerts-during-runtime).
// Labels that Prometheus adds only on the way to Alertmanager (external_labels) are not in it.
func firing(rule policy.Rule, labels ...string) (string, error) {
	matchers, err := parse.Matchers(rule.Match.Text)
	if err != nil {
		return "", fmt.Errorf("matchers of rule %s: %w", rule.Name, err)
	}
	parts := []string{`alertstate="firing"`}
	for _, m := range matchers {
		parts = append(parts, m.Name+m.Type.String()+strconv.Quote(m.Value))
	}
	return "ALERTS{" + strings.Join(append(parts, labels...), ",") + "}", nil
}

// labels are those by which the rule tells the bake's target.
func (b bake) labels(rule policy.Rule) []string {
	var labels []string
	for _, by := range []struct {
		of   policy.NameOf
		name string
	}{{rule.Target.Service, b.Service}, {rule.Target.Stage, b.Stage}} {
		if label := labelOf(by.of); label != "" {
			labels = append(labels, label+"="+strconv.Quote(by.name))
		}
	}
	return labels
}

// recorded tells which rules, by name, ever had an alert that fired and was recorded. A rule whose
// labels this Prometheus cannot be asked for has none.
func recorded(ctx context.Context, p *patient, rules []policy.Rule, from, to time.Time) (map[string]bool, error) {
	const step = time.Hour
	found := map[string]bool{}
	for _, rule := range rules {
		query, err := firing(rule)
		if err != nil {
			return nil, err
		}
		answers, err := p.Range(ctx, fmt.Sprintf("count(count_over_time(%s[1h]))", query), from, to.Add(step), step)
		if err != nil && !errors.Is(err, health.ErrQuery) {
			return nil, fmt.Errorf("ask for the alerts of rule %s: %w", rule.Name, err)
		}
		for _, values := range answers {
			found[rule.Name] = found[rule.Name] || len(values) > 0
		}
	}
	return found, nil
}

// fires is when an alert of the rule began to fire within the bake; zero if none did. One that fired
// before the release already is none of its.
func (b bake) fires(ctx context.Context, p *patient, rule policy.Rule) (time.Time, error) {
	query, err := firing(rule, b.labels(rule)...)
	if err != nil {
		return time.Time{}, err
	}
	answers, err := p.Range(ctx, "count("+query+")", b.At, b.end, alertStep)
	if err != nil {
		return time.Time{}, fmt.Errorf("ask for the alerts of rule %s: %w", rule.Name, err)
	}
	for i := 1; i < len(answers); i++ {
		if len(answers[i]) > 0 && len(answers[i-1]) == 0 {
			return b.At.Add(time.Duration(i) * alertStep), nil
		}
	}
	return time.Time{}, nil
}
