package dynamoledger

import (
	"errors"
	"net/http"
	"strings"
	"testing"
)

const (
	goodTable = `{"Table": {"TableStatus": "ACTIVE",
		"AttributeDefinitions": [{"AttributeName": "partition", "AttributeType": "S"}, {"AttributeName": "sort", "AttributeType": "S"}],
		"KeySchema": [{"AttributeName": "partition", "KeyType": "HASH"}, {"AttributeName": "sort", "KeyType": "RANGE"}]}}`
	goodTTL = `{"TimeToLiveDescription": {"TimeToLiveStatus": "ENABLED", "AttributeName": "expires"}}`
)

func TestAFitTablePasses(t *testing.T) {
	for _, ttl := range []string{goodTTL, strings.Replace(goodTTL, "ENABLED", "ENABLING", 1)} {
		s, _ := says(t, ok(goodTable), ok(ttl))
		if err := s.Probe(t.Context()); err != nil {
			t.Errorf("%s: %v", ttl, err)
		}
	}
}

func TestAnUnfitTableIsToldInOneLine(t *testing.T) {
	for name, tt := range map[string]struct {
		table, ttl string
		want       []string
	}{
		"being deleted": {strings.Replace(goodTable, "ACTIVE", "DELETING", 1), goodTTL, []string{"it is DELETING"}},
		"another partition key": {strings.ReplaceAll(goodTable, `"partition"`, `"PK"`), goodTTL,
			[]string{`HASH key is "PK" of type "S"`, `must be "partition" of type "S"`, "anew"}},
		"a key of bytes": {strings.Replace(goodTable, `"sort", "AttributeType": "S"`, `"sort", "AttributeType": "B"`, 1), goodTTL,
			[]string{`RANGE key is "sort" of type "B"`, `must be "sort" of type "S"`}},
		"no sort key": {strings.Replace(goodTable, `, {"AttributeName": "sort", "KeyType": "RANGE"}`, "", 1), goodTTL,
			[]string{`RANGE key is ""`, `must be "sort"`}},
		"no time to live":      {goodTable, `{}`, []string{"time to live is DISABLED", `ENABLED on "expires"`}},
		"time to live off":     {goodTable, `{"TimeToLiveDescription": {"TimeToLiveStatus": "DISABLED"}}`, []string{"time to live is DISABLED"}},
		"time to live of else": {goodTable, strings.Replace(goodTTL, "expires", "ttl", 1), []string{`ENABLED on attribute "ttl"`, `must be ENABLED on "expires"`}},
	} {
		t.Run(name, func(t *testing.T) {
			s, _ := says(t, ok(tt.table), ok(tt.ttl))
			err := s.Probe(t.Context())
			if !errors.Is(err, ErrUnfit) || strings.Contains(err.Error(), "\n") {
				t.Errorf("error %v, want ErrUnfit in one line", err)
			}
			wantText(t, err, append(tt.want, "guardian-ledger")...)
		})
	}
}

func TestAProbeThatIsRefusedSaysWhich(t *testing.T) {
	s, _ := says(t, fails(http.StatusBadRequest, "ResourceNotFoundException", ""))
	if err := s.Probe(t.Context()); !errors.Is(err, ErrNoTable) {
		t.Errorf("error %v, want ErrNoTable", err)
	}
	s, _ = says(t, ok(goodTable), fails(http.StatusBadRequest, "AccessDeniedException", ""))
	wantText(t, s.Probe(t.Context()), "time to live", "AccessDeniedException")
}
