// Package dynamoledger is the ledger.Store of Guardian on AWS: one DynamoDB table, and one S3 bucket for
// values that are too large for an item.
//
// A record is an item, its key the table's key, so that List is a Query. A large value is an object named by
// its SHA-256, which is put before the item that points at it is written, and checked when it is read. Every Write is one
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
// table, and s3:GetObject and PutObject on the bucket's objects below KeptPrefix and ExpiringPrefix; Probe also
// DescribeTable and DescribeTimeToLive.
package dynamoledger

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/cinegit/guardian/internal/ledger"
)

// Store is a ledger.Store in a DynamoDB table and an S3 bucket.
type Store struct {
	client   *dynamodb.Client
	table    string
	evidence evidence
}

// New gives the store in a table, by name or ARN, and a bucket, by name, that stand already; Probe tells
// whether they are fit. Nothing is connected to before the first call. What AWS refuses for lack of capacity
// or because of another transaction on the same record is tried again for about a second.
func New(cfg aws.Config, table, bucket string) *Store {
	return newStore(cfg, table, bucket, retry.BackoffDelayerFunc(backoff))
}

func newStore(cfg aws.Config, table, bucket string, delay retry.BackoffDelayer) *Store {
	client := dynamodb.NewFromConfig(cfg, func(o *dynamodb.Options) { o.Retryer = retryer(delay) })
	objects := s3.NewFromConfig(cfg, func(o *s3.Options) {
		o.Retryer = retryer(delay)
		o.UsePathStyle = o.BaseEndpoint != nil // a server of one's own has one name, not one for each bucket
	})
	return &Store{client: client, table: table, evidence: evidence{client: objects, bucket: bucket, now: time.Now}}
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
	f, err := decode(out.Item)
	if err != nil || f.object == "" {
		return f.Record, err
	}
	f.Value, err = s.evidence.get(ctx, f.Key, f.object)
	if err != nil {
		return ledger.Record{}, err
	}
	return f.Record, nil
}

// maxPage bounds what one Query is asked for; what it answers is also bounded by its 1 MB.
const maxPage = 1000

// List implements ledger.Store.
func (s *Store) List(ctx context.Context, q ledger.Query) ([]ledger.Record, error) {
	if err := cmp.Or(ctx.Err(), ledger.CheckQuery(q)); err != nil {
		return nil, err
	}
	all, err := s.find(ctx, q)
	if err != nil {
		return nil, err
	}
	if err := s.evidence.fill(ctx, all); err != nil {
		return nil, fmt.Errorf("list %s: %w", q.Partition, err)
	}
	records := make([]ledger.Record, 0, len(all))
	for _, f := range all {
		records = append(records, f.Record)
	}
	return records, nil
}

// find reads the items of a query.
func (s *Store) find(ctx context.Context, q ledger.Query) ([]found, error) {
	in := s.query(q)
	var all []found
	for {
		in.Limit = aws.Int32(int32(min(q.Limit-len(all), maxPage)))
		out, err := s.client.Query(ctx, in)
		if err != nil {
			return nil, s.explain("list "+q.Partition, err)
		}
		for _, item := range out.Items {
			f, err := decode(item)
			if err != nil {
				return nil, fmt.Errorf("list %s: %w", q.Partition, err)
			}
			all = append(all, f)
		}
		if len(all) == q.Limit || len(out.LastEvaluatedKey) == 0 {
			return all, nil
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
