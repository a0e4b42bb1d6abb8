package dynamoledger

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/cinegit/guardian/internal/ledger"
)

// write is an op with where its value goes.
type write struct {
	ledger.Op
	object string // the key of the object that is the value; empty where the item holds it
}

// Write implements ledger.Store. It refuses with ledger.ErrTooLarge values of more than 4 MiB, and batches
// of more than 4 MB beside their large values.
func (s *Store) Write(ctx context.Context, ops ...ledger.Op) error {
	if err := cmp.Or(ctx.Err(), ledger.CheckBatch(ops)); err != nil {
		return err
	}
	writes := s.writes(ops)
	if err := checkSizes(writes); err != nil {
		return err
	}
	if len(writes) == 0 {
		return nil
	}
	if err := s.evidence.putAll(ctx, writes); err != nil {
		return fmt.Errorf("write %d ops: %w", len(writes), err)
	}
	items := make([]types.TransactWriteItem, 0, len(writes))
	for _, w := range writes {
		items = append(items, s.item(w))
	}
	_, err := s.client.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{TransactItems: items})
	if err != nil {
		return s.explainWrite(writes, err)
	}
	return nil
}

// writes are the ops that have something to say to DynamoDB: a check of any version always holds, and
// DynamoDB takes no check without a condition.
func (s *Store) writes(ops []ledger.Op) []write {
	var out []write
	for _, op := range ops {
		if op.Kind == ledger.OpCheck && op.Version == ledger.AnyVersion {
			continue
		}
		w := write{Op: op}
		if op.Kind == ledger.OpPut && len(op.Value) > largeValue {
			w.object = s.evidence.keyOf(op.Value, op.Expires)
		}
		out = append(out, w)
	}
	return out
}

func (s *Store) item(op write) types.TransactWriteItem {
	e := expression{}
	condition := e.condition(op.Version)
	switch op.Kind {
	case ledger.OpPut:
		return types.TransactWriteItem{Update: &types.Update{
			TableName: &s.table, Key: itemKey(op.Key),
			UpdateExpression: aws.String(e.update(op)), ConditionExpression: condition,
			ExpressionAttributeNames: e.names, ExpressionAttributeValues: e.values,
		}}
	case ledger.OpDelete:
		return types.TransactWriteItem{Delete: &types.Delete{
			TableName: &s.table, Key: itemKey(op.Key), ConditionExpression: condition,
			ExpressionAttributeNames: e.names, ExpressionAttributeValues: e.values,
		}}
	default: // ledger.OpCheck; CheckBatch lets no other pass
		return types.TransactWriteItem{ConditionCheck: &types.ConditionCheck{
			TableName: &s.table, Key: itemKey(op.Key), ConditionExpression: condition,
			ExpressionAttributeNames: e.names, ExpressionAttributeValues: e.values,
		}}
	}
}

// expression collects what the placeholders of an item's expressions stand for: DynamoDB refuses one
// that is not used, and "value" is a word of its own.
type expression struct {
	names  map[string]string
	values map[string]types.AttributeValue
}

func (e *expression) name(placeholder, attribute string) {
	if e.names == nil {
		e.names = map[string]string{}
	}
	e.names[placeholder] = attribute
}

func (e *expression) value(placeholder string, v types.AttributeValue) {
	if e.values == nil {
		e.values = map[string]types.AttributeValue{}
	}
	e.values[placeholder] = v
}

func (e *expression) condition(version int64) *string {
	switch version {
	case ledger.AnyVersion:
		return nil
	case 0:
		e.name("#version", versionAttribute)
		return aws.String("attribute_not_exists(#version)")
	default:
		e.name("#version", versionAttribute)
		e.value(":is", number(version))
		return aws.String("#version = :is")
	}
}

// update counts the version up where the record stands, so that a put of any version does too. An item
// has either its value or the object that is it.
func (e *expression) update(op write) string {
	e.name("#version", versionAttribute)
	e.name("#value", valueAttribute)
	e.name("#object", objectAttribute)
	e.name("#expires", TTLAttribute)
	e.value(":none", number(0))
	e.value(":one", number(1))
	set, remove := "SET #version = if_not_exists(#version, :none) + :one", " REMOVE"
	if op.object == "" {
		e.value(":value", value(op.Value))
		set, remove = set+", #value = :value", remove+" #object"
	} else {
		e.value(":object", text(op.object))
		set, remove = set+", #object = :object", remove+" #value"
	}
	if op.Expires.IsZero() {
		return set + remove + ", #expires"
	}
	e.value(":expires", number(seconds(op.Expires)))
	return set + ", #expires = :expires" + remove
}

// explainWrite finds the op that stopped a transaction. A condition that does not hold is the answer,
// whatever else is said of other ops: nothing was written.
func (s *Store) explainWrite(sent []write, err error) error {
	var canceled *types.TransactionCanceledException
	if errors.As(err, &canceled) {
		for i, reason := range canceled.CancellationReasons[:min(len(sent), len(canceled.CancellationReasons))] {
			if aws.ToString(reason.Code) == conditionFailed {
				op := sent[i]
				return fmt.Errorf("%s/%s has not version %d: %w", op.Key.Partition, op.Key.Sort, op.Version, ledger.ErrConflict)
			}
		}
	}
	first := sent[0].Key
	return s.explain(fmt.Sprintf("write %d ops from %s/%s on", len(sent), first.Partition, first.Sort), err)
}
