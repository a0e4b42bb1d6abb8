package dynamoledger

import (
	"fmt"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/cinegit/guardian/internal/ledger"
)

// The table's schema, by which it is made and which Probe checks. Both keys are of KeyType.
const (
	PartitionKey = "partition"
	SortKey      = "sort"
	TTLAttribute = "expires" // seconds since 1970
	KeyType      = types.ScalarAttributeTypeS
)

// The attributes beside key and TTL.
const (
	versionAttribute = "version"
	valueAttribute   = "value" // a string where it is text, so that it can be read in AWS' console; else binary
)

func itemKey(key ledger.Key) map[string]types.AttributeValue {
	return map[string]types.AttributeValue{PartitionKey: text(key.Partition), SortKey: text(key.Sort)}
}

func text(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }

func number(n int64) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: strconv.FormatInt(n, 10)}
}

func value(raw []byte) types.AttributeValue {
	if utf8.Valid(raw) {
		return text(string(raw))
	}
	return &types.AttributeValueMemberB{Value: raw}
}

// seconds rounds up, so that nothing is dropped early.
func seconds(expires time.Time) int64 {
	return max(expires.Add(time.Second-time.Nanosecond).Unix(), 1)
}

func decode(item map[string]types.AttributeValue) (ledger.Record, error) {
	var r ledger.Record
	partition, ok1 := item[PartitionKey].(*types.AttributeValueMemberS)
	sort, ok2 := item[SortKey].(*types.AttributeValueMemberS)
	if !ok1 || !ok2 {
		return r, fmt.Errorf("an item without the keys %s and %s: this is not a ledger's table", PartitionKey, SortKey)
	}
	r.Key = ledger.Key{Partition: partition.Value, Sort: sort.Value}
	var ok bool
	if r.Version, ok = integer(item[versionAttribute]); !ok {
		return ledger.Record{}, fmt.Errorf("%s/%s has no %s: somebody else wrote it", r.Key.Partition, r.Key.Sort, versionAttribute)
	}
	switch v := item[valueAttribute].(type) {
	case *types.AttributeValueMemberS:
		r.Value = []byte(v.Value)
	case *types.AttributeValueMemberB:
		r.Value = v.Value
	default:
		return ledger.Record{}, fmt.Errorf("%s/%s has no %s: somebody else wrote it", r.Key.Partition, r.Key.Sort, valueAttribute)
	}
	if expires, ok := integer(item[TTLAttribute]); ok {
		r.Expires = time.Unix(expires, 0).UTC()
	}
	return r, nil
}

func integer(v types.AttributeValue) (int64, bool) {
	n, ok := v.(*types.AttributeValueMemberN)
	if !ok {
		return 0, false
	}
	i, err := strconv.ParseInt(n.Value, 10, 64)
	return i, err == nil
}

// What DynamoDB takes at most, in bytes
// (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html).
const (
	maxItem        = 400 << 10
	maxTransaction = 4_000_000
)

// itemOverhead is more than the names of all attributes and both numbers take.
const itemOverhead = len(PartitionKey+SortKey+TTLAttribute+versionAttribute+valueAttribute) + 2*21

// checkSizes finds what DynamoDB would not take before it is asked. It wraps ledger.ErrTooLarge.
func checkSizes(ops []ledger.Op) error {
	total := 0
	for _, op := range ops {
		size := itemOverhead + len(op.Key.Partition) + len(op.Key.Sort) + len(op.Value)
		if size > maxItem {
			return fmt.Errorf("%s/%s: %w: %d bytes with its key; DynamoDB takes %d", op.Key.Partition, op.Key.Sort, ledger.ErrTooLarge, size, maxItem)
		}
		total += size
	}
	if total > maxTransaction {
		return fmt.Errorf("%w: %d bytes in one batch, from %s/%s on; DynamoDB takes %d",
			ledger.ErrTooLarge, total, ops[0].Key.Partition, ops[0].Key.Sort, maxTransaction)
	}
	return nil
}
