package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsdynamodb"
	"github.com/aws/jsii-runtime-go"

	"github.com/cinegit/guardian/internal/adapter/dynamoledger"
)

// newTable makes the ledger's table. It is Guardian's memory: it outlives the stack, cannot be deleted by
// mistake, and can be put back to any second of the last 35 days. Its name is ours, so that a stack made
// anew takes it over (docs/deploy.md).
func (s *stack) newTable() {
	s.table = awsdynamodb.NewTable(s.Stack, jsii.String("ledger"), &awsdynamodb.TableProps{
		TableName:           jsii.String(s.name("ledger")),
		PartitionKey:        attribute(dynamoledger.PartitionKey),
		SortKey:             attribute(dynamoledger.SortKey),
		TimeToLiveAttribute: jsii.String(dynamoledger.TTLAttribute),
		// An incident comes with a burst and then there is nothing for days: pay for what is asked.
		BillingMode: awsdynamodb.BillingMode_PAY_PER_REQUEST,
		// notify reads what is in the outbox from the new image.
		Stream:                           awsdynamodb.StreamViewType_NEW_IMAGE,
		PointInTimeRecoverySpecification: &awsdynamodb.PointInTimeRecoverySpecification{PointInTimeRecoveryEnabled: jsii.Bool(true)},
		DeletionProtection:               jsii.Bool(true),
		RemovalPolicy:                    awscdk.RemovalPolicy_RETAIN,
		Encryption:                       pick(s.kms, awsdynamodb.TableEncryption_CUSTOMER_MANAGED, awsdynamodb.TableEncryption_DEFAULT),
		EncryptionKey:                    s.key,
	})
}

func attribute(name string) *awsdynamodb.Attribute {
	return &awsdynamodb.Attribute{Name: &name, Type: awsdynamodb.AttributeType_STRING}
}
