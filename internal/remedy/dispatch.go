package remedy

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/prometheus/alertmanager/template"
	"github.com/prometheus/common/model"

	"github.com/cinegit/guardian/events/alertmanager"
	"github.com/cinegit/guardian/internal/ledger"
)

// mostAlerts is how many alerts an incident's record keeps; further ones are only counted as taken up.
const mostAlerts = 50

// attempts is how often a write is tried again that lost against a step of the same incident.
const attempts = 8

// Dispatched says what became of a message's alerts.
type Dispatched struct {
	Opened     []string       // incidents that it opened: start their state machines
	Joined     int            // alerts that joined an open incident
	Duplicates int            // episodes that were known
	Resolved   int            // alerts that were resolved
	Ignored    map[string]int // alerts that led to nothing, by reason
}

// Dispatch joins a message's alerts to their targets and opens an incident for each target that has
// none; it decides nothing else. The same message again changes nothing.
func (f *Flow) Dispatch(ctx context.Context, m alertmanager.Message) (Dispatched, error) {
	d := Dispatched{Ignored: map[string]int{}}
	now, pol := f.Now(), f.Policy()
	var ignored []ledger.Event
	var order []ledger.Target
	firing := map[ledger.Target][]routed{}
	for _, a := range once(m.Alerts) {
		if a.Status == string(model.AlertResolved) {
			if err := f.resolve(ctx, a, now); err != nil {
				return d, err
			}
			d.Resolved++
			continue
		}
		known, err := f.Ledger.EpisodeOf(ctx, alertOf(a))
		if err != nil {
			return d, err
		}
		r := route(pol, a, now)
		switch {
		case known != "":
			d.Duplicates++
		case r.why != "":
			d.Ignored[r.kind]++
			ignored = append(ignored, ignoring(r, now))
		default:
			if firing[r.target] == nil {
				order = append(order, r.target)
			}
			firing[r.target] = append(firing[r.target], r)
		}
	}
	if m.TruncatedAlerts > 0 {
		d.Ignored["truncated"] += int(min(m.TruncatedAlerts, 1<<31))
		ignored = append(ignored, ledger.Event{At: now, Kind: ledger.EventDecision, Text: fmt.Sprintf(
			"%d alerts were cut off by the receiver's max_alerts and never seen: raise it", m.TruncatedAlerts)})
	}
	if err := f.Ledger.Ignore(ctx, now, ignored); err != nil {
		return d, err
	}
	for _, target := range order {
		if err := f.take(ctx, target, firing[target], &d); err != nil {
			return d, err
		}
	}
	return d, nil
}

// once drops an alert that stands in the message a second time.
func once(alerts template.Alerts) template.Alerts {
	type episode struct {
		fingerprint string
		startsAt    int64
		status      string
	}
	seen := make(map[episode]bool, len(alerts))
	return slices.DeleteFunc(slices.Clone(alerts), func(a template.Alert) bool {
		e := episode{a.Fingerprint, a.StartsAt.UnixNano(), a.Status}
		again := seen[e]
		seen[e] = true
		return again
	})
}

func ignoring(r routed, now time.Time) ledger.Event {
	return ledger.Event{At: now, Kind: ledger.EventDecision, Target: r.target,
		Text: fmt.Sprintf("alert %s ignored: %s", r.alert.Name, r.why)}
}

// take opens an incident for the target's new alerts, or joins them to the one that is open. Losing
// against a step that writes the same incident is met by looking again.
func (f *Flow) take(ctx context.Context, t ledger.Target, alerts []routed, d *Dispatched) error {
	for range attempts {
		err := f.takeOnce(ctx, t, alerts, d)
		if !errors.Is(err, ledger.ErrConflict) {
			return err
		}
	}
	return fmt.Errorf("alerts for %s: %w", t, ledger.ErrConflict)
}

