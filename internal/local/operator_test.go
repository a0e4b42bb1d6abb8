package local

import (
	"encoding/json"
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

// asking is one request of an operator and the answer to it.
type asking struct {
	method, path, body string
	status             int
	says               string
}

func TestOperatorsGetTheStatusAndTheReasonOfARefusal(t *testing.T) {
	w := newWorld(t, setup{services: []string{"review", "rating"}})
	w.prom.Down(true)
	g := w.guardian()
	h := g.Handler()
	send(h, http.MethodPost, "/webhooks/alertmanager", hookToken, message(t, time.Now(), bad("review"), bad("rating")))
	drain(t, g)
	cases := []asking{
		{"GET", "/v1/incidents?limit=1", "", 200, `"id":"r`},
		{"GET", "/v1/incidents?limit=0", "", 400, "1 to 1000"},
		{"GET", "/v1/incidents?limit=many", "", 400, "many"},
		{"GET", "/v1/incidents/last", "", 200, `"events":[`},
		{"GET", "/v1/incidents/review", "", 200, `"service":"review"`},
		{"GET", "/v1/incidents/r", "", 400, "more than one incident"},
		{"GET", "/v1/incidents/nothing", "", 404, "nothing"},
		{"GET", "/v1/incidents/review/events?after=0", "", 200, `[`},
		{"GET", "/v1/incidents/review/events?after=x", "", 400, "not a number"},
		{"POST", "/v1/incidents/nothing/undo", "{}", 404, "nothing"},
		{"POST", "/v1/incidents/r/undo", "{}", 400, "more than one incident"},
		{"POST", "/v1/incidents/review/undo", "{}", 409, "still at work"},
		{"POST", "/v1/incidents/review/undo", "", 400, "empty"},
		{"POST", "/v1/incidents/review/undo", `{"wy":"x"}`, 400, `unknown field \"wy\"`},
		{"POST", "/v1/incidents/review/approve", "{}", 409, "review"},
		{"POST", "/v1/incidents/review/reject", "{} {}", 400, "goes on"},
		{"POST", "/v1/freeze", `{"for":"2h"}`, 400, "reason"},
		{"POST", "/v1/freeze", `{"for":"0s","why":"x"}`, 400, "above zero"},
		{"POST", "/v1/freeze", `{"for":"2","why":"x"}`, 400, "body"},
		{"POST", "/v1/freeze", `{"for":"2h","why":"x","service":"nobody"}`, 400, "nobody"},
		{"POST", "/v1/freeze", `{"for":"2h","why":"x","stage":"prod"}`, 400, "prod"},
		{"POST", "/v1/unfreeze", `{"service":"review","stage":"moon"}`, 400, "moon"},
		{"POST", "/v1/release", `{"service":"review","stage":"moon"}`, 400, "moon"},
		{"POST", "/v1/release", `{"service":"review","stage":"prod"}`, 409, ""},
		{"POST", "/v1/admit", `{"service":"review","stage":"prod"}`, 400, "name the release"},
		{"POST", "/v1/admit", `{"service":"review","stage":"prod","release":"v1"}`, 200, `"admitted":true`},
		{"POST", "/v1/admit", `[]`, 400, "body"},
		{"POST", "/v1/status", `{}`, 405, ""},
		{"GET", "/v1/nothing", "", 404, ""},
	}
	for _, c := range cases {
		t.Run(c.method+" "+c.path+" "+c.body, func(t *testing.T) {
			got := send(h, c.method, c.path, annaToken, []byte(c.body))
			if got.Code != c.status || !strings.Contains(got.Body.String(), c.says) {
				t.Errorf("status %d, want %d that says %q: %.500s", got.Code, c.status, c.says, got.Body)
			}
		})
	}
	huge := send(h, http.MethodPost, "/v1/freeze", annaToken, []byte(`{"`+strings.Repeat("x", 1000)+`":1}`))
	if huge.Code != http.StatusBadRequest || huge.Body.Len() > 400 {
		t.Errorf("a long unknown field: status %d and an answer of %d bytes", huge.Code, huge.Body.Len())
	}
}

func TestStatusTellsOfEveryTargetAndWhatIsOpen(t *testing.T) {
	w := newWorld(t, setup{services: []string{"review", "rating"}})
	w.badRelease()
	w.prom.Down(true)
	g := w.guardian()
	send(g.Handler(), http.MethodPost, "/webhooks/alertmanager", hookToken, message(t, time.Now(), bad("review"), bad("nobody")))
	drain(t, g)
	g.reconcile(t.Context())
	var s api.Status
	must(t, json.Unmarshal(send(g.Handler(), http.MethodGet, "/v1/status", annaToken, nil).Body.Bytes(), &s))
	if len(s.Targets) != 2 || len(s.Open) != 1 || len(s.Ignored) != 1 || s.Queue != (api.Queue{}) || s.Version != "test" {
		t.Fatalf("status %+v", s)
	}
	for _, target := range s.Targets {
		want := ""
		if target.Service == "review" {
			want = s.Open[0].ID
		}
		if target.Incident != want || target.Release == "" || target.Health != "Healthy" || target.Sync != "Synced" || target.SeenAt.IsZero() {
			t.Errorf("target %+v", target)
		}
	}
}
