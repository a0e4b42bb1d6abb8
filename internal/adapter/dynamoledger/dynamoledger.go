// Package dynamoledger is the ledger.Store of Guardian on AWS: one DynamoDB table.
//
// A record is an item, its key the table's key, so that List is a Query. Every Write is one
// TransactWriteItems, also that of a single op: only a transaction carries a request token, by which
// DynamoDB knows a call that is repeated because its answer was lost. A conditional UpdateItem that
// landed unseen would be told as a conflict when it is repeated, and ErrConflict must mean that
// nothing was written.
//
// Reads of one record are strongly consistent. A List beside a Write may see a part of its records,
// as DynamoDB reads a Query at the level "read committed"
// (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html#transaction-isolation).
//
// The caller's role needs dynamodb:GetItem, Query, ConditionCheckItem, UpdateItem and DeleteItem on the
// table; Probe also DescribeTable and DescribeTimeToLive.
package dynamoledger

import (
	"cmp"
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/cinegit/guardian/internal/ledger"
)

// Store is a ledger.Store in a DynamoDB table.
type Store struct {
	client *dynamodb.Client
	table  string
}

// New gives the store in a table, by name or ARN, that stands already; Probe tells whether it is fit.
// Nothing is connected to before the first call. What DynamoDB refuses for lack of capacity or because
// of another transaction on the same record is tried again for about a second.
func New(cfg aws.Config, table string) *Store {
	return newStore(cfg, table, retry.BackoffDelayerFunc(backoff))
}

func newStore(cfg aws.Config, table string, delay retry.BackoffDelayer) *Store {
	client := dynamodb.NewFromConfig(cfg, func(o *dynamodb.Options) { o.Retryer = retryer(delay) })
	return &Store{client: client, table: table}
}

// Get implements ledger.Store.
func (s *Store) Get(ctx context.Context, key ledger.Key) (ledger.Record, error) {
	if err := cmp.Or(ctx.Err(), ledger.CheckKey(key)); err != nil {
		return ledger.Record{}, err
	}
	out, err := s.client.GetItem(ctx, &dynamodb.GetItemInput{
		TableName: &s.table, Key: itemKey(key), ConsistentRead: aws.Bool(true),
	})
	if err != nil {
		return ledger.Record{}, s.explain(fmt.Sprintf("get %s/%s", key.Partition, key.Sort), err)
	}
	if out.Item == nil {
		return ledger.Record{}, fmt.Errorf("%s/%s: %w", key.Partition, key.Sort, ledger.ErrNotFound)
	}
	return decode(out.Item)
}

// maxPage bounds what one Query is asked for; what it answers is also bounded by its 1 MB.
const maxPage = 1000

// List implements ledger.Store.
func (s *Store) List(ctx context.Context, q ledger.Query) ([]ledger.Record, error) {
	if err := cmp.Or(ctx.Err(), ledger.CheckQuery(q)); err != nil {
		return nil, err
	}
	in := s.query(q)
	var records []ledger.Record
	for {
		in.Limit = aws.Int32(int32(min(q.Limit-len(records), maxPage)))
		out, err := s.client.Query(ctx, in)
		if err != nil {
			return nil, s.explain("list "+q.Partition, err)
		}
		for _, item := range out.Items {
			record, err := decode(item)
			if err != nil {
				return nil, fmt.Errorf("list %s: %w", q.Partition, err)
			}
			records = append(records, record)
		}
		if len(records) == q.Limit || len(out.LastEvaluatedKey) == 0 {
			return records, nil
		}
		in.ExclusiveStartKey = out.LastEvaluatedKey
	}
}

func (s *Store) query(q ledger.Query) *dynamodb.QueryInput {
	in := &dynamodb.QueryInput{
		TableName:                 &s.table,
		ConsistentRead:            aws.Bool(true),
		ScanIndexForward:          aws.Bool(!q.Descending),
		KeyConditionExpression:    aws.String("#partition = :partition"),
		ExpressionAttributeNames:  map[string]string{"#partition": PartitionKey},
		ExpressionAttributeValues: map[string]types.AttributeValue{":partition": text(q.Partition)},
	}
	if q.After == "" {
		return in
	}
	beyond := " AND #sort > :after"
	if q.Descending {
		beyond = " AND #sort < :after"
	}
	*in.KeyConditionExpression += beyond
	in.ExpressionAttributeNames["#sort"] = SortKey
	in.ExpressionAttributeValues[":after"] = text(q.After)
	return in
}