func (f *Flow) takeOnce(ctx context.Context, t ledger.Target, alerts []routed, d *Dispatched) error {
	now := f.Now()
	lease, err := f.Ledger.Lease(ctx, t)
	if err != nil {
		return err
	}
	if lease.Holder != "" {
		inc, err := f.Ledger.Incident(ctx, lease.Holder)
		switch {
		case errors.Is(err, ledger.ErrNotFound) && !lease.Free("", now):
			return fmt.Errorf("alerts for %s: %w (%s)", t, ledger.ErrHeld, lease.Holder) // a person at work: soon over
		case err != nil && !errors.Is(err, ledger.ErrNotFound):
			return err
		case err == nil && inc.End == "":
			events := append(alertEvents(alerts, now), takeOver(f.Policy(), &inc, alerts, now)...)
			if err := f.join(ctx, inc, alerts, events); err != nil {
				return err
			}
			d.Joined += len(alerts)
			return nil
		}
	}
	inc := f.open(t, alerts, now)
	events := append(alertEvents(alerts, now), takeOver(f.Policy(), &inc, alerts, now)...)
	if inc, err = f.Ledger.Open(ctx, inc, lease.Taken(inc.ID, now, leaseTTL), events...); err != nil {
		return err
	}
	f.Log.InfoContext(ctx, "incident opened", "incident", inc.ID, "target", t.String(), "rule", inc.Rule)
	d.Opened = append(d.Opened, inc.ID)
	if len(alerts) > mostAlerts {
		return f.join(ctx, inc, alerts[mostAlerts:], nil)
	}
	return nil
}

func (f *Flow) open(t ledger.Target, alerts []routed, now time.Time) ledger.Incident {
	first := slices.MinFunc(alerts, func(a, b routed) int { return a.alert.StartsAt.Compare(b.alert.StartsAt) })
	inc := ledger.Incident{
		ID: incidentID(t, first.alert), Target: t, Rule: first.rule.Name, Match: first.rule.Match.Text,
		Mode: f.Policy().ModeFor(first.rule, t.Service, t.Stage), OpenedAt: now, StartsAt: first.alert.StartsAt,
		Step: ledger.StepConfirm, Current: -1,
	}
	for _, r := range alerts[:min(len(alerts), mostAlerts)] {
		inc.Alerts = append(inc.Alerts, r.alert)
	}
	return inc
}

func alertEvents(alerts []routed, now time.Time) []ledger.Event {
	var events []ledger.Event
	for _, r := range alerts[:min(len(alerts), 3)] {
		events = append(events, ledger.Event{At: now, Kind: ledger.EventAlert, Text: fmt.Sprintf(
			"alert %s fires since %s%s", r.alert.Name, r.alert.StartsAt.Format(time.TimeOnly+" MST"), colon(r.alert.Summary))})
	}
	if more := len(alerts) - len(events); more > 0 {
		events = append(events, ledger.Event{At: now, Kind: ledger.EventAlert, Text: fmt.Sprintf("and %d more alerts of this target", more)})
	}
	return events
}

// join adds alerts to an open incident, and events to its timeline. It does not move the incident's start:
// suspects were or will be ranked against the first alert.
func (f *Flow) join(ctx context.Context, inc ledger.Incident, alerts []routed, events []ledger.Event) error {
	var episodes []ledger.Alert
	for _, r := range alerts {
		episodes = append(episodes, r.alert)
		if len(inc.Alerts) < mostAlerts && alertIn(inc.Alerts, r.alert) < 0 {
			inc.Alerts = append(slices.Clip(inc.Alerts), r.alert)
		}
	}
	for batch := range slices.Chunk(episodes, ledger.MaxOps/2) {
		saved, err := f.Ledger.Commit(ctx, ledger.Change{Incident: inc, Episodes: batch, Events: events})
		if err != nil {
			return err
		}
		inc, events = saved, nil
	}
	return nil
}

// alertIn finds an alert's episode among others; -1 if it is not there.
func alertIn(alerts []ledger.Alert, a ledger.Alert) int {
	return slices.IndexFunc(alerts, func(b ledger.Alert) bool {
		return b.Fingerprint == a.Fingerprint && b.StartsAt.Equal(a.StartsAt)
	})
}

// resolve notes that an alert of an incident is over. It changes nothing else: the metrics decide.
func (f *Flow) resolve(ctx context.Context, a template.Alert, now time.Time) error {
	alert := alertOf(a)
	for range attempts {
		id, err := f.Ledger.EpisodeOf(ctx, alert)
		if err != nil || id == "" {
			return err
		}
		inc, err := f.Ledger.Incident(ctx, id)
		if err != nil {
			return err
		}
		i := alertIn(inc.Alerts, alert)
		if i < 0 || !inc.Alerts[i].ResolvedAt.IsZero() {
			return nil
		}
		inc.Alerts[i].ResolvedAt = now
		_, err = f.Ledger.Commit(ctx, ledger.Change{Incident: inc, Events: []ledger.Event{{
			At: now, Kind: ledger.EventAlert, Text: "alert " + alert.Name + " is resolved"}}})
		if !errors.Is(err, ledger.ErrConflict) {
			return err
		}
	}
	return fmt.Errorf("alert %s: %w", alert.Name, ledger.ErrConflict)
}
