package intake_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cinegit/guardian/internal/bearer"
	"github.com/cinegit/guardian/internal/intake"
)

const alert = `{"version":"4","groupKey":"g","alerts":[{"status":"firing","labels":{"a":"b"},"startsAt":"2026-11-23T12:00:00Z"}]}`

// queue keeps what it is sent, unless it fails.
type queue struct {
	sent  []intake.Message
	fails error
}

func (q *queue) Send(_ context.Context, m intake.Message) error {
	if q.fails == nil {
		q.sent = append(q.sent, m)
	}
	return q.fails
}

func taking(q *queue, counted *[]string) *intake.Intake {
	return &intake.Intake{
		Authorize: func(*http.Request) error { return nil }, Queue: q, Log: slog.New(slog.DiscardHandler),
		Count: func(sender string, status int) { *counted = append(*counted, fmt.Sprint(sender, " ", status)) },
	}
}

func TestWhatTheQueueCanNeverHoldIsRefusedAndWhatItCannotTakeNowIsToBeSentAgain(t *testing.T) {
	for _, tt := range []struct {
		fails  error
		status int
		says   string
	}{
		{nil, 202, ""}, {fmt.Errorf("queue: %w", intake.ErrTooLarge), 413, "max_alerts"}, {io.ErrUnexpectedEOF, 503, "send it again"},
	} {
		q, counted := &queue{fails: tt.fails}, []string(nil)
		mux := http.NewServeMux()
		taking(q, &counted).Serve(mux, intake.Alerts)
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/webhooks/alertmanager", strings.NewReader(alert)))
		if w.Code != tt.status || !strings.Contains(w.Body.String(), tt.says) || strings.Contains(w.Body.String(), "EOF") {
			t.Errorf("%v is answered with %d %s", tt.fails, w.Code, w.Body)
		}
		if diff := cmp.Diff([]string{fmt.Sprint("alertmanager ", tt.status)}, counted); diff != "" {
			t.Error(diff)
		}
	}
}

func TestWhoMayNotComeInIsRefusedAndWhoCannotBeCheckedNowIsToSendAgain(t *testing.T) {
	for _, tt := range []struct {
		err    error
		status int
	}{{bearer.ErrWrong, 401}, {bearer.ErrNoTokens, 401}, {bearer.ErrUnchecked, 503}} {
		q, counted := &queue{}, []string(nil)
		in := taking(q, &counted)
		in.Authorize = func(*http.Request) error { return tt.err }
		mux := http.NewServeMux()
		in.Serve(mux, intake.Alerts)
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/webhooks/alertmanager", strings.NewReader(alert)))
		if w.Code != tt.status || len(q.sent) != 0 {
			t.Errorf("%v is answered with %d, %d kept", tt.err, w.Code, len(q.sent))
		}
		if diff := cmp.Diff([]string{fmt.Sprint("alertmanager ", tt.status)}, counted); diff != "" {
			t.Error(diff)
		}
	}
}

func TestTheSameBodyHasTheSameIDAndItsGroupWhicheverWayItComes(t *testing.T) {
	q := &queue{}
	in := taking(q, new([]string))
	for _, k := range []intake.Kind{intake.Alerts, intake.Alerts} {
		if err := in.Take(t.Context(), k, []byte(alert)); err != nil {
			t.Fatal(err)
		}
	}
	if err := in.Take(t.Context(), intake.ArgoCD, []byte(`{"app":"review"}`)); err != nil {
		t.Fatal(err)
	}
	if len(q.sent) != 3 || q.sent[0].ID != q.sent[1].ID || q.sent[0].Group != q.sent[1].Group || q.sent[0].ID == q.sent[2].ID || q.sent[0].Group == q.sent[2].Group {
		t.Errorf("sent %+v", q.sent)
	}
	var e intake.Envelope
	if err := json.Unmarshal(q.sent[0].Body, &e); err != nil || string(e.Body) != alert || e.Kind != intake.Alerts || e.ReceivedAt.IsZero() {
		t.Errorf("envelope %+v, %v", e, err)
	}
}

