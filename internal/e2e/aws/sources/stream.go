package sources

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"

	"github.com/cinegit/guardian/internal/e2e/aws/cloud"
)

// Stream is an event source mapping from a DynamoDB stream to a function. What the function fails with is
// sent again, in halves where Bisect is set, and dropped after Retries.
type Stream struct {
	Client  cloud.Client // with the rights of the function's role
	ARN     string
	Table   string
	Batch   int      // records at a time; 100
	Filters []string // patterns of which a record must match one; none lets all through
	Single  bool     // ReportBatchItemFailures
	Retries int
	Bisect  bool
	Invoke  Invoke

	iterators map[string]string // by shard
}

type record map[string]any

func (r record) sequence() string {
	d, _ := r["dynamodb"].(map[string]any)
	return fmt.Sprint(d["SequenceNumber"])
}

// Run polls until ctx ends, from the oldest record on.
func (s *Stream) Run(ctx context.Context) {
	every(ctx, func(ctx context.Context) bool {
		n, err := s.Once(ctx)
		return err == nil && n > 0
	})
}

// Once handles what is new and gives how many records that were, those that the filters leave out among them.
func (s *Stream) Once(ctx context.Context) (int, error) {
	if s.iterators == nil {
		if err := s.begin(ctx); err != nil {
			return 0, err
		}
	}
	n := 0
	for shard, iterator := range s.iterators {
		var got struct {
			Records           []record
			NextShardIterator string
		}
		if err := s.Client.Call(ctx, "DynamoDBStreams_20120810.GetRecords", map[string]any{"ShardIterator": iterator, "Limit": 1000}, &got); err != nil {
			s.iterators = nil
			return n, err
		}
		n += len(got.Records)
		if err := s.handle(ctx, got.Records); err != nil {
			return n, err
		}
		s.iterators[shard] = got.NextShardIterator
	}
	return n, nil
}

func (s *Stream) begin(ctx context.Context) error {
	if err := s.Client.Call(ctx, "DynamoDBStreams_20120810.ListStreams", map[string]string{"TableName": s.Table}, nil); err != nil {
		return err
	}
	var stream struct {
		StreamDescription struct {
			Shards []struct {
				ShardID string `json:"ShardId"`
			}
		}
	}
	if err := s.Client.Call(ctx, "DynamoDBStreams_20120810.DescribeStream", map[string]string{"StreamArn": s.ARN}, &stream); err != nil {
		return err
	}
	iterators := map[string]string{}
	for _, shard := range stream.StreamDescription.Shards {
		var got struct{ ShardIterator string }
		err := s.Client.Call(ctx, "DynamoDBStreams_20120810.GetShardIterator", map[string]string{
			"StreamArn": s.ARN, "ShardId": shard.ShardID, "ShardIteratorType": "TRIM_HORIZON",
		}, &got)
		if err != nil {
			return err
		}
		iterators[shard.ShardID] = got.ShardIterator
	}
	s.iterators = iterators
	return nil
}

func (s *Stream) handle(ctx context.Context, records []record) error {
	var wanted []record
	for _, r := range records {
		ok, err := s.wants(r)
		if err != nil {
			return err
		}
		if ok {
			r["eventSourceARN"] = s.ARN
			wanted = append(wanted, r)
		}
	}
	for len(wanted) > 0 {
		n := min(cmp.Or(s.Batch, 100), len(wanted))
		s.batch(ctx, wanted[:n], 0)
		wanted = wanted[n:]
	}
	return nil
}

func (s *Stream) wants(r record) (bool, error) {
	for _, f := range s.Filters {
		var pattern map[string]any
		if err := json.Unmarshal([]byte(f), &pattern); err != nil {
			return false, fmt.Errorf("filter %s: %w", f, err)
		}
		if ok, err := fits(pattern, r); ok || err != nil {
			return ok, err
		}
	}
	return len(s.Filters) == 0, nil
}

// batch sends records until the function has taken them or they have been tried often enough.
func (s *Stream) batch(ctx context.Context, records []record, tries int) {
	for len(records) > 0 && tries <= s.Retries && ctx.Err() == nil {
		answer, failed := send(ctx, s.Invoke, map[string]any{"Records": records})
		if !failed && s.Single {
			var from int
			from, failed = s.from(answer, records)
			records = records[from:]
		}
		if !failed {
			return
		}
		tries++
		if s.Bisect && len(records) > 1 {
			half := len(records) / 2
			s.batch(ctx, records[:half], tries)
			records = records[half:]
		}
	}
}

// from finds the first record that the function could not handle; it and all after it are sent again.
func (s *Stream) from(answer json.RawMessage, records []record) (index int, failed bool) {
	sent := map[string]bool{}
	for _, r := range records {
		sent[r.sequence()] = true
	}
	ids, all := failures(answer, sent)
	if all {
		return 0, true
	}
	for i, r := range records {
		if ids[r.sequence()] {
			return i, true
		}
	}
	return 0, false
}

// fits compares an event with a pattern of exact values, which is all that the template's filters have.
func fits(pattern map[string]any, event map[string]any) (bool, error) {
	for name, want := range pattern {
		switch want := want.(type) {
		case map[string]any:
			inner, _ := event[name].(map[string]any)
			if ok, err := fits(want, inner); !ok || err != nil {
				return false, err
			}
		case []any:
			found := false
			for _, w := range want {
				if _, plain := w.(map[string]any); plain {
					return false, fmt.Errorf("filter %v: only exact values are known here", want)
				}
				found = found || event[name] == w
			}
			if !found {
				return false, nil
			}
		default:
			return false, fmt.Errorf("filter %v: a list must stand there", want)
		}
	}
	return true, nil
}
