package local

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cinegit/guardian/events/alertmanager"
	"github.com/cinegit/guardian/internal/adapter/boltledger"
	"github.com/cinegit/guardian/internal/ledger"
)

// history of one remediation as it must be whatever died in between.
type outcome struct {
	End         ledger.End
	Incidents   int
	Effects     int
	Deployments int
}

// healedOnce is one remediation by one rollback.
func healedOnce() outcome { return outcome{ledger.Healed, 1, 1, 3} }

// comesOut waits for the end of review's incident and gives what it left behind.
func (w *world) comesOut(g *Guardian) outcome {
	w.t.Helper()
	var all []ledger.Incident
	until(w.t, "the incident ends", func() bool {
		var err error
		all, err = g.ledger.Incidents(w.t.Context(), 0)
		must(w.t, err)
		return len(all) > 0 && all[0].End != ""
	})
	return outcome{all[0].End, len(all), len(all[0].Effects), w.history("review")}
}

func TestWhatWasAnswered202IsDealtWithAfterADeathBeforeItsDispatch(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	w.badRelease()
	first := w.guardian()
	if got := send(first.Handler(), http.MethodPost, "/webhooks/alertmanager", hookToken, message(t, time.Now(), bad("review"))); got.Code != http.StatusAccepted {
		t.Fatalf("status %d: %s", got.Code, got.Body)
	}
	die(t, first)
	if diff := cmp.Diff(healedOnce(), w.comesOut(w.serve().Guardian)); diff != "" {
		t.Error(diff)
	}
}

// opened gives a Guardian with an incident whose state machine was never started.
func (w *world) opened() *Guardian {
	w.t.Helper()
	g := w.guardian()
	m, err := alertmanager.Parse(message(w.t, time.Now(), bad("review")))
	must(w.t, err)
	d, err := g.engine().flow.Dispatch(w.t.Context(), m)
	must(w.t, err)
	if len(d.Opened) != 1 {
		w.t.Fatalf("dispatched %+v, want one incident opened", d)
	}
	return g
}

// standsDown waits until the one incident ends as a false alarm.
func standsDown(t *testing.T, g *Guardian) {
	t.Helper()
	until(t, "the incident ends", func() bool {
		all, err := g.ledger.Incidents(t.Context(), 0)
		must(t, err)
		return len(all) == 1 && all[0].End == ledger.StoodDown
	})
}

func TestAnIncidentThatDiedBeforeItsStateMachineBeganIsStarted(t *testing.T) {
	w := newWorld(t, setup{})
	die(t, w.opened())
	standsDown(t, w.serve().Guardian)
}

func TestAnIncidentThatCouldNotBeStartedIsStartedWithoutARestart(t *testing.T) {
	g := newWorld(t, setup{}).opened()
	g.expire(t.Context())
	standsDown(t, g)
}

// asked gives a serving Guardian that asks a person about review's bad release, and the incident.
func (w *world) asked() (*serving, string) {
	w.t.Helper()
	w.badRelease()
	s := w.serve()
	if got := send(s.Handler(), http.MethodPost, "/webhooks/alertmanager", hookToken, message(w.t, time.Now(), bad("review"))); got.Code != http.StatusAccepted {
		w.t.Fatalf("status %d: %s", got.Code, got.Body)
	}
	var id string
	until(w.t, "a person is asked", func() bool {
		open, err := s.ledger.OpenIncidents(w.t.Context())
		must(w.t, err)
		for _, inc := range open {
			if inc.Step == ledger.StepApprove && inc.Token != "" {
				id = inc.ID
			}
		}
		return id != ""
	})
	return s, id
}

func TestAnAnswerThatWasWrittenButNotSentIsSentAfterADeath(t *testing.T) {
	t.Parallel()
	for _, granted := range []bool{true, false} {
		want := healedOnce()
		if !granted {
			want = outcome{ledger.StoodDown, 1, 0, 2}
		}
		w := newWorld(t, setup{mode: "suggest"})
		first, id := w.asked()
		must(t, first.stop())

		between := w.guardian()
		_, _, err := between.engine().flow.Approve(t.Context(), id, ledger.Approval{Granted: granted, By: "anna", At: time.Now()})
		must(t, err)
		die(t, between)

		again := w.serve()
		if diff := cmp.Diff(want, w.comesOut(again.Guardian)); diff != "" {
			t.Errorf("granted %v: %s", granted, diff)
		}
		until(t, "the state machine ends", func() bool {
			x, err := again.runner.Describe(t.Context(), id)
			must(t, err)
			return x.Status != "RUNNING"
		})
	}
}

func TestAQuestionSurvivesARestartAndCanBeAnswered(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{mode: "suggest"})
	first, id := w.asked()
	must(t, first.stop())
	again := w.serve()
	if _, err := again.client(t, benToken).Approve(t.Context(), id, "looks right"); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(healedOnce(), w.comesOut(again.Guardian)); diff != "" {
		t.Error(diff)
	}
}

func TestAnEndInTheMidstOfARemedyIsCleanAndTheNextStartGoesOn(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	w.badRelease()
	first := w.serve()
	send(first.Handler(), http.MethodPost, "/webhooks/alertmanager", hookToken, message(t, time.Now(), bad("review")))
	until(t, "Argo CD is asked to roll back", func() bool { return w.history("review") > 2 })
	must(t, first.stop())
	if _, err := http.Get(first.url + "/healthz"); err == nil {
		t.Error("it still serves")
	}
	if _, err := first.ledger.OpenIncidents(t.Context()); err == nil {
		t.Error("the ledger is still open")
	}
	if diff := cmp.Diff(healedOnce(), w.comesOut(w.serve().Guardian)); diff != "" {
		t.Error(diff)
	}
}

func TestASecondGuardianOnTheSameDataIsRefusedClearly(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	w.guardian()
	second, err := New(t.Context(), w.options())
	if err == nil {
		die(t, second)
	}
	if !errors.Is(err, boltledger.ErrInUse) || !strings.Contains(err.Error(), "--data") {
		t.Errorf("error %v, want one that names --data", err)
	}
}

func TestTheSameMessageHandledTwiceOpensOneIncident(t *testing.T) {
	w := newWorld(t, setup{})
	w.prom.Down(true)
	g := w.guardian()
	send(g.Handler(), http.MethodPost, "/webhooks/alertmanager", hookToken, message(t, time.Now(), bad("review")))
	messages, err := g.queue.Receive(t.Context(), 1)
	must(t, err)
	for range 3 {
		must(t, g.handle(t.Context(), messages[0]))
	}
	open, err := g.ledger.OpenIncidents(t.Context())
	must(t, err)
	if len(open) != 1 {
		t.Errorf("%d incidents, want one", len(open))
	}
}
