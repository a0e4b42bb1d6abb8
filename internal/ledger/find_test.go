package ledger_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cinegit/guardian/internal/adapter/memledger"
	"github.com/cinegit/guardian/internal/ledger"
)

// listing gives a ledger with ended incidents, the last the newest.
func listing(t *testing.T, ids ...string) (*ledger.Ledger, *memledger.Store) {
	t.Helper()
	l, store := fresh()
	for i, id := range ids {
		inc := incident(id, noon().Add(time.Duration(i)*time.Minute))
		inc.Target.Stage = id
		_, err := l.Open(t.Context(), inc, ledger.Lease{Target: inc.Target})
		must(t, err)
	}
	return l, store
}

func TestAnIncidentIsFoundByItsIDByLastOrByAPrefixOfItsOwn(t *testing.T) {
	l, _ := listing(t, "review-1", "review-12", "rating-1")
	for id, want := range map[string]string{
		"last": "rating-1", "review-1": "review-1", "review-12": "review-12", "ra": "rating-1", "rating-1": "rating-1",
		"nobody": "nobody", "eview-1": "eview-1", "review-123": "review-123", "REVIEW-1": "REVIEW-1",
	} {
		if got, err := l.Find(t.Context(), id); got != want || err != nil {
			t.Errorf("%q is %q, %v; want %q", id, got, err, want)
		}
	}
	for id, says := range map[string]string{"review": "review-12, review-1", "r": "rating-1, review-12, review-1", "": "rating-1"} {
		if got, err := l.Find(t.Context(), id); got != "" || !errors.Is(err, ledger.ErrAmbiguous) || !strings.Contains(err.Error(), says) {
			t.Errorf("%q is %q, %v", id, got, err)
		}
	}
}

func TestWithoutIncidentsNothingIsFoundAndLastIsOnlyAName(t *testing.T) {
	l, store := fresh()
	for _, id := range []string{"last", "review", ""} {
		if got, err := l.Find(t.Context(), id); got != id || err != nil {
			t.Errorf("%q is %q, %v", id, got, err)
		}
	}
	store.SetFaults(func(string, []ledger.Op) memledger.Fault { return memledger.Fault{Lost: memledger.ErrInjected} })
	if got, err := l.Find(t.Context(), "last"); got != "" || !errors.Is(err, memledger.ErrInjected) {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestOfManyThatCouldBeMeantAFewAreNamed(t *testing.T) {
	var ids []string
	for i := range 12 {
		ids = append(ids, fmt.Sprintf("review-%02d", i))
	}
	l, _ := listing(t, ids...)
	if _, err := l.Find(t.Context(), "review"); err == nil || strings.Count(err.Error(), "review-") != 5 {
		t.Errorf("got %v", err)
	}
}

func TestListsAreWholeWhateverTheirLength(t *testing.T) {
	var ids []string
	for i := range 401 {
		ids = append(ids, fmt.Sprintf("i%03d", i))
	}
	for _, n := range []int{0, 1, 199, 200, 201, 400, 401} {
		l, _ := listing(t, ids[:n]...)
		for limit, want := range map[int]int{0: n, 1: min(n, 1), 200: min(n, 200), 201: min(n, 201), 400: min(n, 400), 1000: n} {
			all, err := l.Incidents(t.Context(), limit)
			if err != nil || len(all) != want {
				t.Errorf("of %d, limit %d: %d, %v", n, limit, len(all), err)
			}
		}
		for i := range n {
			must(t, l.SaveMessage(t.Context(), ledger.Message{ID: ids[i]}))
		}
		messages, err := l.Outbox(t.Context())
		if err != nil || len(messages) != n {
			t.Errorf("of %d messages %d wait, %v", n, len(messages), err)
		}
		for _, m := range messages {
			must(t, l.Told(t.Context(), m, noon())) // at the version that was read
		}
	}
}
