//go:build e2e

package aws_test

import (
	"cmp"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/cinegit/guardian/internal/adapter/dynamoledger"
	"github.com/cinegit/guardian/internal/adapter/dynamoledger/dynamotest"
	"github.com/cinegit/guardian/internal/ledger"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func put(sort string, version int64, value string) ledger.Op {
	return ledger.Op{Kind: ledger.OpPut, Key: ledger.Key{Partition: "p", Sort: sort}, Version: version, Value: []byte(value)}
}

// pages lists more than the 1 MB that one Query answers.
func (w *tables) pages(t *testing.T) {
	name := w.table(t)
	s := dynamoledger.New(w.cfg, name, w.bucket)
	const records = 18
	for i := range records {
		must(t, s.Write(t.Context(), put(fmt.Sprintf("%02d", i), 0, strings.Repeat("x", 60<<10))))
	}
	out, err := w.client.Query(t.Context(), &dynamodb.QueryInput{
		TableName: &name, KeyConditionExpression: aws.String("#p = :p"),
		ExpressionAttributeNames:  map[string]string{"#p": dynamoledger.PartitionKey},
		ExpressionAttributeValues: map[string]types.AttributeValue{":p": &types.AttributeValueMemberS{Value: "p"}},
	})
	must(t, err)
	if len(out.Items) >= records {
		t.Fatalf("one Query answers all %d records, so that this proves nothing", len(out.Items))
	}
	for _, descending := range []bool{false, true} {
		for _, limit := range []int{records - 1, records, records + 1} {
			got, err := s.List(t.Context(), ledger.Query{Partition: "p", Limit: limit, Descending: descending})
			must(t, err)
			if want := min(limit, records); len(got) != want {
				t.Errorf("limit %d, descending %t: %d records, want %d", limit, descending, len(got), want)
			}
			for i, r := range got {
				want := i
				if descending {
					want = records - 1 - i
				}
				if r.Key.Sort != fmt.Sprintf("%02d", want) {
					t.Errorf("limit %d, descending %t: record %d is %s, want %d", limit, descending, i, r.Key.Sort, want)
				}
			}
		}
	}
}

// expiry looks at what DynamoDB goes by: a number of seconds in the attribute that the table names.
func (w *tables) expiry(t *testing.T) {
	name := w.table(t)
	must(t, dynamotest.EnableTTL(t.Context(), w.client, name))
	at := time.Date(2030, 1, 2, 3, 4, 5, 1, time.UTC)
	op := put("a", 0, "x")
	op.Expires = at
	must(t, dynamoledger.New(w.cfg, name, w.bucket).Write(t.Context(), op, put("b", 0, "x")))
	for sort, want := range map[string]string{"a": strconv.FormatInt(at.Unix()+1, 10), "b": ""} {
		out, err := w.client.GetItem(t.Context(), &dynamodb.GetItemInput{TableName: &name, Key: map[string]types.AttributeValue{
			dynamoledger.PartitionKey: &types.AttributeValueMemberS{Value: "p"},
			dynamoledger.SortKey:      &types.AttributeValueMemberS{Value: sort},
		}})
		must(t, err)
		var got string
		if n, ok := out.Item[dynamoledger.TTLAttribute].(*types.AttributeValueMemberN); ok {
			got = n.Value
		}
		if got != want {
			t.Errorf("record %s expires at %q, want %q", sort, got, want)
		}
	}
}

func (w *tables) probe(t *testing.T) {
	name := w.table(t)
	s := dynamoledger.New(w.cfg, name, w.bucket)
	if err := s.Probe(t.Context()); !errors.Is(err, dynamoledger.ErrUnfit) || !strings.Contains(err.Error(), "time to live") {
		t.Errorf("without time to live: %v", err)
	}
	must(t, dynamotest.EnableTTL(t.Context(), w.client, name))
	if err := s.Probe(t.Context()); err != nil {
		t.Errorf("a table as it must be: %v", err)
	}
	missing := dynamoledger.New(w.cfg, name+"-missing", w.bucket)
	err := missing.Write(t.Context(), put("a", 0, "x"))
	_, getErr := missing.Get(t.Context(), ledger.Key{Partition: "p", Sort: "a"})
	for what, err := range map[string]error{"probe": missing.Probe(t.Context()), "write": err, "get": getErr} {
		if !errors.Is(err, dynamoledger.ErrNoTable) {
			t.Errorf("%s of a missing table: %v", what, err)
		}
	}
}

const racers = 16

// leaseRace has many incidents want the same target: one gets the lease each time it is free, the fencing
// number goes up with every taking, and who held it before is refused.
func leaseRace(t *testing.T, s ledger.Store) {
	l := &ledger.Ledger{Store: s}
	target := ledger.Target{Service: "review", Stage: "prod"}
	now := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	var before ledger.Lease
	for round := range 5 {
		now = now.Add(time.Hour) // the lease of the round before is over
		var won atomic.Pointer[ledger.Lease]
		var all sync.WaitGroup
		for i := range racers {
			all.Go(func() {
				lease, err := l.Hold(t.Context(), target, fmt.Sprintf("incident-%d-%d", round, i), now, time.Minute)
				switch {
				case err == nil && !won.CompareAndSwap(nil, &lease):
					t.Errorf("round %d: %s and %s both hold the lease", round, lease.Holder, won.Load().Holder)
				case err != nil && !errors.Is(err, ledger.ErrConflict) && !errors.Is(err, ledger.ErrHeld):
					t.Errorf("Hold: %v", err)
				}
			})
		}
		all.Wait()
		if won.Load() == nil {
			t.Fatalf("round %d: nobody holds the lease", round)
		}
		lease := *won.Load()
		if lease.Fence != before.Fence+1 {
			t.Errorf("round %d: fencing number %d after %d", round, lease.Fence, before.Fence)
		}
		if op, err := before.FreeOp(); round > 0 && !errors.Is(cmp.Or(err, l.Write(t.Context(), op)), ledger.ErrConflict) {
			t.Errorf("round %d: the holder before is not refused", round)
		}
		before = lease
	}
}

// increments has many writers count one record up.
func increments(t *testing.T, s ledger.Store) {
	must(t, s.Write(t.Context(), put("count", 0, "0")))
	increment := func() error {
		for {
			r, err := s.Get(t.Context(), ledger.Key{Partition: "p", Sort: "count"})
			if err != nil {
				return err
			}
			n, err := strconv.Atoi(string(r.Value))
			if err != nil {
				return err
			}
			if err = s.Write(t.Context(), put("count", r.Version, strconv.Itoa(n+1))); !errors.Is(err, ledger.ErrConflict) {
				return err
			}
		}
	}
	var all sync.WaitGroup
	for range racers {
		all.Go(func() {
			for range 4 {
				if err := increment(); err != nil {
					t.Errorf("increment: %v", err)
				}
			}
		})
	}
	all.Wait()
	r, err := s.Get(t.Context(), ledger.Key{Partition: "p", Sort: "count"})
	must(t, err)
	if string(r.Value) != strconv.Itoa(4*racers) || r.Version != 4*racers+1 {
		t.Errorf("counted to %s in version %d, want %d in %d", r.Value, r.Version, 4*racers, 4*racers+1)
	}
}
