package remedy_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cinegit/guardian/internal/deploy"
	"github.com/cinegit/guardian/internal/ledger"
	"github.com/cinegit/guardian/internal/policy"
	"github.com/cinegit/guardian/internal/remedy/remedytest"
	"github.com/cinegit/guardian/internal/sandbox/scenario"
)

// told gives the message of a kind about the newest incident.
func told(t *testing.T, w *scenario.World, kind string) ledger.Message {
	t.Helper()
	all, err := w.Ledger.Outbox(t.Context())
	must(t, err)
	for _, m := range all {
		if id := latest(t, w).ID + "-" + kind; m.ID == id || strings.HasPrefix(m.ID, id+"-") {
			return m
		}
	}
	t.Fatalf("nothing is told of kind %s: %+v", kind, all)
	return ledger.Message{}
}

func TestTheClosingMessageTellsWhatHappenedWhyWhatWasDoneAndHowToUndoIt(t *testing.T) {
	w, id := healed(t, rules{}, app())
	m := told(t, w, "end")
	want := []string{
		"Alert ManyErrors fires since 09:08:00 UTC: many requests fail",
		"Confirmed: errors: 0.2 meets the failureCondition",
		"Blamed: release v42 replaced v41 2m0s before the alert began; it changed once in the week before",
		"Done: roll review-prod back from v42 to v41 (history id 0)",
		"revert release v42 to v41 (history id 0); healed 33s after the alert came in",
		"The next sync ships again what was reverted: put a fix into git before it.",
	}
	if diff := cmp.Diff(want, m.Text); diff != "" {
		t.Error(diff)
	}
	if m.Title != "review/prod: Healed" || m.Urgency != policy.All || m.Undo != "guardian undo "+id || m.End != ledger.Healed {
		t.Errorf("told %+v", m)
	}
	if len(m.Findings) != 2 || m.Findings[0].Query == "" || m.Findings[0].Link == "" || *m.Findings[0].Value != 0.2 {
		t.Errorf("the evidence is %+v", m.Findings)
	}
}

func TestWhatWasTakenBackIsNotToldAsDone(t *testing.T) {
	w := broken(t, rules{}, app())
	w.Argo.OnCall(func(method string) {
		if method == "rollback" {
			must(t, w.Argo.Set(app(), "window", "closed"))
		}
	})
	w.Until(t.Context(), minutes(12))
	m := told(t, w, "end")
	text := strings.Join(m.Text, "\n")
	if !strings.Contains(text, "Done and taken back: roll review-prod back") || strings.Contains(text, "Done: roll") || m.Undo != "" || m.Urgency != policy.Page {
		t.Errorf("told %+v", m)
	}
}

func TestWhatWasAskedForAndNeverSeenIsToldSo(t *testing.T) {
	w := broken(t, rules{}, app())
	w.Argo.Fail("rollback", slicesOf(500, remedytest.Fault{Err: deploy.ErrUnavailable})...)
	w.Until(t.Context(), minutes(20))
	wantEnd(t, w, ledger.FailedDirty, "it failed: "+deploy.ErrUnavailable.Error())
	if text := strings.Join(told(t, w, "end").Text, "\n"); !strings.Contains(text, "Asked for, and never seen to be done: roll review-prod back") {
		t.Error(text)
	}
}

func TestTheQuestionTellsWhyItIsAskedAndHowToAnswer(t *testing.T) {
	w := broken(t, rules{mode: "suggest"}, app())
	w.Until(t.Context(), minutes(9))
	m, id := told(t, w, "approve"), latest(t, w).ID
	text := strings.Join(m.Text, "\n")
	if m.Title != "review/prod: approve? revert release v42 to v41 (history id 0)" || m.Urgency != policy.Page ||
		!strings.Contains(text, "Guardian asks because mode is suggest.") ||
		!strings.Contains(text, "Answer within 30m: guardian approve "+id+", or guardian reject "+id) {
		t.Errorf("asked %+v", m)
	}
}

