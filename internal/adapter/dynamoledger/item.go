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
	valueAttribute   = "value"  // a string where it is text, so that it can be read in AWS' console; else binary
	objectAttribute  = "object" // in the place of a large value: the key of the object that is the value
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

// found is a record as its item has it: the value of a large one is still in its object.
type found struct {
	ledger.Record
	object string
}

func decode(item map[string]types.AttributeValue) (found, error) {
	var r found
	partition, ok1 := item[PartitionKey].(*types.AttributeValueMemberS)
	sort, ok2 := item[SortKey].(*types.AttributeValueMemberS)
	if !ok1 || !ok2 {
		return r, fmt.Errorf("an item without the keys %s and %s: this is not a ledger's table", PartitionKey, SortKey)
	}
	r.Key = ledger.Key{Partition: partition.Value, Sort: sort.Value}
	var ok bool
	if r.Version, ok = integer(item[versionAttribute]); !ok {
		return found{}, fmt.Errorf("%s/%s has no %s: somebody else wrote it", r.Key.Partition, r.Key.Sort, versionAttribute)
	}
	if object, ok := item[objectAttribute].(*types.AttributeValueMemberS); ok {
		r.object = object.Value
	}
	switch v := item[valueAttribute].(type) {
	case *types.AttributeValueMemberS:
		r.Value = []byte(v.Value)
	case *types.AttributeValueMemberB:
		r.Value = v.Value
	default:
		if r.object == "" {
			return found{}, fmt.Errorf("%s/%s has no %s: somebody else wrote it", r.Key.Partition, r.Key.Sort, valueAttribute)
		}
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

// maxTransaction is what DynamoDB takes at most, in bytes
// (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html). No item comes near the
// 400 KB that it takes of one.
const maxTransaction = 4_000_000

// itemOverhead is more than the names of all attributes and both numbers take.
const itemOverhead = len(PartitionKey+SortKey+TTLAttribute+versionAttribute+valueAttribute+objectAttribute) + 2*21

// checkSizes finds what would not be taken before it is asked. It wraps ledger.ErrTooLarge.
func checkSizes(writes []write) error {
	total := 0
	for _, w := range writes {
		if len(w.Value) > maxValue {
			return fmt.Errorf("%s/%s: %w: %d bytes; %d are taken", w.Key.Partition, w.Key.Sort, ledger.ErrTooLarge, len(w.Value), maxValue)
		}
		total += itemOverhead + len(w.Key.Partition) + len(w.Key.Sort)
		if w.object == "" {
			total += len(w.Value)
		} else {
			total += len(w.object)
		}
	}
	if total > maxTransaction {
		return fmt.Errorf("%w: %d bytes in one batch beside its large values, from %s/%s on; DynamoDB takes %d",
			ledger.ErrTooLarge, total, writes[0].Key.Partition, writes[0].Key.Sort, maxTransaction)
	}
	return nil
}