func TestWhatCanNeverBeTakenIsToldApartFromWhatCannotBeTakenNow(t *testing.T) {
	padded := func(size int) string { return alert + strings.Repeat(" ", size-len(alert)) }
	for name, tt := range map[string]struct {
		kind    intake.Kind
		body    string
		fails   error
		refused bool
		says    string
	}{
		"no JSON":            {intake.Alerts, "FIRING", nil, true, "not JSON"},
		"too large":          {intake.Alerts, padded(intake.MaxBody + 1), nil, true, "larger than 1048576 bytes"},
		"larger than queued": {intake.Alerts, padded(intake.MaxBody), intake.ErrTooLarge, true, "too large for the queue"},
		"of no kind":         {"morse", "...", nil, true, "morse"},
		"the queue down":     {intake.Alerts, alert, io.ErrUnexpectedEOF, false, ""},
	} {
		err := taking(&queue{fails: tt.fails}, new([]string)).Take(t.Context(), tt.kind, []byte(tt.body))
		if err == nil || errors.Is(err, intake.ErrRefused) != tt.refused || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// webhook sends one to an intake of all kinds, and gives what it is answered.
func webhook(t *testing.T, in *intake.Intake, method, path string, body io.Reader) *httptest.ResponseRecorder {
	t.Helper()
	mux := http.NewServeMux()
	in.Serve(mux, intake.Alerts, intake.AlertList, intake.ArgoCD)
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), method, path, body))
	return w
}

