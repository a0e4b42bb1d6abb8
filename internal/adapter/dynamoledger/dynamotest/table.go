// Package dynamotest makes tables for tests of what is on a dynamoledger. In production the stack makes them.
package dynamotest

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/cinegit/guardian/internal/adapter/dynamoledger"
)

// ready bounds the wait for a new table.
const ready = time.Minute

// CreateTable makes a table with the ledger's key schema and waits until it is there. Its time to live is
// off: EnableTTL.
func CreateTable(ctx context.Context, client *dynamodb.Client, name string) error {
	_, err := client.CreateTable(ctx, &dynamodb.CreateTableInput{
		TableName:   &name,
		BillingMode: types.BillingModePayPerRequest,
		AttributeDefinitions: []types.AttributeDefinition{
			{AttributeName: aws.String(dynamoledger.PartitionKey), AttributeType: dynamoledger.KeyType},
			{AttributeName: aws.String(dynamoledger.SortKey), AttributeType: dynamoledger.KeyType},
		},
		KeySchema: []types.KeySchemaElement{
			{AttributeName: aws.String(dynamoledger.PartitionKey), KeyType: types.KeyTypeHash},
			{AttributeName: aws.String(dynamoledger.SortKey), KeyType: types.KeyTypeRange},
		},
	})
	if err != nil {
		return fmt.Errorf("create table %s: %w", name, err)
	}
	wait := dynamodb.NewTableExistsWaiter(client, func(o *dynamodb.TableExistsWaiterOptions) { o.MinDelay = 100 * time.Millisecond })
	if err := wait.Wait(ctx, &dynamodb.DescribeTableInput{TableName: &name}, ready); err != nil {
		return fmt.Errorf("create table %s: %w", name, err)
	}
	return nil
}

// EnableTTL has the table drop what has expired, as the ledger wants it.
func EnableTTL(ctx context.Context, client *dynamodb.Client, name string) error {
	_, err := client.UpdateTimeToLive(ctx, &dynamodb.UpdateTimeToLiveInput{
		TableName: &name,
		TimeToLiveSpecification: &types.TimeToLiveSpecification{
			AttributeName: aws.String(dynamoledger.TTLAttribute), Enabled: aws.Bool(true),
		},
	})
	if err != nil {
		return fmt.Errorf("time to live of table %s: %w", name, err)
	}
	return nil
}
