package ledger

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// Ledger writes and reads the domain's records in a Store.
type Ledger struct{ Store Store }

// How long the store must keep what only guards against repetition, and what is written anew all the time.
const (
	keepEpisode = 7 * 24 * time.Hour // repeat_interval is 4h by default and rarely above a day
	keepIgnored = 30 * 24 * time.Hour
	keepTold    = 30 * 24 * time.Hour
	keepSeen    = 30 * 24 * time.Hour // of a target that is in no policy any more
)

// page is how many records one List call of ours asks for.
const page = 200

// stamp orders records by time; nanoseconds since 1970, padded.
func stamp(t time.Time) string { return fmt.Sprintf("%020d", max(t.UnixNano(), 0)) }

func put(key Key, version int64, value any) (Op, error) {
	raw, err := json.Marshal(value)
	if err != nil {
		return Op{}, fmt.Errorf("encode %s/%s: %w", key.Partition, key.Sort, err)
	}
	return Op{Kind: OpPut, Key: key, Version: version, Value: raw}, nil
}

// read decodes one record. ok is false if there is none.
func read[T any](ctx context.Context, s Store, key Key) (value T, version int64, ok bool, err error) {
	record, err := s.Get(ctx, key)
	if errors.Is(err, ErrNotFound) {
		return value, 0, false, nil
	}
	if err != nil {
		return value, 0, false, fmt.Errorf("read %s/%s: %w", key.Partition, key.Sort, err)
	}
	if value, err = valueOf[T](record); err != nil {
		return value, 0, false, err
	}
	return value, record.Version, true, nil
}

// valueOf reads the value of a record.
func valueOf[T any](r Record) (T, error) {
	value, err := decode[T](r.Value)
	if err != nil {
		return value, fmt.Errorf("decode %s/%s: %w", r.Key.Partition, r.Key.Sort, err)
	}
	return value, nil
}

// list decodes records of one partition, at most limit of them (0 is all), in the query's order. Where there
// are none it is empty and not nil, so that it encodes as [].
func list[T any](ctx context.Context, s Store, q Query, limit int) ([]T, error) {
	records, err := pages(ctx, s, q, limit)
	if err != nil {
		return nil, err
	}
	out := make([]T, len(records))
	for i, r := range records {
		if out[i], err = valueOf[T](r); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// pages gives records of one partition, at most limit of them (0 is all), in the query's order.
func pages(ctx context.Context, s Store, q Query, limit int) ([]Record, error) {
	var out []Record
	for {
		q.Limit = page
		if limit > 0 {
			q.Limit = min(page, limit-len(out))
		}
		some, err := s.List(ctx, q)
		if err != nil {
			return nil, fmt.Errorf("list %s: %w", q.Partition, err)
		}
		out = append(out, some...)
		if len(some) < q.Limit || len(out) == limit {
			return out, nil
		}
		q.After = some[len(some)-1].Key.Sort
	}
}
