package ledger

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

func incidentKey(id string) Key { return Key{"incident", id} }

func eventsOf(id string) string { return "events/" + id }

func eventKey(id string, seq int) Key { return Key{eventsOf(id), fmt.Sprintf("%08d", seq)} }

func episodeKey(a Alert) Key {
	return Key{"episode", a.Fingerprint + "@" + a.StartsAt.UTC().Format(time.RFC3339Nano)}
}

// Incident reads an incident; ErrNotFound if there is none of that ID.
func (l *Ledger) Incident(ctx context.Context, id string) (Incident, error) {
	inc, version, ok, err := read[Incident](ctx, l.Store, incidentKey(id))
	if err != nil {
		return Incident{}, err
	}
	if !ok {
		return Incident{}, fmt.Errorf("incident %q: %w", id, ErrNotFound)
	}
	inc.Version = version
	return inc, nil
}

// ErrAmbiguous means that more than one incident could be meant.
var ErrAmbiguous = errors.New("more than one incident could be meant")

// Find resolves "last", a whole ID, or a prefix of one that is unique among the newest 500 incidents.
// What it does not find it gives back as it is.
func (l *Ledger) Find(ctx context.Context, id string) (string, error) {
	newest, err := list[string](ctx, l.Store, Query{Partition: "incidents", Descending: true}, 500)
	if err != nil {
		return "", err
	}
	if id == "last" && len(newest) > 0 {
		return newest[0], nil
	}
	var hits []string
	for _, one := range newest {
		if one == id {
			return id, nil
		}
		if strings.HasPrefix(one, id) {
			hits = append(hits, one)
		}
	}
	switch len(hits) {
	case 0:
		return id, nil
	case 1:
		return hits[0], nil
	}
	return "", fmt.Errorf("%w: %q could be any of %s", ErrAmbiguous, id, strings.Join(hits[:min(len(hits), 5)], ", "))
}

// EpisodeOf gives the incident that took an alert's episode up; "" if none did.
func (l *Ledger) EpisodeOf(ctx context.Context, a Alert) (incident string, err error) {
	incident, _, _, err = read[string](ctx, l.Store, episodeKey(a))
	return incident, err
}

// Events gives an incident's timeline from the beginning, after the event numbered after (-1 for all).
func (l *Ledger) Events(ctx context.Context, id string, after int) ([]Event, error) {
	var from string
	if after >= 0 {
		from = eventKey(id, after).Sort
	}
	return list[Event](ctx, l.Store, Query{Partition: eventsOf(id), After: from}, 0)
}

// Incidents gives the newest incidents first, at most limit (0 is all).
func (l *Ledger) Incidents(ctx context.Context, limit int) ([]Incident, error) {
	ids, err := list[string](ctx, l.Store, Query{Partition: "incidents", Descending: true}, limit)
	if err != nil {
		return nil, err
	}
	return l.incidents(ctx, ids)
}

// OpenIncidents gives the incidents that have not ended, in no special order.
func (l *Ledger) OpenIncidents(ctx context.Context) ([]Incident, error) {
	ids, err := list[string](ctx, l.Store, Query{Partition: "open"}, 0)
	if err != nil {
		return nil, err
	}
	return l.incidents(ctx, ids)
}

func (l *Ledger) incidents(ctx context.Context, ids []string) ([]Incident, error) {
	out := make([]Incident, 0, len(ids))
	for _, id := range ids {
		inc, err := l.Incident(ctx, id)
		if errors.Is(err, ErrNotFound) {
			continue // it is being opened this moment: a list may see a batch before a get does
		}
		if err != nil {
			return nil, err
		}
		out = append(out, inc)
	}
	return out, nil
}

// Open writes a new incident with its first events and takes the target's lease, all or nothing.
// ErrConflict: the incident or one of its episodes stands already, or the lease has moved on.
func (l *Ledger) Open(ctx context.Context, inc Incident, lease Lease, events ...Event) (Incident, error) {
	ops, err := l.incidentOps(&inc, events)
	if err != nil {
		return Incident{}, err
	}
	index, err := put(Key{"incidents", stamp(inc.OpenedAt) + "-" + inc.ID}, 0, inc.ID)
	if err != nil {
		return Incident{}, err
	}
	open, err := put(Key{"open", inc.ID}, AnyVersion, inc.ID)
	if err != nil {
		return Incident{}, err
	}
	taken, err := put(leaseKey(lease.Target), lease.Fence, lease)
	if err != nil {
		return Incident{}, err
	}
	ops = append(ops, index, open, taken)
	for _, a := range inc.Alerts {
		op, err := put(episodeKey(a), 0, inc.ID)
		if err != nil {
			return Incident{}, err
		}
		op.Expires = inc.OpenedAt.Add(keepEpisode)
		ops = append(ops, op)
	}
	if err := l.Store.Write(ctx, ops...); err != nil {
		return Incident{}, fmt.Errorf("open incident %s: %w", inc.ID, err)
	}
	inc.Version = 1
	return inc, nil
}

