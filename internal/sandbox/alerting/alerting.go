// Package alerting is a small Prometheus rule with an Alertmanager behind it: while an expression holds it
// posts Alertmanager's webhook message, firing and then resolved.
package alerting

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/prometheus/alertmanager/template"

	"github.com/cinegit/guardian/events/alertmanager"
	"github.com/cinegit/guardian/internal/health"
)

// Rule is an alerting rule. Expr fires while it gives any series.
type Rule struct {
	Name        string
	Expr        string
	For         time.Duration
	Labels      map[string]string
	Annotations map[string]string
}

// Sender evaluates rules and posts what fires.
type Sender struct {
	Metrics health.Querier
	URL     string // of the webhook
	Token   string
	Every   time.Duration // between two evaluations
	Rules   []Rule
}

// episode is one rule's pending or firing alert.
type episode struct {
	since  time.Time // pending since; zero is inactive
	firing time.Time // firing since; zero is not
}

// Run evaluates until ctx ends. A webhook that is not taken is sent again at the next evaluation.
func (s Sender) Run(ctx context.Context) error {
	state := make([]episode, len(s.Rules))
	for {
		for i, rule := range s.Rules {
			s.evaluate(ctx, rule, &state[i], time.Now())
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(s.Every):
		}
	}
}

func (s Sender) evaluate(ctx context.Context, rule Rule, e *episode, now time.Time) {
	found, err := s.Metrics.Query(ctx, rule.Expr, now)
	if err != nil {
		return // no measurement changes nothing
	}
	holds := len(found) > 0
	switch {
	case holds && e.since.IsZero():
		e.since = now
	case holds && e.firing.IsZero() && now.Sub(e.since) >= rule.For:
		if s.post(ctx, rule, now, time.Time{}) == nil {
			e.firing = now
		}
	case !holds && !e.firing.IsZero():
		if s.post(ctx, rule, e.firing, now) == nil {
			*e = episode{}
		}
	case !holds:
		*e = episode{}
	}
}

func (s Sender) post(ctx context.Context, rule Rule, startsAt, endsAt time.Time) error {
	status := "firing"
	if !endsAt.IsZero() {
		status = "resolved"
	}
	labels := template.KV{"alertname": rule.Name}
	for name, value := range rule.Labels {
		labels[name] = value
	}
	body, err := json.Marshal(alertmanager.Message{
		Version: "4", GroupKey: fmt.Sprintf("{}:{alertname=%q}", rule.Name),
		Data: template.Data{
			Receiver: "guardian", Status: status, GroupLabels: labels, CommonLabels: labels,
			Alerts: template.Alerts{{Status: status, Labels: labels, Annotations: rule.Annotations, StartsAt: startsAt, EndsAt: endsAt}},
		},
	})
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+s.Token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("webhook answered %s", resp.Status)
	}
	return nil
}
