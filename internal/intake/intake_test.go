package intake_test

import (
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
	for name, tt := range map[string]struct {
		kind    intake.Kind
		body    string
		fails   error
		refused bool
	}{
		"no JSON":            {intake.Alerts, "FIRING", nil, true},
		"too large":          {intake.Alerts, strings.Repeat(" ", intake.MaxBody+1), nil, true},
		"larger than queued": {intake.Alerts, alert, intake.ErrTooLarge, true},
		"of no kind":         {"morse", "...", nil, true},
		"the queue down":     {intake.Alerts, alert, io.ErrUnexpectedEOF, false},
	} {
		err := taking(&queue{fails: tt.fails}, new([]string)).Take(t.Context(), tt.kind, []byte(tt.body))
		if err == nil || errors.Is(err, intake.ErrRefused) != tt.refused {
			t.Errorf("%s: %v", name, err)
		}
	}
}
