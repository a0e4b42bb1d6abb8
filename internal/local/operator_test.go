package local

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cinegit/guardian/internal/api"
	"github.com/cinegit/guardian/internal/deploy"
	"github.com/cinegit/guardian/internal/ledger"
	"github.com/cinegit/guardian/internal/policy"
)

// statusOfCall is the HTTP status of a client's error; 200 for none.
func statusOfCall(t *testing.T, err error) int {
	t.Helper()
	var answer *api.Error
	switch {
	case err == nil:
		return http.StatusOK
	case errors.As(err, &answer):
		return answer.Status
	}
	t.Fatalf("no answer: %v", err)
	return 0
}

func review() ledger.Target { return ledger.Target{Service: "review", Stage: "prod"} }

// texts are the texts of a timeline, one a line.
func texts(events []ledger.Event) string {
	var b strings.Builder
	for _, e := range events {
		b.WriteString(e.Text + "\n")
	}
	return b.String()
}

func TestAPersonApprovesUndoesAndReleasesByTheAPI(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{mode: "suggest", autoSync: true})
	s, id := w.asked()
	ctx, anna := t.Context(), s.client(t, annaToken)

	_, err := anna.Undo(ctx, "last", "too early")
	if statusOfCall(t, err) != http.StatusConflict {
		t.Errorf("undo before the end: %v, want 409", err)
	}
	_, err = anna.Release(ctx, api.Release{Target: review()})
	if statusOfCall(t, err) != http.StatusConflict {
		t.Errorf("release while the incident is at work: %v, want 409", err)
	}
	inc, err := anna.Approve(ctx, "last", "I saw it too")
	must(t, err)
	if inc.ID != id || inc.Approval == nil || inc.Approval.By != "anna" || inc.Approval.Why != "I saw it too" {
		t.Errorf("approved %s: %+v", inc.ID, inc.Approval)
	}
	_, err = anna.Approve(ctx, id, "")
	if statusOfCall(t, err) != http.StatusConflict {
		t.Errorf("approve again: %v, want 409", err)
	}
	if out := w.comesOut(s.Guardian); out.End != ledger.Healed || !w.runs("review", "v1") {
		t.Fatalf("came out %+v", out)
	}

	_, err = anna.Release(ctx, api.Release{Target: review()})
	if statusOfCall(t, err) != http.StatusConflict || !strings.Contains(err.Error(), "--lift") {
		t.Errorf("release with the bad release at git's head: %v, want 409 that names --lift", err)
	}
	released, err := anna.Release(ctx, api.Release{Target: review(), Lift: true})
	must(t, err)
	if !released.AutoSync || len(released.Lifted) != 1 || released.Lifted[0].LiftedBy != "anna" {
		t.Errorf("released %+v, want auto-sync on and one quarantine lifted by anna", released)
	}
	object, err := w.argo.Object(deploy.Ref{Name: "review"})
	must(t, err)
	if object.Spec.SyncPolicy == nil || object.Spec.SyncPolicy.Automated == nil {
		t.Error("auto-sync is off in Argo CD")
	}
	_, err = anna.Release(ctx, api.Release{Target: review()})
	if statusOfCall(t, err) != http.StatusConflict {
		t.Errorf("release where nothing is held: %v, want 409", err)
	}
}

func TestAnUndoPutsBackAndKeepsTheReason(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	w.badRelease()
	s := w.serve()
	ctx, ben := t.Context(), s.client(t, benToken)
	send(s.Handler(), http.MethodPost, "/webhooks/alertmanager", hookToken, message(t, time.Now(), bad("review")))
	if out := w.comesOut(s.Guardian); out != healedOnce() {
		t.Fatalf("came out %+v", out)
	}
	admission, err := ben.Admit(ctx, api.Admit{Target: review(), Release: w.tagOf("v2")})
	must(t, err)
	if admission.Admitted || !strings.Contains(admission.Why, "quarantined") {
		t.Errorf("admission %+v, want it refused as quarantined", admission)
	}
	w.argo.Down(true)
	_, err = ben.Undo(ctx, "last", "")
	if statusOfCall(t, err) != http.StatusBadGateway {
		t.Errorf("undo while Argo CD is down: %v, want 502", err)
	}
	w.argo.Down(false)
	inc, err := ben.Undo(ctx, "last", "v2 is right, the alert is wrong")
	must(t, err)
	until(t, "v2 runs again", func() bool { return w.runs("review", "v2") })
	if inc.UndoneBy != "ben" {
		t.Errorf("undone by %q", inc.UndoneBy)
	}
	explained, err := ben.Explain(ctx, inc.ID)
	must(t, err)
	if !strings.Contains(texts(explained.Events), "v2 is right, the alert is wrong") {
		t.Errorf("the timeline lacks the reason:\n%s", texts(explained.Events))
	}
	_, err = ben.Undo(ctx, "last", "")
	if statusOfCall(t, err) != http.StatusConflict {
		t.Errorf("undo again: %v, want 409", err)
	}
	if admission, err = ben.Admit(ctx, api.Admit{Target: review(), Release: w.tagOf("v2")}); err != nil || !admission.Admitted {
		t.Errorf("admission %+v %v, want it admitted after the undo", admission, err)
	}
}

