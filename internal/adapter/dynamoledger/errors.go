package dynamoledger

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// Errors of every call, to be told by errors.Is.
var (
	// ErrBusy means that DynamoDB refused for want of capacity, or because of other transactions on the
	// same records, for as long as the store tried. Later it may be taken.
	ErrBusy = errors.New("the ledger's table is throttled or contended: trying again later may help")

	// ErrNoTable means that there is no such table where the store looks.
	ErrNoTable = errors.New("there is no such table: deploy the stack, or correct the table's name or the region")
)

// How often a call is tried. Conflicts between transactions pass within milliseconds, and a step of a
// remediation is tried again by its state machine, so that waiting long is of no use.
const (
	attempts   = 6
	firstDelay = 50 * time.Millisecond
)

// backoff gives a random wait before the next try; doubled in the mean for each further one.
func backoff(attempt int, _ error) (time.Duration, error) {
	return rand.N(firstDelay << min(max(attempt-1, 0), attempts)), nil
}

// retryer is the SDK's standard one, which also tries a transaction again that others stood in the way of.
func retryer(delay retry.BackoffDelayer) aws.Retryer {
	return retry.NewStandard(func(o *retry.StandardOptions) {
		o.MaxAttempts = attempts
		o.Backoff = delay
		o.Retryables = append(o.Retryables, retry.IsErrorRetryableFunc(func(err error) aws.Ternary {
			if hindered(err) {
				return aws.TrueTernary
			}
			return aws.UnknownTernary
		}))
	})
}

// conditionFailed is why a transaction was cancelled when the condition of one of its items does not hold
// (https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html).
const conditionFailed = "ConditionalCheckFailed"

// hindered tells whether a transaction was cancelled only for reasons that pass.
func hindered(err error) bool {
	var canceled *types.TransactionCanceledException
	if !errors.As(err, &canceled) {
		return false
	}
	passing := false
	for _, reason := range canceled.CancellationReasons {
		switch aws.ToString(reason.Code) {
		case "", "None":
		case "TransactionConflict", "ProvisionedThroughputExceeded", "ThrottlingError":
			passing = true
		default:
			return false
		}
	}
	return passing
}

// explain names the table and what was asked of it and, where the cause is one that passes or that a
// person can remove, says so.
func (s *Store) explain(what string, err error) error {
	var missing *types.ResourceNotFoundException
	throttles := retry.ThrottleErrorCode{Codes: retry.DefaultThrottleErrorCodes}
	kind := error(nil)
	switch {
	case errors.As(err, &missing):
		kind = ErrNoTable
	case hindered(err), throttles.IsErrorThrottle(err) == aws.TrueTernary:
		kind = ErrBusy
	}
	if kind == nil {
		return fmt.Errorf("ledger table %s: %s: %w", s.table, what, err)
	}
	return fmt.Errorf("ledger table %s: %s: %w (%w)", s.table, what, kind, err)
}
