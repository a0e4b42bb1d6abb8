package ledger

import (
	"errors"
	"fmt"
	"unicode/utf8"
)

// ErrBatch means that a batch or a query is malformed: no store takes it, and trying again is no use.
var ErrBatch = errors.New("malformed ledger call")

// Longest keys in bytes, as DynamoDB bounds them
// (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html).
const (
	MaxPartition = 2048
	MaxSort      = 1024
)

// CheckBatch tells whether a batch keeps the rules that hold for every Store; stores call it first.
// It wraps ErrBatch.
func CheckBatch(ops []Op) error {
	if len(ops) == 0 || len(ops) > MaxOps {
		return fmt.Errorf("%w: a batch of %d ops; it takes 1 to %d", ErrBatch, len(ops), MaxOps)
	}
	seen := make(map[Key]bool, len(ops))
	for i, op := range ops {
		if err := checkOp(op); err != nil {
			return fmt.Errorf("op %d: %w", i, err)
		}
		if seen[op.Key] {
			return fmt.Errorf("%w: op %d names %s/%s a second time", ErrBatch, i, op.Key.Partition, op.Key.Sort)
		}
		seen[op.Key] = true
	}
	return nil
}

func checkOp(op Op) error {
	if op.Kind != OpPut && op.Kind != OpDelete && op.Kind != OpCheck {
		return fmt.Errorf("%w: unknown kind %q", ErrBatch, op.Kind)
	}
	if op.Version < AnyVersion {
		return fmt.Errorf("%w: version %d", ErrBatch, op.Version)
	}
	return CheckKey(op.Key)
}

// CheckKey tells whether a key is one that every Store can hold. It wraps ErrBatch.
func CheckKey(key Key) error {
	if n := len(key.Partition); n == 0 || n > MaxPartition {
		return fmt.Errorf("%w: a partition name of %d bytes; it takes 1 to %d", ErrBatch, n, MaxPartition)
	}
	if n := len(key.Sort); n == 0 || n > MaxSort {
		return fmt.Errorf("%w: a sort key of %d bytes; it takes 1 to %d", ErrBatch, n, MaxSort)
	}
	if !utf8.ValidString(key.Partition) || !utf8.ValidString(key.Sort) {
		return fmt.Errorf("%w: key %q/%q is not UTF-8", ErrBatch, key.Partition, key.Sort)
	}
	return nil
}

// CheckQuery tells whether a query is one that every Store can answer. It wraps ErrBatch.
func CheckQuery(q Query) error {
	if q.Limit < 1 {
		return fmt.Errorf("%w: list of %s with limit %d; it takes at least 1", ErrBatch, q.Partition, q.Limit)
	}
	return CheckKey(Key{q.Partition, "-"})
}
