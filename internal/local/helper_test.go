package local

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/alertmanager/template"

	"github.com/cinegit/guardian/events/alertmanager"
)

// send sends a request to a handler; a body is sent with its length.
func send(h http.Handler, method, path, token string, body []byte) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, bytes.NewReader(body))
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// sayJSON encodes what always encodes.
func sayJSON(t *testing.T, v any) []byte {
	t.Helper()
	raw, err := json.Marshal(v)
	must(t, err)
	return raw
}

// message is a webhook message of firing alerts, one for each set of labels.
func message(t *testing.T, startsAt time.Time, sets ...template.KV) []byte {
	t.Helper()
	m := alertmanager.Message{Version: "4", GroupKey: "{}:{}", Data: template.Data{Receiver: "guardian", Status: "firing"}}
	for _, set := range sets {
		m.Alerts = append(m.Alerts, template.Alert{Status: "firing", Labels: set, StartsAt: startsAt})
	}
	return sayJSON(t, m)
}

// bad are the labels of the alert that leads to a service in prod, with more labels in pairs.
func bad(service string, more ...string) template.KV {
	set := template.KV{"alertname": "Bad", "service": service, "env": "prod"}
	for pair := range slices.Chunk(more, 2) {
		set[pair[0]] = pair[1]
	}
	return set
}

// drain handles all that waits in the queue, as the loop would.
func drain(t *testing.T, g *Guardian) {
	t.Helper()
	for {
		depth, err := g.queue.Depth(t.Context())
		must(t, err)
		if depth == 0 {
			return
		}
		messages, err := g.queue.Receive(t.Context(), 10)
		must(t, err)
		for _, m := range messages {
			must(t, g.handle(t.Context(), m))
			must(t, g.queue.Delete(t.Context(), m))
		}
	}
}

// until looks until it is so. The deadline is only there to end a test that would hang.
func until(t *testing.T, what string, so func() bool) {
	t.Helper()
	deadline := time.NewTimer(60 * time.Second)
	defer deadline.Stop()
	again := time.NewTicker(5 * time.Millisecond)
	defer again.Stop()
	for !so() {
		select {
		case <-again.C:
		case <-deadline.C:
			t.Fatalf("never came to pass: %s", what)
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// journal keeps what is logged.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

// counted gives Guardian's own counters that are not zero, by name and labels as they are scraped.
func counted(t *testing.T, h http.Handler) map[string]string {
	t.Helper()
	out := map[string]string{}
	for line := range strings.Lines(send(h, http.MethodGet, "/metrics", "", nil).Body.String()) {
		name, value, ok := strings.Cut(strings.TrimSpace(line), "} ")
		if ok && strings.HasPrefix(name, "guardian_") && value != "0" {
			out[name+"}"] = value
		}
	}
	return out
}

// more gives the counters that grew, with what they are now.
func more(before, after map[string]string) map[string]string {
	after = maps.Clone(after)
	maps.DeleteFunc(after, func(name, value string) bool { return before[name] == value })
	return after
}
