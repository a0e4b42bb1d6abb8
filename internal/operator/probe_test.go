package operator_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cinegit/guardian/internal/api"
	"github.com/cinegit/guardian/internal/operator"
)

func TestConnectionsAreAskedAtOnceEachForSoLongAndToldInTheirOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hang := func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
		slow := func(context.Context) error { <-time.After(time.Second); return nil }
		down := func(context.Context) error { return errors.New("no route") }
		start := time.Now()
		got := operator.AskAll(t.Context(), []operator.Probe{{"a", hang}, {"b", slow}, {"c", down}, {"d", hang}}, 3*time.Second)
		want := []api.Connection{
			{Name: "a", Why: "context deadline exceeded"}, {Name: "b", OK: true}, {Name: "c", Why: "no route"}, {Name: "d", Why: "context deadline exceeded"},
		}
		if diff := cmp.Diff(want, got); diff != "" || time.Since(start) != 3*time.Second {
			t.Errorf("after %s: %s", time.Since(start), diff)
		}
	})
}

func TestWhoeverAsksAndGoesWaitsForNoConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		start := time.Now()
		got := operator.AskAll(ctx, []operator.Probe{{"a", func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }}}, time.Hour)
		if got[0].OK || time.Since(start) != 0 {
			t.Errorf("after %s: %+v", time.Since(start), got)
		}
	})
}
