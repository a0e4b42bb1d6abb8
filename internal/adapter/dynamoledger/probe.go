package dynamoledger

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// ErrUnfit means that the table stands but is not as the ledger needs it.
var ErrUnfit = errors.New("the table is not fit for a ledger")

// Probe tells whether the table stands, has the ledger's keys and drops what has expired, and whether the
// bucket takes and gives an object. Its error says what is wrong and what to do; it wraps ErrNoTable,
// ErrUnfit, ErrNoBucket or ErrRefused where that is known.
func (s *Store) Probe(ctx context.Context) error {
	table, err := s.client.DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: &s.table})
	if err != nil {
		return s.explain("describe it", err)
	}
	if err := fit(table.Table); err != nil {
		return fmt.Errorf("ledger table %s: %w", s.table, err)
	}
	ttl, err := s.client.DescribeTimeToLive(ctx, &dynamodb.DescribeTimeToLiveInput{TableName: &s.table})
	if err != nil {
		return s.explain("describe its time to live", err)
	}
	if err := expiring(ttl.TimeToLiveDescription); err != nil {
		return fmt.Errorf("ledger table %s: %w", s.table, err)
	}
	return s.evidence.probe(ctx)
}

func fit(table *types.TableDescription) error {
	if s := table.TableStatus; s != types.TableStatusActive && s != types.TableStatusUpdating {
		return fmt.Errorf("%w: it is %s, not ACTIVE", ErrUnfit, s)
	}
	kinds := map[string]types.ScalarAttributeType{}
	for _, a := range table.AttributeDefinitions {
		kinds[aws.ToString(a.AttributeName)] = a.AttributeType
	}
	keys := map[types.KeyType]string{}
	for _, k := range table.KeySchema {
		keys[k.KeyType] = aws.ToString(k.AttributeName)
	}
	for _, want := range []types.KeySchemaElement{
		{KeyType: types.KeyTypeHash, AttributeName: aws.String(PartitionKey)},
		{KeyType: types.KeyTypeRange, AttributeName: aws.String(SortKey)},
	} {
		if name := keys[want.KeyType]; name != *want.AttributeName || kinds[name] != KeyType {
			return fmt.Errorf("%w: its %s key is %q of type %q, and must be %q of type %q: make the table anew",
				ErrUnfit, want.KeyType, name, kinds[name], *want.AttributeName, KeyType)
		}
	}
	return nil
}

func expiring(ttl *types.TimeToLiveDescription) error {
	var status types.TimeToLiveStatus
	var attribute string
	if ttl != nil {
		status, attribute = ttl.TimeToLiveStatus, aws.ToString(ttl.AttributeName)
	}
	on := status == types.TimeToLiveStatusEnabled || status == types.TimeToLiveStatusEnabling
	if on && attribute == TTLAttribute {
		return nil
	}
	return fmt.Errorf("%w: its time to live is %s on attribute %q, and must be ENABLED on %q, or it only grows",
		ErrUnfit, cmp.Or(status, types.TimeToLiveStatusDisabled), attribute, TTLAttribute)
}
