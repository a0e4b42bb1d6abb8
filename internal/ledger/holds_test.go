package ledger_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cinegit/guardian/internal/ledger"
)

func TestTheBreakerForgetsOldActsAndCountsAnIncidentOnce(t *testing.T) {
	act := func(incident string, minute int) ledger.Act {
		return ledger.Act{Target: prod(), Incident: incident, At: noon().Add(time.Duration(minute) * time.Minute)}
	}
	b := ledger.Breaker{Acts: []ledger.Act{act("a", 0), act("b", 10), act("c", 20)}, Version: 7}
	got := b.With(act("b", 30), noon().Add(5*time.Minute))
	if diff := cmp.Diff(ledger.Breaker{Acts: []ledger.Act{act("c", 20), act("b", 30)}, Version: 7}, got); diff != "" {
		t.Error(diff)
	}
	if len(b.Acts) != 3 {
		t.Error("it changed the one that it began with")
	}
}

func TestTwoWhoCountOnTheSameBreakerCannotBothBeTheLast(t *testing.T) {
	l, _, inc := opened(t)
	breaker, err := l.Breaker(t.Context())
	must(t, err)
	next := breaker.With(ledger.Act{Incident: inc.ID}, noon())
	inc, err = l.Commit(t.Context(), ledger.Change{Incident: inc, Breaker: &next})
	must(t, err)
	if _, err := l.Commit(t.Context(), ledger.Change{Incident: inc, Breaker: &next}); !errors.Is(err, ledger.ErrConflict) {
		t.Errorf("got %v", err)
	}
}

func TestFreezesHoldInTheirScopeUntilTheyEnd(t *testing.T) {
	for name, tt := range map[string]struct {
		freeze ledger.Freeze
		covers bool
	}{
		"everything":                   {ledger.Freeze{}, true},
		"the service":                  {ledger.Freeze{Service: "review"}, true},
		"the target":                   {ledger.Freeze{Service: "review", Stage: "prod"}, true},
		"the stage of every service":   {ledger.Freeze{Stage: "prod"}, true},
		"another service":              {ledger.Freeze{Service: "orders"}, false},
		"another stage of the service": {ledger.Freeze{Service: "review", Stage: "dev"}, false},
	} {
		if got := tt.freeze.Covers(prod()); got != tt.covers {
			t.Errorf("%s covers it: %t", name, got)
		}
	}
	l, _ := fresh()
	must(t, l.SetFreeze(t.Context(), ledger.Freeze{Service: "review", Until: noon().Add(time.Hour), Why: "one"}))
	must(t, l.SetFreeze(t.Context(), ledger.Freeze{Service: "review", Until: noon().Add(2 * time.Hour), Why: "two"}))
	must(t, l.SetFreeze(t.Context(), ledger.Freeze{Until: noon().Add(time.Minute)}))
	got, err := l.Freezes(t.Context(), noon().Add(time.Minute))
	if err != nil || len(got) != 1 || got[0].Why != "two" {
		t.Errorf("in force are %+v, %v", got, err)
	}
	must(t, l.LiftFreeze(t.Context(), "review", ""))
	must(t, l.LiftFreeze(t.Context(), "review", ""))
	if got, err = l.Freezes(t.Context(), noon()); err != nil || len(got) != 1 {
		t.Errorf("after lifting: %+v, %v", got, err)
	}
}

func TestAQuarantineHoldsUntilItIsLifted(t *testing.T) {
	l, _ := fresh()
	q := ledger.Quarantine{Target: prod(), Release: "r1", Label: "v42"}
	for range 2 {
		op, err := ledger.QuarantineOp(q)
		must(t, err)
		must(t, l.Write(t.Context(), op))
	}
	if got, err := l.Quarantines(t.Context()); err != nil || len(got) != 1 {
		t.Errorf("got %+v, %v", got, err)
	}
	q.LiftedAt = noon()
	op, err := ledger.QuarantineOp(q)
	must(t, err)
	must(t, l.Write(t.Context(), op))
	if got, err := l.Quarantines(t.Context()); err != nil || len(got) != 0 {
		t.Errorf("lifted: %+v, %v", got, err)
	}
}

func TestHoldsRevertsAndOverridesAreKeptByTarget(t *testing.T) {
	l, _ := fresh()
	ctx := t.Context()
	hold, err := ledger.HoldOp(ledger.Hold{Target: prod(), AutoSync: []byte(`{"prune":true}`)})
	must(t, err)
	revert, err := ledger.RevertOp(ledger.Revert{Target: prod(), To: "r1", At: noon()})
	must(t, err)
	override, err := ledger.OverrideOp(ledger.Override{Target: prod(), Change: "flag x", By: "alice"})
	must(t, err)
	must(t, l.Write(ctx, hold, revert, override))
	holds, err := l.Holds(ctx)
	must(t, err)
	last, err := l.LastRevert(ctx, prod())
	must(t, err)
	overrides, err := l.Overrides(ctx, prod())
	must(t, err)
	if len(holds) != 1 || string(holds[0].AutoSync) != `{"prune":true}` || last.To != "r1" || len(overrides) != 1 {
		t.Errorf("got %+v %+v %+v", holds, last, overrides)
	}
	other := ledger.Target{Service: "review", Stage: "dev"}
	if last, err = l.LastRevert(ctx, other); err != nil || last != (ledger.Revert{}) {
		t.Errorf("another target's revert: %+v, %v", last, err)
	}
	if overrides, err = l.Overrides(ctx, other); err != nil || len(overrides) != 0 {
		t.Errorf("another target's overrides: %+v, %v", overrides, err)
	}
	must(t, l.Write(ctx, ledger.DropHoldOp(prod()), ledger.DropRevertOp(prod())))
	if holds, err = l.Holds(ctx); err != nil || len(holds) != 0 {
		t.Errorf("dropped: %+v, %v", holds, err)
	}
}
