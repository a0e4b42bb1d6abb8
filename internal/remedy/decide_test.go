package remedy_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/cinegit/guardian/internal/ledger"
	"github.com/cinegit/guardian/internal/remedy"
)

// sees changes what the ledger holds of the application.
func (s *stepped) sees(t *testing.T, change func(seen *ledger.Seen)) {
	t.Helper()
	seen, err := s.Ledger.Seen(t.Context(), review())
	must(t, err)
	change(&seen)
	must(t, s.Ledger.SaveSeen(t.Context(), seen, s.at))
}

func troubled(seen *ledger.Seen) { seen.Trouble = "no route" }

func readable(seen *ledger.Seen) { seen.Trouble, seen.Denied = "", false }

func TestAnArgoCDThatCannotBeReadIsWaitedForWhileTheAlertIsYoung(t *testing.T) {
	for _, step := range []ledger.Step{ledger.StepBlame, ledger.StepChoose} {
		s := upTo(t, step, rules{remedies: "revert"}, app())
		s.sees(t, troubled)
		for _, after := range []time.Duration{0, time.Minute, 20 * time.Minute} {
			s.at = s.incident(t).StartsAt.Add(after)
			if a := s.step(t); a.Next != remedy.StepLook || a.Wait != 5 {
				t.Errorf("at %s after %s: %+v", step, after, a)
			}
		}
		if inc := s.incident(t); s.told(t, "Argo CD could not be read: no route; trying again") != 1 || inc.Step != ledger.StepBlame || len(inc.Plan) != 0 {
			t.Errorf("at %s it stands at %s with %+v\n%s", step, inc.Step, inc.Plan, timeline(t, s.World, s.id))
		}
		s.at = s.at.Add(time.Second)
		for range 2 {
			s.step(t)
		}
		wantEnd(t, s.World, ledger.FailedClean, "Argo CD could not be read: no route")
	}
}

func TestAnArgoCDThatComesBackIsNoLongerHeldAgainstTheRemedy(t *testing.T) {
	s := upTo(t, ledger.StepBlame, rules{remedies: "revert"}, app())
	s.sees(t, troubled)
	s.step(t)
	s.sees(t, readable)
	s.at = s.at.Add(5 * time.Second)
	for range 2 {
		s.step(t)
	}
	if inc := s.incident(t); inc.Step != ledger.StepAct || !inc.HeldSince.IsZero() {
		t.Errorf("it stands at %s, held since %s", inc.Step, inc.HeldSince)
	}
}

func TestARightThatIsMissingIsNotWaitedFor(t *testing.T) {
	s := upTo(t, ledger.StepBlame, rules{remedies: "revert"}, app())
	s.sees(t, func(seen *ledger.Seen) { seen.Trouble, seen.Denied = "permission denied", true })
	for range 2 {
		s.step(t)
	}
	wantEnd(t, s.World, ledger.FailedClean, "Argo CD could not be read: permission denied")
}

func TestAFlagIsPutToSafeWithoutArgoCDUnlessTheRuleHasNoSuchRemedy(t *testing.T) {
	for remedies, next := range map[string]ledger.Step{"flag, revert": ledger.StepAct, "revert": remedy.StepLook} {
		w := newWorld(t, rules{remedies: remedies})
		baked(t, w, app())
		must(t, w.Flags.Set("new-ranking", "on"))
		w.Until(t.Context(), minutes(9.2))
		s := walk(t, w, ledger.StepBlame)
		s.sees(t, troubled)
		a := s.step(t)
		if a.Next == ledger.StepChoose {
			a = s.step(t)
		}
		if a.Next != next || (next == ledger.StepAct) != (a.Hand == remedy.HandFlag) {
			t.Errorf("%s: %+v\n%s", remedies, a, timeline(t, w, s.id))
		}
	}
}

func TestWhatWasRankedBlindIsRankedAnewOnceAndNothingElseIs(t *testing.T) {
	w := newWorld(t, rules{})
	baked(t, w, app())
	must(t, w.Flags.Set("new-ranking", "on"))
	w.Until(t.Context(), minutes(9.2))
	s := walk(t, w, ledger.StepBlame)
	ranked := func() int { return s.told(t, "most likely: ") }
	again := func() {
		t.Helper()
		s.step(t)
		inc := s.incident(t)
		inc.Step = ledger.StepBlame
		_, err := s.Ledger.Commit(t.Context(), ledger.Change{Incident: inc})
		must(t, err)
	}
	s.sees(t, troubled)
	for range 2 {
		again()
	}
	if inc := s.incident(t); ranked() != 1 || !inc.Blind {
		t.Errorf("blind (%t), it was ranked %d times", inc.Blind, ranked())
	}
	s.sees(t, readable)
	for range 2 {
		again()
	}
	if inc := s.incident(t); ranked() != 2 || inc.Blind {
		t.Errorf("seeing (blind: %t), it was ranked %d times", inc.Blind, ranked())
	}
	s.sees(t, troubled)
	again()
	if ranked() != 2 {
		t.Error("what was ranked on good facts was ranked anew on bad ones")
	}
}

