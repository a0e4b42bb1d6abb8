package ledgertest

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cinegit/guardian/internal/ledger"
)

func listOrder(t *testing.T, s ledger.Store) {
	write(t, s, put("p", "b", 0, "2"), put("p", "a", 0, "1"), put("p", "Z", 0, "0"), put("p", "é", 0, "4"),
		put("p", "b/1", 0, "3"), put("other", "aa", 0, "not mine"))
	want := []string{"Z", "a", "b", "b/1", "é"}
	got := sorts(t.Context(), t, s, ledger.Query{Partition: "p", Limit: 100})
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("ascending (-want +got):\n%s", diff)
	}
	slices.Reverse(want)
	got = sorts(t.Context(), t, s, ledger.Query{Partition: "p", Limit: 100, Descending: true})
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("descending (-want +got):\n%s", diff)
	}
	records, err := s.List(t.Context(), ledger.Query{Partition: "p", Limit: 1})
	if err != nil || len(records) != 1 {
		t.Fatalf("List = %v, %v", records, err)
	}
	want1 := ledger.Record{Key: ledger.Key{Partition: "p", Sort: "Z"}, Version: 1, Value: []byte("0")}
	if diff := cmp.Diff(want1, records[0]); diff != "" {
		t.Errorf("a listed record (-want +got):\n%s", diff)
	}
}

func listPages(t *testing.T, s ledger.Store) {
	want := []string{"a", "b", "c", "d", "e", "f", "g"}
	for _, sort := range want {
		write(t, s, put("p", sort, 0, sort))
	}
	for limit := 1; limit <= len(want)+1; limit++ {
		got := sorts(t.Context(), t, s, ledger.Query{Partition: "p", Limit: limit})
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("limit %d ascending (-want +got):\n%s", limit, diff)
		}
		got = sorts(t.Context(), t, s, ledger.Query{Partition: "p", Limit: limit, Descending: true})
		slices.Reverse(got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("limit %d descending, reversed (-want +got):\n%s", limit, diff)
		}
	}
}

func listAfterMissing(t *testing.T, s ledger.Store) {
	write(t, s, put("p", "b", 0, ""), put("p", "d", 0, ""))
	for _, tt := range []struct {
		after      string
		descending bool
		want       []string
	}{
		{"a", false, []string{"b", "d"}},
		{"c", false, []string{"d"}},
		{"d", false, nil},
		{"z", false, nil},
		{"z", true, []string{"d", "b"}},
		{"d", true, []string{"b"}},
		{"c", true, []string{"b"}},
		{"b", true, nil},
		{"a", true, nil},
	} {
		q := ledger.Query{Partition: "p", After: tt.after, Descending: tt.descending, Limit: 10}
		if diff := cmp.Diff(tt.want, sorts(t.Context(), t, s, q)); diff != "" {
			t.Errorf("after %q, descending %t (-want +got):\n%s", tt.after, tt.descending, diff)
		}
	}
}

func partitionsApart(t *testing.T, s ledger.Store) {
	write(t, s, put("p", "a", 0, ""), put("p/q", "b", 0, ""), put("pq", "c", 0, ""), put("p\x00", "d", 0, ""))
	for partition, want := range map[string][]string{"p": {"a"}, "p/q": {"b"}, "pq": {"c"}, "p\x00": {"d"}, "none": nil} {
		got := sorts(t.Context(), t, s, ledger.Query{Partition: partition, Limit: 10})
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("partition %q (-want +got):\n%s", partition, diff)
		}
	}
}

func keyCharacters(t *testing.T, s ledger.Store) {
	for _, sort := range []string{"../../etc", "a b", "ключ", "{{.x}}", "\t", "'; --"} {
		write(t, s, put("p/"+sort, sort, 0, sort))
		wantRecord(t, s, "p/"+sort, sort, 1, sort)
	}
}
