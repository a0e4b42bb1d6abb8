package alerting

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cinegit/guardian/events/alertmanager"
	"github.com/cinegit/guardian/internal/health"
)

// metrics answers every query with one series, with none, or with an error.
type metrics struct {
	health.Querier // alerting asks no ranges

	holds bool
	err   error
}

func (m metrics) Query(context.Context, string, time.Time) ([]float64, error) {
	if m.holds {
		return []float64{1}, m.err
	}
	return nil, m.err
}

// posted is what the webhook got.
type posted struct {
	Status   string
	StartsAt time.Time
	EndsAt   time.Time
}

// webhook keeps what it gets and answers 202, or 503 while it is down.
type webhook struct {
	t    *testing.T
	down bool
	got  []posted
}

func (w *webhook) ServeHTTP(out http.ResponseWriter, r *http.Request) {
	if w.down {
		out.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	raw, err := io.ReadAll(r.Body)
	if err != nil {
		w.t.Error(err)
	}
	m, err := alertmanager.Parse(raw)
	if err != nil || r.Header.Get("Authorization") != "Bearer secret" || len(m.Alerts) != 1 {
		w.t.Errorf("message %+v with %q: %v", m, r.Header.Get("Authorization"), err)
		return
	}
	if diff := cmp.Diff(map[string]string{"alertname": "Burns", "service": "review"}, map[string]string(m.Alerts[0].Labels)); diff != "" {
		w.t.Error(diff)
	}
	w.got = append(w.got, posted{m.Alerts[0].Status, m.Alerts[0].StartsAt, m.Alerts[0].EndsAt})
	out.WriteHeader(http.StatusAccepted)
}

// moment is one evaluation: seconds after the beginning, and how things stand then.
type moment struct {
	second  int
	holds   bool
	unknown bool // the metrics give no answer
	down    bool // the webhook is
}

func TestARuleFiresAfterItsTimeOnceAndIsResolvedOnce(t *testing.T) {
	began := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	at := func(second int) time.Time { return began.Add(time.Duration(second) * time.Second) }
	firing := func(second int) posted { return posted{"firing", at(second), time.Time{}} }
	cases := []struct {
		name    string
		moments []moment
		want    []posted
	}{
		{"too short to fire", []moment{{second: 0, holds: true}, {second: 1, holds: true}, {second: 2}, {second: 3, holds: true}}, nil},
		{"fires once", []moment{{second: 0, holds: true}, {second: 2, holds: true}, {second: 3, holds: true}}, []posted{firing(2)}},
		{"is resolved with the start it fired with", []moment{{second: 0, holds: true}, {second: 2, holds: true}, {second: 5}, {second: 6}},
			[]posted{firing(2), {"resolved", at(2), at(5)}}},
		{"a second episode starts anew", []moment{{second: 0, holds: true}, {second: 2, holds: true}, {second: 3}, {second: 4, holds: true}, {second: 6, holds: true}},
			[]posted{firing(2), {"resolved", at(2), at(3)}, firing(6)}},
		{"no measurement changes nothing", []moment{{second: 0, holds: true}, {second: 2, holds: true}, {second: 3, unknown: true}, {second: 4, holds: true}}, []posted{firing(2)}},
		{"what is not taken is sent again", []moment{{second: 0, holds: true}, {second: 2, holds: true, down: true}, {second: 3, holds: true}, {second: 4, down: true}, {second: 5}},
			[]posted{firing(3), {"resolved", at(3), at(5)}}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			hook := &webhook{t: t}
			server := httptest.NewServer(hook)
			defer server.Close()
			rule := Rule{Name: "Burns", Expr: "up", For: 2 * time.Second, Labels: map[string]string{"service": "review"}}
			var e episode
			for _, m := range c.moments {
				hook.down = m.down
				answers := metrics{holds: m.holds}
				if m.unknown {
					answers = metrics{err: errors.New("no answer")}
				}
				Sender{Metrics: answers, URL: server.URL, Token: "secret"}.evaluate(t.Context(), rule, &e, at(m.second))
			}
			if diff := cmp.Diff(c.want, hook.got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestRunEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := (Sender{Metrics: metrics{}, Every: time.Hour, Rules: []Rule{{Name: "Burns"}}}).Run(ctx); err != nil {
		t.Error(err)
	}
}
