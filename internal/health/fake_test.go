package health_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/cinegit/guardian/internal/health"
	"github.com/cinegit/guardian/internal/policy"
)

// metrics is a Querier with one answer for each query as it is asked, and a memory of what was
// asked and for when.
type metrics struct {
	values map[string][]float64
	errs   map[string]error

	mu    sync.Mutex
	asked map[string]time.Time
}

func (m *metrics) Query(_ context.Context, promql string, at time.Time) ([]float64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.asked == nil {
		m.asked = map[string]time.Time{}
	}
	m.asked[promql] = at
	return m.values[promql], m.errs[promql]
}

func (m *metrics) Range(ctx context.Context, promql string, from, to time.Time, step time.Duration) ([][]float64, error) {
	return moments(ctx, m, promql, from, to, step)
}

func (m *metrics) Link(promql string, _ time.Time) string { return "http://prometheus/" + promql }

// moments answers a range as of each of its moments.
func moments(ctx context.Context, q health.Querier, promql string, from, to time.Time, step time.Duration) ([][]float64, error) {
	var answers [][]float64
	for at := from; !at.After(to); at = at.Add(step) {
		values, err := q.Query(ctx, promql, at)
		if err != nil {
			return nil, err
		}
		answers = append(answers, values)
	}
	return answers, nil
}

func always(values ...float64) *metrics {
	return &metrics{values: map[string][]float64{"q": values}}
}

var now = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// look measures one gate once, over a whole window.
func look(t *testing.T, m health.Querier, g policy.Gate) health.Finding {
	t.Helper()
	return lookSince(t, m, g, time.Time{})
}

func lookSince(t *testing.T, m health.Querier, g policy.Gate, since time.Time) health.Finding {
	t.Helper()
	gates := []health.Gate{{Name: "gate", Gate: g}}
	s := health.Subject{Service: "review", Stage: "prod", Application: "argocd/review-prod", ChangedAt: now.Add(-5 * time.Minute)}
	findings := health.Judge{Metrics: m}.Measure(t.Context(), gates, s, since, now)
	if len(findings) != 1 || findings[0].Gate != "gate" || !findings[0].At.Equal(now) {
		t.Fatalf("findings are %+v", findings)
	}
	return findings[0]
}

func want(t *testing.T, f health.Finding, verdict health.Verdict, reason string) {
	t.Helper()
	if f.Verdict != verdict || f.Reason != reason {
		t.Errorf("got  %s: %s\nwant %s: %s", f.Verdict, f.Reason, verdict, reason)
	}
}

func ptr[T any](v T) *T { return &v }
