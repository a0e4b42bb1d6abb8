package operator_test

import (
	"context"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cinegit/guardian/internal/ledger"
)

// slow is a ledger's store that takes a second to read what was seen of a target.
type slow struct{ ledger.Store }

func (s slow) Get(ctx context.Context, key ledger.Key) (ledger.Record, error) {
	if key.Partition == "seen" {
		<-time.After(time.Second)
	}
	return s.Store.Get(ctx, key)
}

func TestTargetsAreReadAtTheSameTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := open(t, "act")
		o.Operator.Ledger = &ledger.Ledger{Store: slow{o.World.Ledger.Store}}
		start := time.Now()
		if w := o.ask(t, "alice", "GET /v1/status", ""); w.Code != http.StatusOK {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		if took := time.Since(start); took != time.Second {
			t.Errorf("two targets take %s", took)
		}
	})
}
