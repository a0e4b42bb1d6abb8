package remedy_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/cinegit/guardian/internal/ledger"
	"github.com/cinegit/guardian/internal/policy"
	"github.com/cinegit/guardian/internal/remedy"
)

func TestASuggestionIsAskedOnceAndAnsweredOnce(t *testing.T) {
	w := broken(t, rules{mode: "suggest"}, app())
	w.Until(t.Context(), minutes(9))
	id := latest(t, w).ID
	for range 3 { // a state machine that asks again
		_, err := w.Flow.Handle(t.Context(), remedy.Task{ID: id, Step: ledger.StepApprove, Token: "token-of-" + id})
		must(t, err)
	}
	if n := strings.Count(timeline(t, w, id), "asking a person"); n != 1 {
		t.Errorf("it was asked %d times", n)
	}
	yes := ledger.Approval{Granted: true, By: "alice", At: w.Now()}
	must(t, w.Answer(t.Context(), id, yes))
	if err := w.Answer(t.Context(), id, ledger.Approval{By: "bob"}); !errors.Is(err, remedy.ErrNotAsking) {
		t.Errorf("a second answer: %v", err)
	}
	w.Until(t.Context(), minutes(12))
	inc := wantEnd(t, w, ledger.Healed, "")
	if inc.Approval == nil || inc.Approval.By != "alice" {
		t.Errorf("approved by %+v", inc.Approval)
	}
	landed(t, w, "rollback review-prod 0")
}

func TestAnAnswerThatCameBeforeTheTokenOrDiedOnItsWayIsFound(t *testing.T) {
	w := broken(t, rules{mode: "suggest"}, app())
	w.Until(t.Context(), minutes(9))
	id := latest(t, w).ID
	if _, _, ok, err := w.Flow.Unanswered(t.Context(), id); ok || err != nil {
		t.Fatalf("it waits rightly, and is answered: %t, %v", ok, err)
	}
	_, _, err := w.Flow.Approve(t.Context(), id, ledger.Approval{Granted: true, By: "alice"}) // and the process dies before it sends it
	must(t, err)
	token, answer, ok, err := w.Flow.Unanswered(t.Context(), id)
	if err != nil || !ok || token != "token-of-"+id || answer.Next != ledger.StepConfirm || answer.Hand != remedy.HandArgoCD {
		t.Errorf("found %q, %+v, %t, %v", token, answer, ok, err)
	}
	late, err := w.Flow.Handle(t.Context(), remedy.Task{ID: id, Step: ledger.StepApprove, Token: "new"})
	must(t, err)
	token, _, ok, err = w.Flow.Unanswered(t.Context(), id)
	if err != nil || !ok || token != "new" || late.Next != ledger.StepConfirm {
		t.Errorf("the new token is %q (%t, %v), the answer %+v", token, ok, err, late)
	}
	w.Until(t.Context(), minutes(12)) // the loop sends it
	wantEnd(t, w, ledger.Healed, "")
}

func TestARejectionIsRememberedForThisChangeOnly(t *testing.T) {
	w := broken(t, rules{mode: "suggest"}, app())
	w.Until(t.Context(), minutes(9))
	must(t, w.Answer(t.Context(), latest(t, w).ID, ledger.Approval{By: "alice", Why: "it is the database", At: w.Now()}))
	wantEnd(t, w, ledger.StoodDown, "alice rejected: revert release v42")
	w.Until(t.Context(), minutes(10))
	fire(w)
	w.Until(t.Context(), minutes(11))
	wantEnd(t, w, ledger.FailedClean, "alice decided against it on 2026-11-23 09:09:00: it is the database")
	w.Argo.Ship(app(), "v43", "ci")
	w.Metrics.Breaks["v43"] = 0.2
	w.Until(t.Context(), minutes(13))
	fire(w)
	w.Until(t.Context(), minutes(14))
	if inc := latest(t, w); inc.Step != ledger.StepApprove {
		t.Errorf("another release stands at %s: %s", inc.Step, inc.Reason)
	}
}

func TestARejectionAfterAFlagWasPutEndsDirty(t *testing.T) {
	w := newWorld(t, rules{service: "    mode: suggest\n"})
	baked(t, w, app())
	must(t, w.Flags.Set("new-ranking", "on"))
	w.Until(t.Context(), minutes(9.5))
	fire(w)
	w.Until(t.Context(), minutes(9.6))
	id := latest(t, w).ID
	must(t, w.Answer(t.Context(), id, ledger.Approval{Granted: true, By: "alice", At: w.Now()}))
	w.Until(t.Context(), minutes(12))
	if inc := latest(t, w); inc.Step != ledger.StepApprove || inc.Plan[inc.Current].Kind != policy.RemedyRevert {
		t.Fatalf("it stands at %s", inc.Step)
	}
	must(t, w.Answer(t.Context(), id, ledger.Approval{By: "alice", At: w.Now()}))
	wantEnd(t, w, ledger.FailedDirty, "alice rejected: revert release v42")
}

func TestASuggestionExpiresOnlyWhenItsTimeIsOver(t *testing.T) {
	w := broken(t, rules{mode: "suggest", limits: "approval: 5m"}, app())
	w.Until(t.Context(), minutes(12))
	if _, _, err := w.Flow.Expire(t.Context(), latest(t, w).ID); !errors.Is(err, remedy.ErrNotAsking) {
		t.Errorf("got %v", err)
	}
	w.Until(t.Context(), minutes(20))
	wantEnd(t, w, ledger.FailedClean, "nobody approved within 5m: revert release v42")
	landed(t, w)
}

func TestWhyAPersonAnsweredSoIsTold(t *testing.T) {
	for _, granted := range []bool{true, false} {
		s := upTo(t, ledger.StepApprove, rules{mode: "suggest"}, app())
		s.step(t) // it asks
		_, _, err := s.Flow.Approve(t.Context(), s.id, ledger.Approval{Granted: granted, By: "alice", At: s.at, Why: "the sale is on"})
		must(t, err)
		if s.told(t, "(the sale is on)") == 0 || granted == strings.Contains(s.incident(t).Reason, "the sale is on") {
			t.Errorf("granted %t: ends with %q\n%s", granted, s.incident(t).Reason, timeline(t, s.World, s.id))
		}
	}
}
