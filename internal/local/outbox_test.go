package local

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cinegit/guardian/internal/adapter/notify"
	"github.com/cinegit/guardian/internal/ledger"
	"github.com/cinegit/guardian/internal/outbox"
)

// receiver is a webhook that people are told by. It answers as it is told, then 200.
type receiver struct {
	mu      sync.Mutex
	answers []int
	hang    chan struct{} // while open, there is no answer
	got     []string      // titles of the messages that it took
	asked   int
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	var body notify.Body
	err := json.NewDecoder(req.Body).Decode(&body)
	if r.hang != nil {
		select {
		case <-r.hang:
		case <-req.Context().Done():
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asked++
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	if len(r.answers) > 0 {
		w.WriteHeader(r.answers[0])
		r.answers = r.answers[1:]
		return
	}
	r.got = append(r.got, body.Title)
}

func (r *receiver) took() (titles []string, asked int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]string{}, r.got...), r.asked
}

// telling gives a world that tells the receivers.
func telling(t *testing.T, receivers ...*receiver) *world {
	t.Helper()
	more := "notify:\n"
	for _, r := range receivers {
		server := httptest.NewServer(r)
		t.Cleanup(server.Close)
		if r.hang != nil {
			t.Cleanup(func() { close(r.hang) })
		}
		more += fmt.Sprintf("  - webhook: %s/tell\n", server.URL)
	}
	return newWorld(t, setup{more: more})
}

// tell puts a message into the outbox.
func tell(t *testing.T, g *Guardian, id string) {
	t.Helper()
	must(t, g.ledger.SaveMessage(t.Context(), ledger.Message{ID: id, Title: id, At: time.Now(), Text: []string{"Something happened."}}))
}

// due makes every waiting message due now, as if its wait were over.
func due(t *testing.T, g *Guardian) (waiting int) {
	t.Helper()
	messages, err := g.ledger.Outbox(t.Context())
	must(t, err)
	for _, m := range messages {
		m.NextTry = time.Time{}
		must(t, g.ledger.SaveMessage(t.Context(), m))
	}
	return len(messages)
}

// toldOf is what one receiver saw of a message.
type toldOf struct {
	Titles []string
	Asked  int
}

func TestAMessageIsTriedAgainOnlyWhereItFailedAndEndsWhereItIsRefused(t *testing.T) {
	failing, refusing, well := &receiver{answers: []int{500, 503}}, &receiver{answers: []int{400}}, &receiver{}
	g := telling(t, failing, refusing, well).guardian()
	tell(t, g, "one")
	var waits []int
	for range 4 {
		g.deliver(t.Context())
		waits = append(waits, due(t, g))
	}
	if diff := cmp.Diff([]int{1, 1, 0, 0}, waits); diff != "" {
		t.Errorf("messages that wait after each try: %s", diff)
	}
	var got []toldOf
	for _, r := range []*receiver{failing, refusing, well} {
		titles, asked := r.took()
		got = append(got, toldOf{titles, asked})
	}
	want := []toldOf{{[]string{"one"}, 3}, {[]string{}, 1}, {[]string{"one"}, 1}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestAMessageWaitsBeforeItIsTriedAgain(t *testing.T) {
	r := &receiver{answers: []int{500}}
	g := telling(t, r).guardian()
	tell(t, g, "one")
	before := time.Now()
	for range 3 {
		g.deliver(t.Context())
	}
	messages, err := g.ledger.Outbox(t.Context())
	must(t, err)
	if _, asked := r.took(); asked != 1 || len(messages) != 1 || !messages[0].NextTry.After(before.Add(time.Second)) {
		t.Errorf("asked %d times, waiting %+v", asked, messages)
	}
}

func TestAMessageIsGivenUpAfterSoManyTries(t *testing.T) {
	r := &receiver{answers: make([]int, 2*outbox.MostTries)}
	for i := range r.answers {
		r.answers[i] = http.StatusServiceUnavailable
	}
	g := telling(t, r).guardian()
	tell(t, g, "one")
	for due(t, g) > 0 {
		g.deliver(t.Context())
	}
	if _, asked := r.took(); asked != outbox.MostTries {
		t.Errorf("asked %d times, want %d", asked, outbox.MostTries)
	}
}

func TestAChannelThatHangsHoldsUpNeitherAnotherNorARemedyNorTheEnd(t *testing.T) {
	t.Parallel()
	hanging, well := &receiver{hang: make(chan struct{})}, &receiver{}
	w := telling(t, hanging, well)
	w.badRelease()
	s := w.serve()
	send(s.Handler(), http.MethodPost, "/webhooks/alertmanager", hookToken, message(t, time.Now(), bad("review")))
	if diff := cmp.Diff(healedOnce(), w.comesOut(s.Guardian)); diff != "" {
		t.Error(diff)
	}
	until(t, "the channel that works has the message", func() bool { titles, _ := well.took(); return len(titles) > 0 })
	if titles, _ := hanging.took(); len(titles) > 0 {
		t.Errorf("the channel that hangs took %q", titles)
	}
	must(t, s.stop())
}