// tagOf is the revision that shipped a tag.
func (w *world) tagOf(tag string) string {
	w.t.Helper()
	object, err := w.argo.Object(deploy.Ref{Name: "review"})
	must(w.t, err)
	return object.Status.History[map[string]int{"v1": 0, "v2": 1}[tag]].Revision
}

func TestARejectionEndsTheIncidentWithoutEffectAndIsCounted(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{mode: "suggest"})
	s, id := w.asked()
	inc, err := s.client(t, benToken).Reject(t.Context(), id[:len(id)-2], "let it be")
	must(t, err)
	if inc.End != ledger.StoodDown || !strings.Contains(inc.Reason, "ben rejected") || !w.runs("review", "v2") {
		t.Errorf("ended %s: %s", inc.End, inc.Reason)
	}
	want := map[string]string{`guardian_incidents_total{end="StoodDown"}`: "1"}
	if diff := cmp.Diff(want, incidentsCounted(t, s.Handler())); diff != "" {
		t.Error(diff)
	}
}

// The state machine counts it, as it wakes and finds the incident ended: nobody else is to.
func TestAnUndoThatEndsAnIncidentIsCountedOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	w.write("guardian.yaml", strings.Replace(w.policy(), "consecutiveSuccessLimit: 1", "consecutiveSuccessLimit: 50", 1)) // it verifies for long
	w.badRelease()
	s := w.serve()
	send(s.Handler(), http.MethodPost, "/webhooks/alertmanager", hookToken, message(t, time.Now(), bad("review")))
	var id string
	until(t, "it verifies", func() bool {
		open, err := s.ledger.OpenIncidents(t.Context())
		must(t, err)
		if len(open) > 0 && open[0].Step == ledger.StepVerify {
			id = open[0].ID
		}
		return id != ""
	})
	inc, err := s.client(t, benToken).Undo(t.Context(), id, "")
	must(t, err)
	until(t, "the state machine ends", func() bool {
		over, _, err := s.machine().Over(t.Context(), id)
		return err == nil && over
	})
	if diff := cmp.Diff(map[string]string{`guardian_incidents_total{end="StoodDown"}`: "1"}, incidentsCounted(t, s.Handler())); diff != "" || inc.End != ledger.StoodDown {
		t.Errorf("it ended %s: %s", inc.End, diff)
	}
}

func incidentsCounted(t *testing.T, h http.Handler) map[string]string {
	t.Helper()
	out := map[string]string{}
	for name, value := range counted(t, h) {
		if strings.HasPrefix(name, "guardian_incidents_total") {
			out[name] = value
		}
	}
	return out
}

func TestAnUnansweredQuestionEndsWithItsTimeAndIsCounted(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{mode: "suggest"})
	s, id := w.asked()
	flow := *s.engine().flow
	flow.Now = func() time.Time { return time.Now().Add(31 * time.Minute) }
	later := *s.engine()
	later.flow = &flow
	s.current.Store(&later)
	s.expire(t.Context())
	inc, err := s.ledger.Incident(t.Context(), id)
	must(t, err)
	if inc.End != ledger.FailedClean || !strings.Contains(inc.Reason, "nobody approved") {
		t.Errorf("ended %q: %s", inc.End, inc.Reason)
	}
	want := map[string]string{`guardian_incidents_total{end="FailedClean"}`: "1"}
	if diff := cmp.Diff(want, incidentsCounted(t, s.Handler())); diff != "" {
		t.Error(diff)
	}
}

func TestReleasesAreGivenForWhatReplaysThem(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{mode: "suggest"})
	s, _ := w.asked()
	ctx, anna := t.Context(), s.client(t, annaToken)
	all, err := anna.Releases(ctx, review(), time.Time{})
	must(t, err)
	if len(all) != 2 || all[0].Entry.ID != 0 || all[1].Entry.ID != 1 {
		t.Fatalf("releases are %+v", all)
	}
	later, err := anna.Releases(ctx, review(), all[1].From.Add(time.Hour))
	must(t, err)
	if len(later) != 0 {
		t.Errorf("an hour later none has begun: %+v", later)
	}
	_, err = anna.Releases(ctx, ledger.Target{Service: "reviwe", Stage: "prod"}, time.Time{})
	if statusOfCall(t, err) != http.StatusBadRequest {
		t.Errorf("an unknown service: %v", err)
	}
}

func TestAFreezeRefusesAdmissionUntilItIsLifted(t *testing.T) {
	w := newWorld(t, setup{})
	s := w.serve()
	ctx, anna := t.Context(), s.client(t, annaToken)
	ask := api.Admit{Target: review(), Release: "v9"}
	for _, scope := range []api.Scope{{}, {Service: "review"}, {Service: "review", Stage: "prod"}} {
		frozen, err := anna.Freeze(ctx, api.Freeze{Scope: scope, For: policy.Duration(2 * time.Hour), Why: "release day"})
		must(t, err)
		if frozen.By != "anna" || frozen.Until.Sub(frozen.At) != 2*time.Hour {
			t.Errorf("froze %+v", frozen)
		}
		during, err := anna.Admit(ctx, ask)
		must(t, err)
		must(t, anna.Unfreeze(ctx, scope))
		after, err := anna.Admit(ctx, ask)
		must(t, err)
		if during.Admitted || !strings.Contains(during.Why, "release day") || !after.Admitted {
			t.Errorf("%+v: during %+v, after %+v", scope, during, after)
		}
	}
}