func TestMessagesCarryLinksToTheIncidentAndTheRunbook(t *testing.T) {
	w := newWorld(t, rules{})
	p := *w.Policy()
	p.Server.URL = "https://guardian.example/"
	w.SetPolicy(&p)
	baked(t, w, app())
	alert := scenario.Alert("ManyErrors", "review", "prod", w.Now(), "firing")
	alert.Alerts[0].Annotations["runbook_url"] = "https://runbooks.example/errors"
	w.Receive(alert)
	w.Until(t.Context(), minutes(12))
	want := []string{"https://guardian.example/v1/incidents/" + latest(t, w).ID, "https://runbooks.example/errors"}
	if diff := cmp.Diff(want, told(t, w, "end").Links); diff != "" {
		t.Error(diff)
	}
}

func TestPeopleAreToldOnceHoweverOftenAStepIsRun(t *testing.T) {
	w := broken(t, rules{}, app())
	w.Metrics.Down = true
	for at := minutes(8); at < minutes(20); at += 30 * time.Second {
		w.Until(t.Context(), at)
		w.Kill()
	}
	if all, err := w.Ledger.Outbox(t.Context()); err != nil || len(all) != 1 {
		t.Errorf("told %d times, %v", len(all), err)
	}
}

func TestPeopleHearAsTheFirstChangeIsDecidedWhatIsDoneWhyAndHowToUndoIt(t *testing.T) {
	s := upTo(t, ledger.StepAct, rules{}, remedytest.App{Name: "review-prod", AutoSync: true})
	s.step(t)
	m := told(t, s.World, "act")
	want := []string{
		"Alert ManyErrors fires since 09:08:00 UTC: many requests fail",
		"Confirmed: errors: 0.2 meets the failureCondition",
		"Blamed: release v42 replaced v41 2m0s before the alert began; it changed once in the week before",
		"Doing now: revert release v42 to v41 (history id 0)",
		"Then the metrics are asked whether it helped, and you hear how it ended. Once it is carried out, an undo stops that and puts everything back.",
	}
	if diff := cmp.Diff(want, m.Text); diff != "" {
		t.Error(diff)
	}
	if m.Title != "review/prod: acting: revert release v42 to v41 (history id 0)" || m.Urgency != policy.All || m.Undo != "guardian undo "+s.id || m.End != "" || !m.At.Equal(s.at) {
		t.Errorf("told %+v", m)
	}
	for range 3 { // the step again, with the further changes of the same remedy
		s.step(t)
	}
	if m := told(t, s.World, "act"); m.Version != 1 {
		t.Errorf("it was told %d times", m.Version)
	}
}

func TestPeopleHearWhoApprovedWhatIsDone(t *testing.T) {
	w := broken(t, rules{mode: "suggest"}, app())
	w.Until(t.Context(), minutes(9))
	must(t, w.Answer(t.Context(), latest(t, w).ID, ledger.Approval{Granted: true, By: "alice", At: w.Now()}))
	w.Until(t.Context(), minutes(10))
	if text := strings.Join(told(t, w, "act").Text, "\n"); !strings.Contains(text, "Doing now: revert release v42 to v41 (history id 0), as alice approved\n") {
		t.Errorf("told\n%s", text)
	}
}

// Who receives a message takes one of the same ID for a repetition.
func TestASecondQuestionIsAMessageOfItsOwn(t *testing.T) {
	s := upTo(t, ledger.StepApprove, rules{mode: "suggest"}, app())
	s.step(t) // it asks
	inc := s.incident(t)
	inc.Step, inc.AskedAt = ledger.StepChoose, time.Time{}
	_, err := s.Ledger.Commit(t.Context(), ledger.Change{Incident: inc})
	must(t, err)
	s.step(t)
	s.step(t) // it asks again
	all, err := s.Ledger.Outbox(t.Context())
	must(t, err)
	questions := 0
	for _, m := range all {
		if strings.Contains(m.Title, "approve?") {
			questions++
		}
	}
	if questions != 2 {
		t.Errorf("%d questions are in the outbox: %+v", questions, all)
	}
}
