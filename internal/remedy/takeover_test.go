package remedy_test

import (
	"strings"
	"testing"

	"github.com/cinegit/guardian/internal/ledger"
	"github.com/cinegit/guardian/internal/policy"
	"github.com/cinegit/guardian/internal/remedy"
	"github.com/cinegit/guardian/internal/sandbox/scenario"
)

// twoRules has many-errors in one mode and down in another.
func twoRules(manyErrors, down policy.Mode) rules {
	return rules{mute: "    mode: " + string(manyErrors) + `
  - name: down
    match: '{alertname="Down"}'
    target: {service: label service, stage: label env}
    remedies: [revert]
    mode: ` + string(down) + "\n"}
}

func (s *stepped) joins(t *testing.T) ledger.Incident {
	t.Helper()
	d, err := s.Flow.Dispatch(t.Context(), scenario.Alert("Down", "review", "prod", s.at, "firing"))
	must(t, err)
	if d.Joined != 1 {
		t.Fatalf("dispatched %+v", d)
	}
	return s.incident(t)
}

func TestARuleThatMayDoMoreTakesOverWhileNothingIsDone(t *testing.T) {
	for _, step := range []ledger.Step{ledger.StepConfirm, ledger.StepBlame, ledger.StepChoose, ledger.StepApprove} {
		s := upTo(t, step, twoRules("suggest", "act"), app())
		if step == ledger.StepApprove {
			s.step(t) // it asks
		}
		inc := s.joins(t)
		if inc.Step != ledger.StepConfirm || inc.Rule != "down" || inc.Mode != policy.Act || !inc.AskedAt.IsZero() || !inc.YoungSince.Equal(s.at) {
			t.Errorf("at %s: it stands at %s by rule %s, %s, asked at %s", step, inc.Step, inc.Rule, inc.Mode, inc.AskedAt)
		}
		withdrawn := 0
		if step == ledger.StepApprove {
			withdrawn = 1
		}
		if s.told(t, "alert Down joined; rule down acts, where rule many-errors only suggests") != 1 || s.told(t, "the question is withdrawn") != withdrawn {
			t.Errorf("at %s:\n%s", step, timeline(t, s.World, s.id))
		}
		for range 4 { // confirm, blame, choose, act
			s.step(t)
		}
		landed(t, s.World, "rollback review-prod 0")
	}
}

func TestTheWaitingStateMachineIsSentWhereTheIncidentWentWhenItsQuestionWasWithdrawn(t *testing.T) {
	s := upTo(t, ledger.StepApprove, twoRules("suggest", "act"), app())
	s.step(t)
	s.joins(t)
	token, answer, ok, err := s.Flow.Unanswered(t.Context(), s.id)
	if err != nil || !ok || token != "token" || answer.Next != ledger.StepConfirm {
		t.Errorf("found %q, %+v, %t, %v", token, answer, ok, err)
	}
}

func TestNoRuleTakesOverWhoseModeIsNotLooserOrOnceSomethingIsDoneOrAnswered(t *testing.T) {
	approved := func(t *testing.T, s *stepped) {
		s.step(t)
		_, _, err := s.Flow.Approve(t.Context(), s.id, ledger.Approval{Granted: true, By: "alice", At: s.at})
		must(t, err)
	}
	acted := func(t *testing.T, s *stepped) {
		approved(t, s)
		for s.incident(t).Step != ledger.StepSettle {
			s.step(t)
		}
	}
	nothing := func(*testing.T, *stepped) {}
	strict, loose := twoRules("suggest", "suggest"), twoRules("suggest", "act")
	service := twoRules("suggest", "act") // by label: which service it is about only the alert tells
	service.service = "    mode: suggest\n"
	for name, tt := range map[string]struct {
		rules rules
		first func(t *testing.T, s *stepped)
	}{
		"as strict": {strict, nothing}, "stricter": {twoRules("suggest", "observe"), nothing}, "its service is strict": {service, nothing},
		"approved": {loose, approved}, "acted": {loose, acted},
	} {
		s := upTo(t, ledger.StepApprove, tt.rules, app())
		tt.first(t, s)
		before := s.incident(t)
		inc := s.joins(t)
		if inc.Rule != "many-errors" || inc.Mode != policy.Suggest || inc.Step != before.Step || s.told(t, "joined; rule") != 0 {
			t.Errorf("%s: it went from %s to %s by rule %s, %s\n%s", name, before.Step, inc.Step, inc.Rule, inc.Mode, timeline(t, s.World, s.id))
		}
	}
}

func TestTheSameRuleMadeLooserSpeaksOfTheNextIncident(t *testing.T) {
	s := upTo(t, ledger.StepApprove, twoRules("suggest", "suggest"), app())
	s.step(t)
	s.SetPolicy(twoRules("act", "act").policy(t))
	m := scenario.Alert("Slow", "review", "prod", s.at, "firing")
	_, err := s.Flow.Dispatch(t.Context(), m)
	must(t, err)
	if inc := s.incident(t); inc.Step != ledger.StepApprove || inc.Mode != policy.Suggest {
		t.Errorf("it stands at %s, %s", inc.Step, inc.Mode)
	}
}

func TestOfAlertsThatComeTogetherTheRuleCountsThatMayDoMost(t *testing.T) {
	w := newWorld(t, twoRules("suggest", "act"))
	m := scenario.Alert("ManyErrors", "review", "prod", w.Now().Add(-minutes(1)), "firing")
	m.Alerts = append(m.Alerts, scenario.Alert("Down", "review", "prod", w.Now(), "firing").Alerts...)
	if d := dispatched(t, w, m); len(d.Opened) != 1 {
		t.Fatalf("dispatched %+v", d)
	}
	inc := latest(t, w)
	if inc.Rule != "down" || inc.Mode != policy.Act || !inc.StartsAt.Equal(w.Now().Add(-minutes(1))) {
		t.Errorf("it is of rule %s, %s, since %s", inc.Rule, inc.Mode, inc.StartsAt)
	}
	if told := timeline(t, w, inc.ID); strings.Count(told, "rule down acts, where rule many-errors only suggests") != 1 {
		t.Errorf("the timeline says\n%s", told)
	}
}

func TestAQuestionThatWasWithdrawnCannotBeAnswered(t *testing.T) {
	s := upTo(t, ledger.StepApprove, twoRules("suggest", "act"), app())
	s.step(t)
	s.joins(t)
	if _, _, err := s.Flow.Approve(t.Context(), s.id, ledger.Approval{Granted: true, By: "alice"}); err == nil || !strings.Contains(err.Error(), remedy.ErrNotAsking.Error()) {
		t.Errorf("got %v", err)
	}
}