func TestEachWebhookIsTakenAsItsKindAndWhatIsNoneIsSaid(t *testing.T) {
	list := `[{"labels":{"alertname":"Bad","secret":"hidden"}}]`
	for name, tt := range map[string]struct {
		method, path, body string
		status             int
		counted, says      string
	}{
		"alerts":                {"POST", "/webhooks/alertmanager", alert, 202, "alertmanager 202", ""},
		"a list":                {"POST", "/webhooks/alertmanager/api/v2/alerts", list, 202, "alerts 202", ""},
		"a notification":        {"POST", "/webhooks/argocd", `{"app":"review"}`, 202, "argocd 202", ""},
		"a list as alerts":      {"POST", "/webhooks/alertmanager", list, 400, "alertmanager 400", "an array where an object"},
		"alerts as a list":      {"POST", "/webhooks/alertmanager/api/v2/alerts", alert, 400, "alerts 400", "an object where an array"},
		"nothing":               {"POST", "/webhooks/argocd", "", 400, "argocd 400", "body is empty"},
		"nested too deep":       {"POST", "/webhooks/argocd", strings.Repeat("[", 100_000), 400, "argocd 400", "max depth"},
		"too many alerts":       {"POST", "/webhooks/alertmanager/api/v2/alerts", "[" + strings.Repeat(`{"labels":{"a":"b"}},`, 10_000) + `{"labels":{"a":"b"}}]`, 413, "alerts 413", "max_alerts"},
		"just not too large":    {"POST", "/webhooks/argocd", `{"app":"review"}` + strings.Repeat(" ", intake.MaxBody-16), 202, "argocd 202", ""},
		"too large":             {"POST", "/webhooks/argocd", `{"app":"review"}` + strings.Repeat(" ", intake.MaxBody-15), 413, "argocd 413", "larger than 1048576 bytes"},
		"another path":          {"POST", "/webhooks/slack", "{}", 404, "unknown 404", "/webhooks/alertmanager/api/v2/alerts, /webhooks/argocd"},
		"a path below":          {"POST", "/webhooks/argocd/x", "{}", 404, "unknown 404", "no such webhook"},
		"another method":        {"GET", "/webhooks/argocd", "", 405, "unknown 405", "sent with POST"},
		"another method's body": {"PUT", "/webhooks/alertmanager", alert, 405, "unknown 405", "sent with POST"},
	} {
		q, counted := &queue{}, []string(nil)
		w := webhook(t, taking(q, &counted), tt.method, tt.path, strings.NewReader(tt.body))
		if w.Code != tt.status || !strings.Contains(w.Body.String(), tt.says) || strings.Contains(w.Body.String(), "hidden") || (tt.status == 202) != (len(q.sent) == 1) {
			t.Errorf("%s: %d %s, %d sent", name, w.Code, w.Body, len(q.sent))
		}
		if tt.status != 202 && (!json.Valid(w.Body.Bytes()) || w.Header().Get("Content-Type") != "application/json") {
			t.Errorf("%s: the answer is no JSON: %s", name, w.Body)
		}
		if allow := w.Header().Get("Allow"); (allow == "POST") != (tt.status == 405) {
			t.Errorf("%s: allowed is %q", name, allow)
		}
		if diff := cmp.Diff([]string{tt.counted}, counted); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// broken is a body whose sender goes away.
type broken struct{ read bool }

func (b *broken) Read(p []byte) (int, error) {
	b.read = true
	return copy(p, alert[:10]), io.ErrUnexpectedEOF
}

func TestABodyThatBreaksOffIsNotTaken(t *testing.T) {
	q, counted := &queue{}, []string(nil)
	w := webhook(t, taking(q, &counted), http.MethodPost, "/webhooks/alertmanager", &broken{})
	if w.Code != http.StatusBadRequest || len(q.sent) != 0 || !strings.Contains(w.Body.String(), "to its end") {
		t.Errorf("%d %s, sent %v", w.Code, w.Body, q.sent)
	}
}

func TestTheBodyOfWhoIsNotAllowedIsNotRead(t *testing.T) {
	q, counted := &queue{}, []string(nil)
	in := taking(q, &counted)
	in.Authorize = func(*http.Request) error { return errors.New("bearer token is missing or wrong") }
	body := &broken{}
	w := webhook(t, in, http.MethodPost, "/webhooks/alertmanager", body)
	if w.Code != http.StatusUnauthorized || body.read || len(q.sent) != 0 || !strings.Contains(w.Body.String(), "bearer token") {
		t.Errorf("%d %s, read %t, sent %v", w.Code, w.Body, body.read, q.sent)
	}
	if diff := cmp.Diff([]string{"alertmanager 401"}, counted); diff != "" {
		t.Error(diff)
	}
}

func TestMessagesKeepTheirOrderWithinAGroupOfAlertsAndAnApplicationAndNoFurther(t *testing.T) {
	q := &queue{}
	in := taking(q, new([]string))
	take := func(k intake.Kind, body string) string {
		if err := in.Take(t.Context(), k, []byte(body)); err != nil {
			t.Fatal(err)
		}
		return q.sent[len(q.sent)-1].Group
	}
	resolved := strings.Replace(alert, "firing", "resolved", 1)
	if take(intake.Alerts, alert) != take(intake.Alerts, resolved) {
		t.Error("alerts of one group are not in one")
	}
	if take(intake.Alerts, alert) == take(intake.Alerts, strings.Replace(alert, `"g"`, `"h"`, 1)) {
		t.Error("alerts of two groups are in one")
	}
	if take(intake.ArgoCD, `{"app":"a","operationPhase":"Running"}`) != take(intake.ArgoCD, `{"app":"a","operationPhase":"Succeeded"}`) {
		t.Error("notifications of one application are not in one group")
	}
	if take(intake.ArgoCD, `{"app":"a","namespace":"x"}`) == take(intake.ArgoCD, `{"app":"a","namespace":"y"}`) {
		t.Error("notifications of two applications are in one group")
	}
	if take(intake.AlertList, `[{"labels":{"alertname":"A"}}]`) == take(intake.AlertList, `[{"labels":{"alertname":"B"}}]`) {
		t.Error("a list that cannot be handled holds up another")
	}
	for _, m := range q.sent {
		if len(m.Group) > 128 || len(m.ID) > 128 || strings.ContainsAny(m.Group+m.ID, " /:") {
			t.Errorf("no queue takes group %q, ID %q", m.Group, m.ID)
		}
	}
}

func TestWhyTheQueueFailsIsLoggedAndNotAnswered(t *testing.T) {
	var log bytes.Buffer
	in := taking(&queue{fails: errors.New("no route to 10.0.0.7")}, new([]string))
	in.Log = slog.New(slog.NewTextHandler(&log, nil))
	w := webhook(t, in, http.MethodPost, "/webhooks/alertmanager", strings.NewReader(alert))
	if said := log.String(); !strings.Contains(said, "10.0.0.7") || !strings.Contains(said, "webhook not taken") || strings.Contains(w.Body.String(), "10.0.0.7") {
		t.Errorf("answered %s, logged %s", w.Body, said)
	}
}
