package reconcile_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cinegit/guardian/internal/adapter/memledger"
	"github.com/cinegit/guardian/internal/deploy"
	"github.com/cinegit/guardian/internal/health"
	"github.com/cinegit/guardian/internal/ledger"
	"github.com/cinegit/guardian/internal/policy"
	"github.com/cinegit/guardian/internal/sandbox/scenario"
)

// baked gives a world at 20 minutes whose release has proved good, and its run without that proof.
func baked(t *testing.T) (*scenario.World, ledger.Release) {
	t.Helper()
	w := newWorld(t)
	w.Argo.Ship(app(), "v41", "ci")
	until(t, w, 20)
	run := newest(t, w)
	run.ProvenAt, run.Proof = time.Time{}, ""
	must(t, w.Ledger.SaveRelease(t.Context(), run))
	return w, run
}

func TestNothingIsMeasuredUntilItIsDue(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(seen *ledger.Seen, run *ledger.Release)
		due    bool
	}{
		"due":                     {func(*ledger.Seen, *ledger.Release) {}, true},
		"the bake just over":      {func(_ *ledger.Seen, r *ledger.Release) { r.From = scenario.Start().Add(10 * time.Minute) }, true},
		"the bake not over":       {func(_ *ledger.Seen, r *ledger.Release) { r.From = scenario.Start().Add(10*time.Minute + time.Second) }, false},
		"proved before":           {func(_ *ledger.Seen, r *ledger.Release) { r.ProvenAt = scenario.Start() }, false},
		"another entry runs":      {func(s *ledger.Seen, _ *ledger.Release) { s.Application.History[0].ID++ }, false},
		"nothing was ever synced": {func(s *ledger.Seen, _ *ledger.Release) { s.Application.History = nil }, false},
		"Degraded before":         {func(_ *ledger.Seen, r *ledger.Release) { r.DegradedAt = scenario.Start() }, false},
		"Progressing":             {func(s *ledger.Seen, _ *ledger.Release) { s.Application.Health = "Progressing" }, false},
		"Argo CD not readable":    {func(s *ledger.Seen, _ *ledger.Release) { s.Trouble = "no route" }, false},
		"an operation going on": {func(s *ledger.Seen, _ *ledger.Release) {
			s.Application.Operation = &deploy.Operation{Phase: deploy.PhaseRunning}
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			w, run := baked(t)
			seen, err := w.Ledger.Seen(t.Context(), review())
			must(t, err)
			before := run
			tt.change(&seen, &run)
			if !run.From.Equal(before.From) {
				w, run = rebased(t, w, seen, run)
			} else {
				must(t, w.Ledger.SaveSeen(t.Context(), seen, seen.At, run))
			}
			asked := 0
			w.Rec.Health = health.Judge{Metrics: slow{w.Metrics, func() { asked++ }}}
			due, err := w.Rec.Due(t.Context(), review())
			must(t, err)
			must(t, w.Rec.Prove(t.Context(), review()))
			if got := newest(t, w); due != tt.due || (asked > 0) != tt.due || got.ProvenAt.Equal(w.Now()) != tt.due {
				t.Errorf("due %t, asked %d times, proved at %s", due, asked, got.ProvenAt)
			}
		})
	}
}

// rebased gives a world whose only run is one that began at another moment.
func rebased(t *testing.T, w *scenario.World, seen ledger.Seen, run ledger.Release) (*scenario.World, ledger.Release) {
	t.Helper()
	l := &ledger.Ledger{Store: memledger.New()}
	must(t, l.SaveSeen(t.Context(), seen, seen.At, run))
	w.Ledger, w.Rec.Ledger = l, l
	return w, run
}

func TestWhatIsDueIsAskedOfThePolicysTargetsOnly(t *testing.T) {
	w := newWorld(t)
	if due, err := w.Rec.Due(t.Context(), ledger.Target{Service: "reveiw", Stage: "prod"}); due || err == nil || !strings.Contains(err.Error(), "reveiw/prod is not in the policy") {
		t.Errorf("due %t, %v", due, err)
	}
	if due, err := w.Rec.Due(t.Context(), review()); due || err != nil {
		t.Errorf("before anything runs: due %t, %v", due, err)
	}
}

// window notes over how long the gates look back.
type window struct {
	health.Querier
	asked *[]string
}

func (q window) Query(ctx context.Context, promql string, at time.Time) ([]float64, error) {
	*q.asked = append(*q.asked, promql)
	return q.Querier.Query(ctx, promql, at)
}

func TestTheGatesLookBackOverTheWholeBake(t *testing.T) {
	w, _ := baked(t)
	p := *w.Policy()
	p.Gates = map[string]policy.Gate{"errors": p.Gates["errors"]}
	g := p.Gates["errors"]
	g.Query = `ratio{service="$service",stage="$stage"}[$window]`
	p.Gates["errors"] = g
	w.SetPolicy(&p)
	var asked []string
	w.Rec.Health = health.Judge{Metrics: window{w.Metrics, &asked}}
	must(t, w.Rec.Prove(t.Context(), review()))
	if len(asked) == 0 || !strings.HasSuffix(asked[0], "[10m]") && !strings.HasSuffix(asked[0], "[600s]") {
		t.Errorf("asked %v", asked)
	}
}

