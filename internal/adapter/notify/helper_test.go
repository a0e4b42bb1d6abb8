package notify

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/cinegit/guardian/internal/health"
	"github.com/cinegit/guardian/internal/ledger"
	"github.com/cinegit/guardian/internal/policy"
)

// hidden stands in every address and token that an error must not tell.
const hidden = "s3cret"

// receiver remembers what it got, and answers as it is told to.
type receiver struct {
	*httptest.Server
	requests []*http.Request
	bodies   [][]byte
	status   int
	headers  map[string]string
	reply    string
}

func newReceiver(t *testing.T) *receiver {
	t.Helper()
	r := &receiver{status: http.StatusOK}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, err := io.ReadAll(req.Body)
		if err != nil {
			t.Error(err)
		}
		r.requests, r.bodies = append(r.requests, req), append(r.bodies, body)
		for name, value := range r.headers {
			w.Header().Set(name, value)
		}
		w.WriteHeader(r.status)
		_, _ = io.WriteString(w, r.reply)
	}))
	t.Cleanup(r.Close)
	return r
}

// secretsOf looks up references in a map.
func secretsOf(known map[policy.Secret]string) Secrets {
	return func(_ context.Context, ref policy.Secret) (string, error) {
		value, ok := known[ref]
		if !ok {
			return "", errors.New("no such secret")
		}
		return value, nil
	}
}

// newOne makes the one channel of a policy beside the log.
func newOne(t *testing.T, c policy.Channel, known map[policy.Secret]string) Channel {
	t.Helper()
	channels, err := New([]policy.Channel{c}, secretsOf(known), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if len(channels) != 2 || channels[0].Name() != "log" {
		t.Fatalf("channels are %v", channels)
	}
	return channels[1]
}

// healed is a message with everything in it, some of it hostile.
func healed() ledger.Message {
	at := time.Date(2026, 3, 14, 15, 9, 26, 0, time.UTC)
	value := 0.12
	return ledger.Message{
		ID:       "inc-1/end",
		Incident: "inc-1",
		Target:   ledger.Target{Service: "review", Stage: "prod"},
		At:       at,
		Urgency:  policy.Page,
		Title:    "review/prod is healed: flag timeline-merge\nis off",
		Text: []string{
			"High5xxRate fired: 12% of requests <!channel> failed & rose.",
			"Flag timeline-merge went from off to on 2 minutes before.",
		},
		Findings: []health.Finding{
			{Gate: "errors", Verdict: health.Fail, Reason: "12% is above 5%", Value: &value, Threshold: "5%",
				Query: "sum(x)", Window: "1m0s", At: at, Link: "https://prometheus.example.org/graph?g0.expr=a|b&g0.tab=1"},
			{Gate: "late`ncy", Verdict: health.NoData, Reason: "no series", At: at, Link: "javascript:alert(1)"},
		},
		Undo:  "guardian undo inc-1",
		Links: []string{"https://guardian.example.org/incidents/inc-1", "not a link"},
		End:   ledger.Healed,
	}
}
