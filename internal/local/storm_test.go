package local

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/alertmanager/template"

	"github.com/cinegit/guardian/internal/api"
	"github.com/cinegit/guardian/internal/ledger"
)

func TestTwoAlertmanagersThatSendTheSameAlertLeadToOneRemediation(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	w.badRelease()
	s := w.serve()
	began := time.Now()
	// The second has another receiver's name and order of labels in mind: only the alert is the same.
	one := message(t, began, bad("review"))
	two := append([]byte(`{"receiver":"other",`), message(t, began, bad("review"))[1:]...)
	for _, body := range [][]byte{one, two, one, two} {
		if got := send(s.Handler(), http.MethodPost, "/webhooks/alertmanager", hookToken, body); got.Code != http.StatusAccepted {
			t.Fatalf("status %d: %s", got.Code, got.Body)
		}
	}
	if diff := cmp.Diff(healedOnce(), w.comesOut(s.Guardian)); diff != "" {
		t.Error(diff)
	}
	for _, body := range [][]byte{one, two} { // and both repeat it, as they do while it fires
		send(s.Handler(), http.MethodPost, "/webhooks/alertmanager", hookToken, body)
	}
	until(t, "the queue is empty", func() bool { q, err := s.queued(t.Context()); must(t, err); return q == api.Queue{} })
	if diff := cmp.Diff(healedOnce(), w.comesOut(s.Guardian)); diff != "" {
		t.Error(diff)
	}
}

func TestAStormLeadsToOneRemediationOfEachTarget(t *testing.T) {
	t.Parallel()
	const targets, webhooks = 10, 200
	var services []string
	for i := range targets {
		services = append(services, fmt.Sprintf("svc%d", i))
	}
	w := newWorld(t, setup{services: services})
	w.badRelease()
	s := w.serve()
	var senders sync.WaitGroup
	codes := make([]int, webhooks)
	bodies := w.storm(webhooks)
	for i, body := range bodies {
		senders.Go(func() {
			codes[i] = send(s.Handler(), http.MethodPost, "/webhooks/alertmanager", hookToken, body).Code
		})
	}
	senders.Wait()
	for i, code := range codes {
		if code != http.StatusAccepted {
			t.Errorf("webhook %d: status %d", i, code)
		}
	}
	until(t, "the storm is over", func() bool {
		q, err := s.queued(t.Context())
		must(t, err)
		open, err := s.ledger.OpenIncidents(t.Context())
		must(t, err)
		return q.Depth == 0 && len(open) == 0
	})
	incidents, err := s.ledger.Incidents(t.Context(), 0)
	must(t, err)
	acted, want := map[string]int{}, map[string]int{}
	for _, inc := range incidents {
		if inc.Acted() {
			acted[inc.Target.Service]++
		}
		if inc.Acted() && inc.End != ledger.Healed {
			t.Errorf("%s ended %s: %s", inc.ID, inc.End, inc.Reason)
		}
	}
	for _, name := range services {
		want[name] = 1
		if n := w.history(name); n != 3 {
			t.Errorf("%s was deployed %d times, want v1, v2 and one rollback", name, n)
		}
	}
	if diff := cmp.Diff(want, acted); diff != "" {
		t.Error(diff)
	}
}

// storm gives webhooks of five alerts each, of which many are of the same few pods, a fifth sent again and
// all shuffled.
func (w *world) storm(webhooks int) [][]byte {
	random, now := rand.New(rand.NewPCG(1, 2)), time.Now()
	var bodies [][]byte
	for i := range webhooks {
		if i%5 == 4 {
			bodies = append(bodies, bodies[random.IntN(len(bodies))])
			continue
		}
		var sets []template.KV
		for range 5 {
			sets = append(sets, bad(w.set.services[random.IntN(len(w.set.services))], "pod", fmt.Sprint(random.IntN(40))))
		}
		bodies = append(bodies, message(w.t, now.Add(-time.Duration(random.IntN(3))*time.Second), sets...))
	}
	random.Shuffle(len(bodies), func(i, j int) { bodies[i], bodies[j] = bodies[j], bodies[i] })
	return bodies
}
