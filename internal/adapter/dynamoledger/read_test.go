package dynamoledger

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/cinegit/guardian/internal/ledger"
)

func item(sort string) string {
	return fmt.Sprintf(`{"partition": {"S": "p"}, "sort": {"S": %q}, "version": {"N": "3"}, "value": {"S": "v"}}`, sort)
}

func page(last string, sorts ...string) answer {
	items := make([]string, 0, len(sorts))
	for _, sort := range sorts {
		items = append(items, item(sort))
	}
	body := `{"Items": [` + strings.Join(items, ",") + `]`
	if last != "" {
		body += `, "LastEvaluatedKey": {"partition": {"S": "p"}, "sort": {"S": "` + last + `"}}`
	}
	return ok(body + `}`)
}

func TestAListGoesOnWhereAPageOfDynamoDBEnds(t *testing.T) {
	s, fake := says(t, page("b", "a", "b"), page("c"), page("", "d"))
	got, err := s.List(t.Context(), ledger.Query{Partition: "p", Limit: 10})
	if err != nil {
		t.Fatal(err)
	}
	var sorts []string
	for _, r := range got {
		sorts = append(sorts, r.Key.Sort)
	}
	if diff := cmp.Diff([]string{"a", "b", "d"}, sorts); diff != "" {
		t.Errorf("listed (-want +got):\n%s", diff)
	}
	asked := fake.asked()
	if len(asked) != 3 {
		t.Fatalf("%d queries, want 3", len(asked))
	}
	for i, want := range []string{"", `"b"`, `"c"`} {
		if start := string(asked[i].ExclusiveStartKey); !strings.Contains(start, want) || (want == "") != (start == "") {
			t.Errorf("query %d starts after %s, want %s", i, start, want)
		}
		if !asked[i].ConsistentRead {
			t.Errorf("query %d may miss what was written", i)
		}
	}
	if asked[0].Limit != 10 || asked[1].Limit != 8 || asked[2].Limit != 8 {
		t.Errorf("limits %d, %d, %d, want 10, 8, 8", asked[0].Limit, asked[1].Limit, asked[2].Limit)
	}
}

func TestAListEndsWithItsLimit(t *testing.T) {
	s, fake := says(t, page("b", "a", "b"))
	got, err := s.List(t.Context(), ledger.Query{Partition: "p", Limit: 2, Descending: true, After: "z"})
	if err != nil || len(got) != 2 {
		t.Fatalf("List = %v, %v, want 2 records", got, err)
	}
	asked := fake.asked()
	if len(asked) != 1 {
		t.Fatalf("%d queries, want 1", len(asked))
	}
	if q := asked[0]; q.ScanIndexForward || q.KeyConditionExpression != "#partition = :partition AND #sort < :after" {
		t.Errorf("query %q, forward %t", q.KeyConditionExpression, q.ScanIndexForward)
	}
}

func TestAGetIsConsistent(t *testing.T) {
	s, fake := says(t, ok(`{"Item": `+item("a")+`}`))
	got, err := s.Get(t.Context(), ledger.Key{Partition: "p", Sort: "a"})
	if err != nil {
		t.Fatal(err)
	}
	want := ledger.Record{Key: ledger.Key{Partition: "p", Sort: "a"}, Version: 3, Value: []byte("v")}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if !fake.asked()[0].ConsistentRead {
		t.Error("the read may miss what was written")
	}
}

func TestAnItemOfSomebodyElseIsNoRecord(t *testing.T) {
	for name, tt := range map[string]struct{ item, want string }{
		"no keys":             {`{"id": {"S": "x"}}`, "not a ledger's table"},
		"no version":          {`{"partition": {"S": "p"}, "sort": {"S": "a"}, "value": {"S": "v"}}`, "p/a has no version"},
		"a version of text":   {`{"partition": {"S": "p"}, "sort": {"S": "a"}, "version": {"S": "1"}, "value": {"S": "v"}}`, "p/a has no version"},
		"a version in halves": {`{"partition": {"S": "p"}, "sort": {"S": "a"}, "version": {"N": "1.5"}, "value": {"S": "v"}}`, "p/a has no version"},
		"no value":            {`{"partition": {"S": "p"}, "sort": {"S": "a"}, "version": {"N": "1"}}`, "p/a has no value"},
	} {
		t.Run(name, func(t *testing.T) {
			s, _ := says(t, ok(`{"Item": `+tt.item+`}`))
			_, err := s.Get(t.Context(), ledger.Key{Partition: "p", Sort: "a"})
			wantText(t, err, tt.want)
			s, _ = says(t, ok(`{"Items": [`+tt.item+`]}`))
			_, err = s.List(t.Context(), ledger.Query{Partition: "p", Limit: 1})
			wantText(t, err, "list p", tt.want)
		})
	}
}

func TestAMissingTableIsToldWithWhatToDo(t *testing.T) {
	s, _ := says(t, fails(http.StatusBadRequest, "ResourceNotFoundException", ""))
	_, err := s.Get(t.Context(), ledger.Key{Partition: "p", Sort: "a"})
	if !errors.Is(err, ErrNoTable) || errors.Is(err, ledger.ErrNotFound) {
		t.Errorf("error %v, want ErrNoTable alone", err)
	}
	wantText(t, err, "guardian-ledger", "deploy the stack")
}

func TestAValueComesBackAsItWas(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		raw := rapid.SliceOf(rapid.Byte()).Draw(r, "value")
		stored := itemKey(ledger.Key{Partition: "p", Sort: "a"})
		stored[versionAttribute], stored[valueAttribute] = number(1), value(raw)
		got, err := decode(stored)
		if err != nil || string(got.Value) != string(raw) {
			r.Fatalf("decode = %q, %v, want %q", got.Value, err, raw)
		}
	})
}

func TestTextIsStoredAsTextAndNothingElseIs(t *testing.T) {
	for raw, want := range map[string]types.AttributeValue{
		`{"a": "é"}`: &types.AttributeValueMemberS{Value: `{"a": "é"}`},
		"":           &types.AttributeValueMemberS{},
		"\xff\x00":   &types.AttributeValueMemberB{Value: []byte("\xff\x00")}, // JSON would garble it on its way
	} {
		if diff := cmp.Diff(want, value([]byte(raw)), cmpopts.IgnoreUnexported(types.AttributeValueMemberS{}, types.AttributeValueMemberB{})); diff != "" {
			t.Errorf("%q (-want +got):\n%s", raw, diff)
		}
	}
}

func TestNothingExpiresEarly(t *testing.T) {
	for _, tt := range []struct {
		at   time.Time
		want int64
	}{
		{time.Unix(100, 0), 100},
		{time.Unix(100, 1), 101},
		{time.Unix(100, 999_999_999), 101},
		{time.Unix(-5, 0), 1},
	} {
		if got := seconds(tt.at); got != tt.want {
			t.Errorf("%v expires at %d, want %d", tt.at, got, tt.want)
		}
	}
}