func TestWithoutASuspectTheEndSaysWhatCouldNotBeKnown(t *testing.T) {
	s := upTo(t, ledger.StepBlame, rules{limits: "blameWindow: 1m", remedies: "revert"}, app())
	s.sees(t, func(seen *ledger.Seen) { seen.Trouble, seen.Denied = "permission denied", true })
	s.step(t)
	wantEnd(t, s.World, ledger.FailedClean, "nothing changed in the 1m0s before the alert began; Argo CD could not be read: permission denied")

	s = upTo(t, ledger.StepBlame, rules{}, app())
	s.sees(t, func(seen *ledger.Seen) {
		last := &seen.Application.History[len(seen.Application.History)-1]
		last.StartedAt, last.Automated, last.InitiatedBy = s.at.Add(time.Minute), false, "bob"
	})
	s.step(t)
	wantEnd(t, s.World, ledger.FailedClean, "bob deployed v42 after the alert began: what ran before is gone, and a person is at work")
}

func TestWithoutARemedyThatFitsTheEndNamesTheSuspect(t *testing.T) {
	s := upTo(t, ledger.StepChoose, rules{remedies: "flag"}, app())
	s.step(t)
	wantEnd(t, s.World, ledger.FailedClean, "no remedy of the rule fits: most likely: release v42 replaced v41")
}

func TestAQuarantineHoldsAtItsOwnTargetOnly(t *testing.T) {
	for target, next := range map[ledger.Target]ledger.Step{review(): ledger.StepEnd, {Service: "review", Stage: "dev"}: ledger.StepAct} {
		s := upTo(t, ledger.StepChoose, rules{}, app())
		seen, err := s.Ledger.Seen(t.Context(), review())
		must(t, err)
		op, err := ledger.QuarantineOp(ledger.Quarantine{Target: target, Release: seen.Application.History[0].Identity(), Label: "v41"})
		must(t, err)
		must(t, s.Ledger.Write(t.Context(), op))
		if a := s.step(t); a.Next != next {
			t.Errorf("quarantined at %s: %+v", target, a)
		}
	}
}

func TestAQuestionIsAskedAnsweredAndExpiredAtItsTimes(t *testing.T) {
	s := upTo(t, ledger.StepApprove, rules{mode: "suggest", limits: "approval: 10m"}, app())
	yes := ledger.Approval{Granted: true, By: "alice", At: s.at}
	for name, call := range map[string]func() (string, remedy.Answer, error){
		"approve": func() (string, remedy.Answer, error) { return s.Flow.Approve(t.Context(), s.id, yes) },
		"expire":  func() (string, remedy.Answer, error) { return s.Flow.Expire(t.Context(), s.id) },
	} {
		if token, _, err := call(); !errors.Is(err, remedy.ErrNotAsking) || token != "" {
			t.Errorf("%s before it is asked: %q, %v", name, token, err)
		}
	}
	s.step(t)
	asked := s.at
	s.at = asked.Add(10*time.Minute - time.Nanosecond)
	if token, _, err := s.Flow.Expire(t.Context(), s.id); !errors.Is(err, remedy.ErrNotAsking) || token != "" {
		t.Errorf("before its time is over: %q, %v", token, err)
	}
	s.at = asked.Add(10 * time.Minute)
	token, a, err := s.Flow.Expire(t.Context(), s.id)
	if err != nil || token != "token" || a.End != ledger.FailedClean {
		t.Errorf("when its time is over: %q, %+v, %v", token, a, err)
	}
	wantEnd(t, s.World, ledger.FailedClean, "nobody approved within 10m: revert release v42")
}

func TestAnAnswerIsKeptWithWhatItWasAbout(t *testing.T) {
	s := upTo(t, ledger.StepApprove, rules{mode: "suggest"}, app())
	s.step(t)
	token, _, err := s.Flow.Approve(t.Context(), s.id, ledger.Approval{Granted: true, By: "alice", At: s.at, Change: "something else"})
	must(t, err)
	inc := s.incident(t)
	if token != "token" || inc.Approval == nil || inc.Approval.Change != inc.Suspects[0].ID || !inc.AskedAt.IsZero() {
		t.Errorf("token %q, approval %+v, asked at %s", token, inc.Approval, inc.AskedAt)
	}
	if _, _, err := s.Flow.Expire(t.Context(), s.id); !errors.Is(err, remedy.ErrNotAsking) {
		t.Errorf("what was answered expires: %v", err)
	}
	for range 4 {
		if s.incident(t).Step == ledger.StepSettle {
			break
		}
		s.step(t)
	}
	if strings.Count(strings.Join(s.Argo.Landed(), " "), "rollback") != 1 || s.told(t, "asking a person") != 1 {
		t.Errorf("landed %v\n%s", s.Argo.Landed(), timeline(t, s.World, s.id))
	}
}

func TestWhatGuardianDidElsewhereIsSaidBesideTheSuspect(t *testing.T) {
	s := upTo(t, ledger.StepBlame, rules{}, app())
	change := &ledger.FlagChange{Flag: "new-ranking", At: s.at.Add(-time.Minute), From: "on", To: "off", By: "orders-prod-1"}
	must(t, s.Ledger.SaveFlag(t.Context(), ledger.FlagSeen{Flag: "new-ranking", Digest: "x", Serving: "off"}, change))
	s.step(t)
	reason := s.incident(t).Suspects[0].Reason
	if !strings.HasPrefix(reason, "release v42 replaced v41") || !strings.Contains(reason, "Besides: Guardian took flag new-ranking from on to off in incident orders-prod-1") {
		t.Errorf("the reason is %s", reason)
	}
	if s.told(t, "Nothing else changed") != 0 {
		t.Errorf("the timeline says\n%s", timeline(t, s.World, s.id))
	}
}
