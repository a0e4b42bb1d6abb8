package notify

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cinegit/guardian/internal/ledger"
	"github.com/cinegit/guardian/internal/policy"
)

func TestAWebhookGetsTheMessageAsJSON(t *testing.T) {
	r := newReceiver(t)
	r.status = http.StatusAccepted
	c := newOne(t, policy.Channel{Webhook: r.URL + "/hook?key=" + hidden, Token: "env:T"}, map[policy.Secret]string{"env:T": "token"})
	if err := c.Send(t.Context(), healed()); err != nil {
		t.Fatal(err)
	}
	var got bytes.Buffer
	if err := json.Indent(&got, r.bodies[0], "", "  "); err != nil {
		t.Fatal(err)
	}
	wantGolden(t, "webhook.json", got.String())
	header := r.requests[0].Header
	for name, want := range map[string]string{
		"Authorization":   "Bearer token",
		"Content-Type":    "application/json",
		"Idempotency-Key": "inc-1/end",
	} {
		if header.Get(name) != want {
			t.Errorf("%s is %q", name, header.Get(name))
		}
	}
	if strings.Contains(c.Name(), hidden) {
		t.Errorf("its name is %s", c.Name())
	}
}

func TestAWebhooksAnswerTellsWhetherToTryAgain(t *testing.T) {
	for status, want := range map[int]struct {
		permanent bool
		header    string
		after     time.Duration
	}{
		http.StatusBadRequest:          {permanent: true},
		http.StatusUnauthorized:        {permanent: true},
		http.StatusPermanentRedirect:   {permanent: true},
		http.StatusRequestTimeout:      {},
		http.StatusTooManyRequests:     {header: "30", after: 30 * time.Second},
		http.StatusInternalServerError: {header: "-5"},
		http.StatusBadGateway:          {header: "soon"},
		http.StatusServiceUnavailable:  {header: "Fri, 01 Jan 2999 00:00:00 GMT", after: time.Hour},
		http.StatusGatewayTimeout:      {header: "99999999999", after: time.Hour},
	} {
		r := newReceiver(t)
		r.status, r.reply, r.headers = status, "no: "+hidden, map[string]string{"Retry-After": want.header}
		c := newOne(t, policy.Channel{Webhook: r.URL}, nil)
		err := c.Send(t.Context(), healed())
		wantFailure(t, err, want.permanent, http.StatusText(status))
		var got *Error
		if !errors.As(err, &got) || got.Status != status || got.RetryAfter != want.after {
			t.Errorf("%d: error is %+v", status, got)
		}
	}
}

func TestAWebhookThatIsSilentRunsIntoItsTimeout(t *testing.T) {
	silence := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-silence }))
	t.Cleanup(server.Close)
	defer close(silence)
	c := newOne(t, policy.Channel{Webhook: server.URL + "/" + hidden, Timeout: policy.Duration(time.Millisecond)}, nil)
	err := c.Send(t.Context(), healed())
	if !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, ErrPermanent) {
		t.Errorf("error is %v", err)
	}
}

func TestAWebhookWithoutItsTokenIsNotCalled(t *testing.T) {
	r := newReceiver(t)
	c := newOne(t, policy.Channel{Webhook: r.URL, Token: "env:GONE"}, nil)
	wantFailure(t, c.Send(t.Context(), healed()), false, "get token: no such secret")
	if len(r.requests) != 0 {
		t.Error("it was called")
	}
}

func TestAChannelOnlyForPagesGetsOnlyPages(t *testing.T) {
	r := newReceiver(t)
	c := newOne(t, policy.Channel{Webhook: r.URL, Only: policy.Page}, nil)
	m := healed()
	for _, m.Urgency = range []policy.Urgency{policy.All, policy.Page} {
		if err := c.Send(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	if len(r.requests) != 1 {
		t.Errorf("it got %d messages", len(r.requests))
	}
}

func TestChannelsOfOneNameAreToldApart(t *testing.T) {
	c := policy.Channel{Slack: "env:U"}
	channels, err := New([]policy.Channel{c, {Webhook: "https://a.example/x"}, c}, secretsOf(nil), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, c := range channels {
		names = append(names, c.Name())
	}
	want := []string{"log", "slack env:U", "webhook a.example/x", "slack env:U (2)"}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Error(diff)
	}
}

func TestABadChannelIsRefusedAtOnce(t *testing.T) {
	for _, c := range []policy.Channel{
		{Webhook: "hooks.example/" + hidden},
		{Webhook: "http://[" + hidden},
		{Webhook: "https://a.example", CAFile: "/no/such/ca.pem"},
		{},
	} {
		_, err := New([]policy.Channel{c}, secretsOf(nil), slog.New(slog.DiscardHandler))
		if err == nil || !strings.Contains(err.Error(), "notify channel 1: ") || strings.Contains(err.Error(), hidden) {
			t.Errorf("error of %+v is %v", c, err)
		}
	}
}

func TestTheLogGetsEveryMessage(t *testing.T) {
	var out bytes.Buffer
	log := Log{slog.New(slog.NewJSONHandler(&out, nil))}
	m := healed()
	for _, m.Urgency = range []policy.Urgency{policy.All, policy.Page} {
		if err := log.Send(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	var levels []string
	for line := range strings.Lines(out.String()) {
		var got struct{ Level, Title, Target, End, Undo string }
		if err := json.Unmarshal([]byte(line), &got); err != nil {
			t.Fatal(err)
		}
		if got.Title != m.Title || got.Target != "review/prod" || got.End != string(ledger.Healed) || got.Undo != m.Undo {
			t.Errorf("got %+v", got)
		}
		levels = append(levels, got.Level)
	}
	if diff := cmp.Diff([]string{"INFO", "WARN"}, levels); diff != "" {
		t.Error(diff)
	}
}
