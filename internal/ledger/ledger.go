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

// How long the store must keep what only guards against repetition.
const (
	keepEpisode = 7 * 24 * time.Hour // repeat_interval is 4h by default and rarely above a day
	keepIgnored = 30 * 24 * time.Hour
	keepTold    = 30 * 24 * time.Hour
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
	if err := json.Unmarshal(record.Value, &value); err != nil {
		return value, 0, false, fmt.Errorf("decode %s/%s: %w", key.Partition, key.Sort, err)
	}
	return value, record.Version, true, nil
}

// list decodes records of one partition, at most limit of them (0 is all), in the query's order.
func list[T any](ctx context.Context, s Store, q Query, limit int) ([]T, error) {
	var out []T
	for {
		q.Limit = page
		if limit > 0 {
			q.Limit = min(page, limit-len(out))
		}
		records, err := s.List(ctx, q)
		if err != nil {
			return nil, fmt.Errorf("list %s: %w", q.Partition, err)
		}
		for _, r := range records {
			var v T
			if err := json.Unmarshal(r.Value, &v); err != nil {
				return nil, fmt.Errorf("decode %s/%s: %w", r.Key.Partition, r.Key.Sort, err)
			}
			out = append(out, v)
		}
		if len(records) < q.Limit || len(out) == limit && limit > 0 {
			return out, nil
		}
		q.After = records[len(records)-1].Key.Sort
	}
}