// Change is what one step writes about an incident, all or nothing.
type Change struct {
	Incident Incident // as it will stand; its Version is the one that was read
	Events   []Event  // numbered on the way
	Episodes []Alert  // alerts that the incident takes up now
	Messages []Message
	Lease    *Lease // the change fails with ErrConflict unless this lease is still held
	Breaker  *Breaker
	Also     []Op // quarantine, hold and the like, from this package's …Op functions
}

// Commit writes a change. ErrConflict: somebody else wrote the incident, or the lease is lost;
// nothing was written. It returns the incident with its new version.
func (l *Ledger) Commit(ctx context.Context, c Change) (Incident, error) {
	inc := c.Incident
	ops, err := l.incidentOps(&inc, c.Events)
	if err != nil {
		return Incident{}, err
	}
	for _, a := range c.Episodes {
		op, err := put(episodeKey(a), AnyVersion, inc.ID)
		if err != nil {
			return Incident{}, err
		}
		op.Expires = inc.OpenedAt.Add(keepEpisode)
		ops = append(ops, op)
	}
	for _, m := range c.Messages {
		op, err := put(outboxKey(m.ID), AnyVersion, m)
		if err != nil {
			return Incident{}, err
		}
		ops = append(ops, op)
	}
	if c.Lease != nil {
		ops = append(ops, Op{Kind: OpCheck, Key: leaseKey(c.Lease.Target), Version: c.Lease.Fence})
	}
	if c.Breaker != nil {
		op, err := put(breakerKey(), c.Breaker.Version, c.Breaker)
		if err != nil {
			return Incident{}, err
		}
		ops = append(ops, op)
	}
	if inc.End != "" {
		ops = append(ops, Op{Kind: OpDelete, Key: Key{"open", inc.ID}, Version: AnyVersion})
	}
	if err := l.Store.Write(ctx, append(ops, c.Also...)...); err != nil {
		return Incident{}, fmt.Errorf("incident %s: %w", inc.ID, err)
	}
	inc.Version++
	return inc, nil
}

// incidentOps numbers the events and gives the ops that write them and the incident.
func (l *Ledger) incidentOps(inc *Incident, events []Event) ([]Op, error) {
	var ops []Op
	for _, e := range events {
		e.Incident, e.Target, e.Seq = inc.ID, inc.Target, inc.NextSeq
		inc.NextSeq++
		op, err := put(eventKey(inc.ID, e.Seq), 0, e)
		if err != nil {
			return nil, err
		}
		ops = append(ops, op)
	}
	op, err := put(incidentKey(inc.ID), inc.Version, inc)
	if err != nil {
		return nil, err
	}
	return append(ops, op), nil
}

// Ignore records decisions that led to no incident.
func (l *Ledger) Ignore(ctx context.Context, now time.Time, events []Event) error {
	for start := 0; start < len(events); start += MaxOps {
		var ops []Op
		for i, e := range events[start:min(start+MaxOps, len(events))] {
			raw, err := json.Marshal(e)
			if err != nil {
				return fmt.Errorf("encode decision: %w", err)
			}
			key := Key{"ignored", fmt.Sprintf("%s-%06d-%s", stamp(now), start+i, e.Target)}
			ops = append(ops, Op{Kind: OpPut, Key: key, Version: AnyVersion, Value: raw, Expires: now.Add(keepIgnored)})
		}
		if err := l.Store.Write(ctx, ops...); err != nil {
			return fmt.Errorf("record ignored alerts: %w", err)
		}
	}
	return nil
}

// Ignored gives the newest decisions that led to no incident, at most limit.
func (l *Ledger) Ignored(ctx context.Context, limit int) ([]Event, error) {
	return list[Event](ctx, l.Store, Query{Partition: "ignored", Descending: true}, limit)
}
