package dynamoledger

import (
	"errors"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/cinegit/guardian/internal/ledger"
)

func TestAWriteWhoseAnswerIsLostIsRepeatedAsTheSameRequest(t *testing.T) {
	s, fake := says(t, answer{lost: true}, fails(http.StatusInternalServerError, "InternalServerError", ""), ok(`{}`))
	if err := s.Write(t.Context(), put("a", 1, "x")); err != nil {
		t.Fatal(err)
	}
	asked := fake.asked()
	if len(asked) != 3 {
		t.Fatalf("%d requests, want 3", len(asked))
	}
	for _, r := range asked {
		if r.ClientRequestToken == "" || r.ClientRequestToken != asked[0].ClientRequestToken {
			t.Errorf("request token %q after %q: DynamoDB would take it for another write", r.ClientRequestToken, asked[0].ClientRequestToken)
		}
	}
}

func TestEveryWriteIsARequestOfItsOwn(t *testing.T) {
	s, fake := says(t, ok(`{}`))
	for range 2 {
		if err := s.Write(t.Context(), put("a", ledger.AnyVersion, "x")); err != nil {
			t.Fatal(err)
		}
	}
	if r := fake.asked(); r[0].ClientRequestToken == r[1].ClientRequestToken {
		t.Error("two writes have one request token, so that DynamoDB would carry out only one")
	}
}

func TestATransactionThatOthersStoodInTheWayOfIsTriedAgain(t *testing.T) {
	s, fake := says(t, cancelledFor("TransactionConflict"), cancelledFor("None", "ThrottlingError"),
		cancelledFor("ProvisionedThroughputExceeded"), fails(http.StatusBadRequest, "TransactionInProgressException", ""), ok(`{}`))
	if err := s.Write(t.Context(), put("a", 1, "x")); err != nil {
		t.Fatal(err)
	}
	if n := len(fake.asked()); n != 5 {
		t.Errorf("%d requests, want 5", n)
	}
}

func TestAFailedConditionIsAConflictThatNamesTheRecordAndIsNotTriedAgain(t *testing.T) {
	s, fake := says(t, cancelledFor("TransactionConflict", "ConditionalCheckFailed"))
	always := ledger.Op{Kind: ledger.OpCheck, Key: ledger.Key{Partition: "p", Sort: "always"}, Version: ledger.AnyVersion}
	err := s.Write(t.Context(), always, put("a", 1, "x"), put("b", 2, "y"))
	if !errors.Is(err, ledger.ErrConflict) {
		t.Errorf("error %v, want ErrConflict", err)
	}
	wantText(t, err, "p/b has not version 2")
	if n := len(fake.asked()); n != 1 {
		t.Errorf("%d requests, want 1", n)
	}
}

func TestWhatIsThrottledForTooLongIsToldAsBusy(t *testing.T) {
	key := ledger.Key{Partition: "p", Sort: "a"}
	for name, a := range map[string]answer{
		"throughput": fails(http.StatusBadRequest, "ProvisionedThroughputExceededException", ""),
		"throttling": fails(http.StatusBadRequest, "ThrottlingException", ""),
		"requests":   fails(http.StatusBadRequest, "RequestLimitExceeded", ""),
	} {
		t.Run(name, func(t *testing.T) {
			s, fake := says(t, a)
			_, getErr := s.Get(t.Context(), key)
			_, listErr := s.List(t.Context(), ledger.Query{Partition: "p", Limit: 1})
			for call, err := range map[string]error{"get": getErr, "list": listErr, "write": s.Write(t.Context(), put("a", 0, "x"))} {
				if !errors.Is(err, ErrBusy) || errors.Is(err, ledger.ErrConflict) || errors.Is(err, ledger.ErrNotFound) {
					t.Errorf("%s: error %v, want ErrBusy alone", call, err)
				}
				wantText(t, err, "guardian-ledger", call+" ")
			}
			if n := len(fake.asked()); n != 3*attempts {
				t.Errorf("%d requests for 3 calls, want %d", n, 3*attempts)
			}
		})
	}
}

func TestATransactionThatIsHinderedForTooLongIsBusyAndNoConflict(t *testing.T) {
	s, _ := says(t, cancelledFor("TransactionConflict"))
	err := s.Write(t.Context(), put("a", 0, "x"))
	if !errors.Is(err, ErrBusy) || errors.Is(err, ledger.ErrConflict) {
		t.Errorf("error %v, want ErrBusy alone", err)
	}
}