func TestImagesThatAreJournaledWhileTheGatesAreMeasuredStay(t *testing.T) {
	w, _ := baked(t)
	w.Rec.Health = health.Judge{Metrics: slow{w.Metrics, func() {
		run := newest(t, w)
		run.Images = []string{"review:other"}
		must(t, w.Ledger.SaveRelease(t.Context(), run))
	}}}
	must(t, w.Rec.Prove(t.Context(), review()))
	if got := newest(t, w); !got.Proven() || !slices.Equal(got.Images, []string{"review:other"}) {
		t.Errorf("got %+v", got)
	}
}

func TestAReleaseThatCameWhileTheGatesWereMeasuredDoesNotInheritTheProof(t *testing.T) {
	w, old := baked(t)
	w.Rec.Health = health.Judge{Metrics: slow{w.Metrics, func() {
		seen, err := w.Ledger.Seen(t.Context(), review())
		must(t, err)
		next := old
		next.ID, next.Entry.ID, next.From = "other", old.Entry.ID+1, old.From.Add(time.Minute)
		seen.Application.History = append(seen.Application.History, next.Entry)
		must(t, w.Ledger.SaveSeen(t.Context(), seen, seen.At, next))
	}}}
	must(t, w.Rec.Prove(t.Context(), review()))
	if got := newest(t, w); got.ID != "other" || got.Proven() {
		t.Errorf("got %+v", got)
	}
}

// failing makes every call of the ledger after the first n of a kind fail.
func failing(op string, n int) memledger.Faults {
	seen := 0
	return func(what string, _ []ledger.Op) memledger.Fault {
		if what != op {
			return memledger.Fault{}
		}
		seen++
		if seen <= n {
			return memledger.Fault{}
		}
		return memledger.Fault{Lost: memledger.ErrInjected}
	}
}

func TestWhatTheLedgerCannotTellOrTakeIsAnErrorAndProvesNothing(t *testing.T) {
	for name, tt := range map[string]struct {
		do    func(w *scenario.World) error
		reads map[string]int // how many there are of each
	}{
		"prove": {func(w *scenario.World) error { return w.Rec.Prove(t.Context(), review()) }, map[string]int{"get": 4, "list": 2, "write": 1}},
		"due":   {func(w *scenario.World) error { _, err := w.Rec.Due(t.Context(), review()); return err }, map[string]int{"get": 2, "list": 1}},
		"target": {func(w *scenario.World) error {
			w.Argo.Ship(app(), "v42", "ci")
			return w.Rec.Target(t.Context(), review())
		}, map[string]int{"list": 1, "get": 1, "write": 1}},
		"trouble": {func(w *scenario.World) error {
			w.Argo.Down(true)
			defer w.Argo.Down(false)
			if err := w.Rec.Target(t.Context(), review()); errors.Is(err, memledger.ErrInjected) {
				return err
			}
			return nil
		}, map[string]int{"get": 1, "write": 1}},
		"flags": {func(w *scenario.World) error {
			must(t, w.Flags.Set("new-ranking", "on"))
			return w.Rec.ServiceFlags(t.Context(), "review")
		}, map[string]int{"get": 1, "list": 3, "write": 1}},
	} {
		for op, times := range tt.reads {
			for n := range times {
				w, _ := baked(t)
				w.Store.SetFaults(failing(op, n))
				if err := tt.do(w); !errors.Is(err, memledger.ErrInjected) {
					t.Errorf("%s, %s %d fails: %v", name, op, n, err)
				}
				w.Store.SetFaults(nil)
				if run := newest(t, w); run.Proven() || len(changes(t, w)) != 0 {
					t.Errorf("%s, %s %d fails: %+v, changes %+v", name, op, n, run, changes(t, w))
				}
			}
			w, _ := baked(t)
			w.Store.SetFaults(failing(op, times))
			if err := tt.do(w); err != nil {
				t.Errorf("%s calls %s more than %d times: %v", name, op, times, err)
			}
		}
	}
}

func TestWhatIsSeenUnchangedIsWrittenAgainAfterFiveMinutes(t *testing.T) {
	for after, writes := range map[time.Duration]int{5*time.Minute - time.Second: 0, 5 * time.Minute: 1} {
		w := newWorld(t)
		w.Argo.Ship(app(), "v41", "ci")
		until(t, w, 3)
		at := w.Now()
		w.Rec.Now = func() time.Time { return at }
		seen, err := w.Ledger.Seen(t.Context(), review())
		must(t, err)
		at = seen.At.Add(after)
		before := w.Store.Writes()
		must(t, w.Rec.Target(t.Context(), review()))
		if got := w.Store.Writes() - before; got != writes {
			t.Errorf("after %s: %d writes", after, got)
		}
	}
}
