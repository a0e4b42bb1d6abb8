//go:build e2e

package e2e

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/cinegit/guardian/internal/api"
	"github.com/cinegit/guardian/internal/ledger"
)

// wait waits for what must happen within patience.
func (s *stack) wait(t *testing.T, what string, probe func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	until(t, ctx, what, probe)
}

// waitRuns waits until exactly this tag runs, healthy.
func (s *stack) waitRuns(t *testing.T, tag string) {
	t.Helper()
	s.wait(t, tag+" runs", func(ctx context.Context) error {
		app, err := s.argo.get(ctx, s.app)
		return errors.Join(err, app.runs(s.tag(tag)))
	})
}

// proved waits until Guardian says that what runs has proved good.
func (s *stack) proved(t *testing.T) {
	t.Helper()
	s.wait(t, "the release proves good", func(ctx context.Context) error {
		status, err := s.guardian.client.Status(ctx)
		if err != nil || len(status.Targets) != 1 || !status.Targets[0].Proven {
			return errors.Join(err, fmt.Errorf("not proven: %+v", status.Targets))
		}
		return nil
	})
}

// ended waits until the n-th incident has ended, and checks how. It goes into the report.
func (s *stack) ended(t *testing.T, n int, want ledger.End) api.Explained {
	t.Helper()
	var out api.Explained
	s.wait(t, fmt.Sprintf("incident %d ends", n), func(ctx context.Context) error {
		all, err := s.guardian.client.Incidents(ctx, 10)
		if err != nil || len(all) < n {
			return errors.Join(err, fmt.Errorf("there are %d incidents", len(all)))
		}
		if out, err = s.guardian.client.Explain(ctx, all[len(all)-n].ID); err != nil || out.Incident.End == "" {
			return errors.Join(err, fmt.Errorf("%s is at step %s: %s", out.Incident.ID, out.Incident.Step, last(out.Events)))
		}
		return nil
	})
	if out.Incident.End != want {
		t.Errorf("incident %d ended %s, want %s: %s\n%s", n, out.Incident.End, want, out.Incident.Reason, story(out))
	}
	s.note(t, n, out.Incident)
	return out
}

func (s *stack) note(t *testing.T, n int, inc ledger.Incident) {
	one := row{name: s.name, end: string(inc.End), alert: inc.StartsAt, ended: inc.EndedAt, failed: t.Failed()}
	if n > 1 {
		one.name = fmt.Sprintf("%s (%d)", s.name, n)
	}
	for _, d := range s.inbox.firing() {
		if one.webhook.IsZero() && d.At.After(inc.StartsAt) {
			one.webhook = d.At
		}
	}
	for _, at := range s.proxy.rollbacks() {
		if one.rollback.IsZero() && at.After(inc.StartsAt) && at.Before(inc.EndedAt) {
			one.rollback = at
		}
	}
	s.report.add(one)
}

// reverted checks in Argo CD that there were exactly these history entries and that the newest has
// the content of entry id.
func (s *stack) reverted(t *testing.T, tag string, id int, ids ...int) {
	t.Helper()
	s.waitRuns(t, tag)
	app, err := s.argo.get(t.Context(), s.app)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(app.ids(), ids) {
		t.Errorf("history has ids %v, want %v: each rollback once", app.ids(), ids)
	}
	history := app.Status.History
	newest := history[len(history)-1]
	i := slices.IndexFunc(history, func(e historyEntry) bool { return e.ID == id })
	if i < 0 || newest.Revision != history[i].Revision {
		t.Errorf("newest history entry is revision %s, want that of id %d", newest.Revision, id)
	}
}

// untouched checks that nothing was rolled back, and nothing waits to be.
func (s *stack) untouched(t *testing.T, tag string, ids ...int) {
	t.Helper()
	s.waitRuns(t, tag)
	app, err := s.argo.get(t.Context(), s.app)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(app.ids(), ids) {
		t.Errorf("history has ids %v, want %v", app.ids(), ids)
	}
	s.rolledBack(t, 0)
}

// rolledBack checks how many rollbacks were asked of Argo CD.
func (s *stack) rolledBack(t *testing.T, times int) {
	t.Helper()
	if got := len(s.proxy.rollbacks()); got != times {
		t.Errorf("Argo CD was asked for %d rollbacks, want %d", got, times)
	}
}

// paged checks that people were told to look, and gives the words.
func (s *stack) paged(t *testing.T) message {
	t.Helper()
	var out message
	s.wait(t, "people are paged", func(context.Context) error {
		all := s.inbox.messages()
		i := slices.IndexFunc(all, func(m message) bool { return m.Urgency == "page" })
		if i < 0 {
			return fmt.Errorf("no page among %d messages", len(all))
		}
		out = all[i]
		return nil
	})
	return out
}

// incidents checks how many there were.
func (s *stack) incidents(t *testing.T, want int) {
	t.Helper()
	all, err := s.guardian.client.Incidents(t.Context(), 10)
	if err != nil || len(all) != want {
		t.Errorf("there are %d incidents, want %d (%v)", len(all), want, err)
	}
}

// refused checks that an error is an answer of Guardian's API with this status.
func refused(t *testing.T, err error, status int) {
	t.Helper()
	var problem *api.Error
	if !errors.As(err, &problem) || problem.Status != status {
		t.Errorf("got %v, want a problem with status %d %s", err, status, http.StatusText(status))
	}
}

// did tells whether an incident has an effect of a kind.
func did(inc ledger.Incident, kind ledger.EffectKind) bool {
	return slices.ContainsFunc(inc.Effects, func(e ledger.Effect) bool { return e.Kind == kind && !e.DoneAt.IsZero() })
}

func last(events []ledger.Event) string {
	if len(events) == 0 {
		return "no events"
	}
	return events[len(events)-1].Text
}

// story is an incident for the log of a test that failed.
func story(e api.Explained) string {
	var lines []string
	for _, event := range e.Events {
		lines = append(lines, fmt.Sprintf("  %s %-8s %-8s %s", event.At.Format("15:04:05.000"), event.Kind, event.Step, event.Text))
	}
	return strings.Join(lines, "\n")
}