func TestOtherRefusalsAreToldAsTheyAre(t *testing.T) {
	for kind, a := range map[string]answer{
		"AccessDeniedException":        fails(http.StatusBadRequest, "AccessDeniedException", ""),
		"ValidationException":          fails(http.StatusBadRequest, "ValidationException", ""),
		"TransactionCanceledException": cancelledFor("TransactionConflict", "ValidationError"),
	} {
		s, fake := says(t, a)
		err := s.Write(t.Context(), put("a", 0, "x"), put("b", 0, "x"))
		if errors.Is(err, ErrBusy) || errors.Is(err, ledger.ErrConflict) {
			t.Errorf("%s: error %v is taken for one that passes", kind, err)
		}
		wantText(t, err, "guardian-ledger", "write 2 ops from p/a on", kind)
		if n := len(fake.asked()); n != 1 {
			t.Errorf("%s: %d requests, want 1", kind, n)
		}
	}
}

func TestWhatIsTooLargeIsNamedAndNotSent(t *testing.T) {
	s, fake := says(t, ok(`{}`))
	err := s.Write(t.Context(), put("small", 0, "x"), put("big", 0, strings.Repeat("x", maxValue+1)))
	if !errors.Is(err, ledger.ErrTooLarge) {
		t.Errorf("error %v, want ErrTooLarge", err)
	}
	wantText(t, err, "p/big", "4194304")

	var many []ledger.Op
	for i := range ledger.MaxOps {
		many = append(many, put(strconv.Itoa(i), 0, strings.Repeat("x", largeValue)))
	}
	err = s.Write(t.Context(), many...)
	if !errors.Is(err, ledger.ErrTooLarge) {
		t.Errorf("error %v, want ErrTooLarge", err)
	}
	wantText(t, err, "p/0", "4000000")
	if n := fake.bucket.asked(http.MethodPut); n != 0 {
		t.Errorf("%d objects were put, want none", n)
	}
	if n := len(fake.asked()); n != 0 {
		t.Errorf("%d requests, want none", n)
	}
}

func TestABatchOfChecksThatAlwaysHoldAsksNothing(t *testing.T) {
	s, fake := says(t, fails(http.StatusBadRequest, "ValidationException", ""))
	err := s.Write(t.Context(), ledger.Op{Kind: ledger.OpCheck, Key: ledger.Key{Partition: "p", Sort: "a"}, Version: ledger.AnyVersion})
	if err != nil || len(fake.asked()) != 0 {
		t.Errorf("error %v, %d requests, want none", err, len(fake.asked()))
	}
}

func TestAConditionIsOnTheVersion(t *testing.T) {
	s, fake := says(t, ok(`{}`))
	del := func(sort string, version int64) ledger.Op {
		return ledger.Op{Kind: ledger.OpDelete, Key: ledger.Key{Partition: "p", Sort: sort}, Version: version}
	}
	if err := s.Write(t.Context(), put("any", ledger.AnyVersion, "x"), put("new", 0, "x"), put("old", 7, "x"), del("gone", ledger.AnyVersion)); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, item := range fake.asked()[0].TransactItems {
		for kind, c := range item {
			got = append(got, kind+" "+c.ConditionExpression+" "+string(c.ExpressionAttributeValues[":is"]))
		}
	}
	want := []string{"Update  ", "Update attribute_not_exists(#version) ", `Update #version = :is {"N":"7"}`, "Delete  "}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestEveryPlaceholderIsUsedAndEveryOneUsedIsThere holds what DynamoDB refuses and its stand-ins may not.
func TestEveryPlaceholderIsUsedAndEveryOneUsedIsThere(t *testing.T) {
	s, fake := says(t, ok(`{}`))
	placeholder := regexp.MustCompile(`[#:]\w+`)
	huge, _ := large("x")
	rapid.Check(t, func(r *rapid.T) {
		op := put("a", rapid.Int64Range(-1, 3).Draw(r, "version"), rapid.SampledFrom([]string{"x", huge}).Draw(r, "value"))
		op.Kind = rapid.SampledFrom([]ledger.OpKind{ledger.OpPut, ledger.OpDelete, ledger.OpCheck}).Draw(r, "kind")
		if rapid.Bool().Draw(r, "expires") {
			op.Expires = time.Unix(1, 0)
		}
		if err := s.Write(t.Context(), put("b", 0, "x"), op); err != nil {
			r.Fatal(err)
		}
		asked := fake.asked()
		for _, item := range asked[len(asked)-1].TransactItems {
			for _, c := range item {
				used := placeholder.FindAllString(c.ConditionExpression+" "+c.UpdateExpression, -1)
				var given []string
				for name := range c.ExpressionAttributeNames {
					given = append(given, name)
				}
				for name := range c.ExpressionAttributeValues {
					given = append(given, name)
				}
				slices.Sort(used)
				slices.Sort(given)
				if diff := cmp.Diff(slices.Compact(used), given); diff != "" {
					r.Fatalf("%v (-used +given):\n%s", op, diff)
				}
			}
		}
	})
}
