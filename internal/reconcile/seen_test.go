package reconcile_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/cinegit/guardian/internal/ledger"
	"github.com/cinegit/guardian/internal/sandbox/scenario"
)

// counted is a ledger's store that counts how often what was seen is written.
type counted struct {
	ledger.Store
	seen int
}

func (c *counted) Write(ctx context.Context, ops ...ledger.Op) error {
	for _, op := range ops {
		if op.Key.Partition == "seen" {
			c.seen++
		}
	}
	return c.Store.Write(ctx, ops...)
}

func TestWhatIsAsBeforeIsWrittenAgainEveryFiveMinutesOnly(t *testing.T) {
	w := newWorld(t)
	w.Argo.Ship(app(), "v41", "ci")
	until(t, w, 15) // live, and proved good
	store := &counted{Store: w.Ledger.Store}
	w.Ledger.Store = store
	looks := func(minutes int) (written int) {
		before := store.seen
		until(t, w, int(w.Now().Sub(scenario.Start())/time.Minute)+minutes)
		return store.seen - before
	}
	if n := looks(20); n < 3 || n > 5 {
		t.Errorf("20 looks at what stays as it is wrote %d times", n)
	}
	w.Argo.Down(true)
	if n := looks(10); n != 1 {
		t.Errorf("10 looks at an Argo CD that is down wrote %d times", n)
	}
	seen, err := w.Ledger.Seen(t.Context(), review())
	must(t, err)
	if seen.Trouble == "" {
		t.Errorf("the trouble is not there: %+v", seen)
	}
	w.Argo.Down(false)
	w.Argo.Ship(app(), "v42", "ci")
	if n := looks(2); n == 0 {
		t.Error("another release was not written")
	}
	seen, err = w.Ledger.Seen(t.Context(), review())
	must(t, err)
	if seen.Trouble != "" || !strings.Contains(strings.Join(seen.Application.Images, " "), "v42") {
		t.Errorf("seen is %+v", seen)
	}
}
