package ledger

import (
	"context"
	"errors"
	"time"
)

// ErrNotFound is returned by Store.Get for a key that holds nothing.
var ErrNotFound = errors.New("not in the ledger")

// ErrConflict is returned by Store.Write when a condition of the batch does not
// hold: somebody else wrote first. Nothing of the batch was written. Reload and decide again.
var ErrConflict = errors.New("the ledger has moved on")

// ErrTooLarge is returned by Store.Write for a value or a batch larger than the store can hold.
// Nothing of the batch was written, and trying again is no use.
var ErrTooLarge = errors.New("too large for the ledger")

// What every Store takes, in bytes; beyond it a store may answer ErrTooLarge.
const (
	SureValue = 384 << 10 // of one value
	SureBatch = 3 << 20   // of all values of a batch
)

// Key names a record. A partition is what can be listed; within it records are
// ordered by Sort, bytewise. The two map to a DynamoDB partition and sort key.
type Key struct{ Partition, Sort string }

// Record is a value with its version. Versions of one key start at 1 and go up by one
// with every Put, so that a version is also a fencing number; a Delete starts them anew.
type Record struct {
	Key     Key
	Version int64
	Value   []byte
	Expires time.Time // when a store may drop it (TTL); zero is never. Stores drop late or not at all.
}

// AnyVersion as an Op's Version writes whatever stands there.
const AnyVersion int64 = -1

// OpKind says what an Op does.
type OpKind string

// The kinds of Op.
const (
	OpPut    OpKind = "put"
	OpDelete OpKind = "delete"
	OpCheck  OpKind = "check" // changes nothing, but the whole batch fails unless its condition holds
)

// Op is one conditional change of a batch. Version is the version that the key must have
// at this moment: 0 means it must not exist, AnyVersion leaves it open.
type Op struct {
	Kind    OpKind
	Key     Key
	Version int64
	Value   []byte
	Expires time.Time
}

// MaxOps bounds a batch, as TransactWriteItems does
// (https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html).
const MaxOps = 100

// Store keeps records. Its contract, which package ledgertest checks on every store:
//
//   - Write is all or nothing and durable once it returns nil. An error other than ErrConflict
//     says nothing of whether the batch landed: look before doing it again.
//   - A batch names a key at most once and has at most MaxOps ops. Keys are UTF-8, of any characters.
//   - A batch within SureValue and SureBatch is taken; a larger one is, or is ErrTooLarge.
//   - Get and List see every Write that has returned (strongly consistent reads). Of one that is
//     under way a Get may see its record, and a List a part of its records, before the others.
//   - List answers the records of one partition with Sort > after in ascending order, at most
//     limit of them; with descending true, those with Sort < after (all, when after is empty),
//     the greatest first.
//   - All methods may be called at once from many goroutines. Values are the caller's to change.
type Store interface {
	Get(ctx context.Context, key Key) (Record, error)
	Write(ctx context.Context, ops ...Op) error
	List(ctx context.Context, query Query) ([]Record, error)
}

// Query selects records for Store.List.
type Query struct {
	Partition  string
	After      string // exclusive
	Limit      int    // at least 1
	Descending bool
}
