package scenario

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/alertmanager/template"

	"github.com/cinegit/guardian/events/alertmanager"
	"github.com/cinegit/guardian/internal/deploy"
	"github.com/cinegit/guardian/internal/ledger"
	"github.com/cinegit/guardian/internal/policy"
	"github.com/cinegit/guardian/internal/remedy/remedytest"
)

func (s *story) verbs() map[string]verb {
	return map[string]verb{
		"deploy":  {2, s.deploy},
		"breaks":  {2, s.breaks},
		"flag":    {2, func(_ context.Context, a []string) error { return s.world.Flags.Set(a[0], a[1]) }},
		"app":     {3, s.app},
		"alert":   {3, s.alert},
		"again":   {3, s.again},
		"resolve": {3, s.resolve},
		"metrics": {1, s.metrics},
		"argocd":  {1, func(_ context.Context, a []string) error { s.world.Argo.Down(a[0] == "down"); return nil }},
		"fail":    {2, s.fail},
		"switch":  {1, s.ownSwitch},
		"approve": {1, s.answer(true)},
		"reject":  {1, s.answer(false)},
		"undo":    {1, s.undo},
		"release": {3, s.release},
		"freeze":  {4, s.freeze},
		"flags":   {1, func(_ context.Context, a []string) error { s.world.Flags.Down = a[0] == "down"; return nil }},
		"policy":  {1, s.policy},
		"read":    {0, s.read},
		"admit":   {3, s.admit},
		"kill":    {0, func(context.Context, []string) error { s.world.Kill(); return nil }},
	}
}

func (s *story) deploy(_ context.Context, a []string) error {
	person := "ci"
	if len(a) > 2 {
		person = a[2]
	}
	s.world.Argo.Ship(s.world.Metrics.app(a[0]), a[1], person)
	return nil
}

func (s *story) breaks(_ context.Context, a []string) (err error) {
	s.world.Metrics.Breaks[a[0]], err = strconv.ParseFloat(a[1], 64)
	return err
}

func (s *story) app(_ context.Context, a []string) error {
	return s.world.Argo.Set(s.world.Metrics.app(a[0]), a[1], strings.Join(a[2:], " "))
}

// Alert makes the message that an Alertmanager posts of one alert.
func Alert(name, service, stage string, startsAt time.Time, status string) alertmanager.Message {
	return alertmanager.Message{Version: "4", Data: template.Data{Alerts: template.Alerts{{
		Status: status, StartsAt: startsAt, Fingerprint: strings.Join([]string{name, service, stage}, "-"),
		Labels:      template.KV{"alertname": name, "service": service, "env": stage, "severity": "critical"},
		Annotations: template.KV{"summary": "many requests fail"},
	}}}}
}

func (s *story) alert(_ context.Context, a []string) error {
	startsAt := s.world.Now()
	if len(a) > 4 && a[3] == "since" {
		since, err := parseClock(a[4])
		if err != nil {
			return err
		}
		startsAt = Start().Add(since)
	}
	s.fired[strings.Join(a[:3], " ")] = startsAt
	s.world.Receive(Alert(a[0], a[1], a[2], startsAt, "firing"))
	return nil
}

func (s *story) again(_ context.Context, a []string) error {
	s.world.Receive(Alert(a[0], a[1], a[2], s.fired[strings.Join(a, " ")], "firing"))
	return nil
}

func (s *story) resolve(_ context.Context, a []string) error {
	s.world.Receive(Alert(a[0], a[1], a[2], s.fired[strings.Join(a, " ")], "resolved"))
	return nil
}

func (s *story) metrics(_ context.Context, a []string) error {
	s.world.Metrics.Down, s.world.Metrics.Silent = a[0] == "down", a[0] == "silent"
	return nil
}

func (s *story) fail(_ context.Context, a []string) error {
	kinds := map[string]error{"unavailable": deploy.ErrUnavailable, "denied": deploy.ErrDenied, "busy": deploy.ErrBusy}
	s.world.Argo.Fail(a[0], remedytest.Fault{Err: kinds[a[1]], Landed: len(a) > 2})
	return nil
}

func (s *story) ownSwitch(_ context.Context, a []string) error {
	s.world.Switch.May, s.world.Switch.Why = a[0] == "on", "flag guardian.act is off"
	return nil
}

// latest is the incident that was opened last.
func (s *story) latest(ctx context.Context) (string, error) {
	all, err := s.world.Ledger.Incidents(ctx, 1)
	if err != nil || len(all) == 0 {
		return "", fmt.Errorf("no incident: %w", err)
	}
	return all[0].ID, nil
}

func (s *story) answer(granted bool) func(context.Context, []string) error {
	return func(ctx context.Context, a []string) error {
		id, err := s.latest(ctx)
		if err != nil {
			return err
		}
		return s.world.Answer(ctx, id, ledger.Approval{Granted: granted, By: a[0], At: s.world.Now()})
	}
}

func (s *story) undo(ctx context.Context, a []string) error {
	id, err := s.latest(ctx)
	if err != nil {
		return err
	}
	_, err = s.world.Flow.Undo(ctx, id, a[0], "")
	return err
}

func (s *story) release(ctx context.Context, a []string) error {
	done, err := s.world.Flow.Release(ctx, ledger.Target{Service: a[0], Stage: a[1]}, a[2], len(a) > 3)
	if err != nil {
		return err
	}
	s.say("release %s/%s: auto-sync given back: %t, quarantines lifted: %d", a[0], a[1], done.AutoSync, len(done.Lifted))
	return nil
}

func (s *story) freeze(ctx context.Context, a []string) error {
	minutes, err := strconv.Atoi(a[3])
	if err != nil {
		return err
	}
	now := s.world.Now()
	return s.world.Ledger.SetFreeze(ctx, ledger.Freeze{
		Service: a[0], Stage: a[1], By: a[2], At: now, Until: now.Add(time.Duration(minutes) * time.Minute), Why: "release day",
	})
}

func (s *story) admit(ctx context.Context, a []string) error {
	v, err := s.world.Flow.Admit(ctx, ledger.Target{Service: a[0], Stage: a[1]}, a[2])
	if err != nil {
		return err
	}
	s.say("admit %s to %s/%s: %t, %s", a[2], a[0], a[1], v.Admitted, v.Why)
	return nil
}

// policy puts another part of the file into force.
func (s *story) policy(_ context.Context, a []string) error {
	p, err := policy.Parse(a[0], file(s.archive, a[0]))
	if err != nil {
		return err
	}
	s.world.SetPolicy(p)
	return nil
}

// read is what people find in their channels.
func (s *story) read(ctx context.Context, _ []string) error {
	messages, err := s.world.Ledger.Outbox(ctx)
	if err != nil {
		return err
	}
	for _, m := range messages {
		s.say("read     %s: %s", m.Urgency, m.Title)
		for _, text := range m.Text {
			s.say("         %s", text)
		}
		for _, f := range m.Findings {
			s.say("         evidence %s %s: %s", f.Gate, f.Verdict, f.Reason)
		}
		if m.Undo != "" {
			s.say("         undo: %s", m.Undo)
		}
	}
	return nil
}
