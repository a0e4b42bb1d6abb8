package remedy_test

import (
	"strings"
	"testing"
	"time"

	"github.com/cinegit/guardian/internal/adapter/memledger"
	"github.com/cinegit/guardian/internal/ledger"
	"github.com/cinegit/guardian/internal/remedy"
	"github.com/cinegit/guardian/internal/remedy/remedytest"
	"github.com/cinegit/guardian/internal/sandbox/scenario"
)

// stepped is a world whose incident's steps the test runs itself, at the times that it likes.
type stepped struct {
	*scenario.World
	id string
	at time.Time
}

// upTo gives a world with a bad release whose incident has come to a step.
func upTo(t *testing.T, step ledger.Step, r rules, there remedytest.App) *stepped {
	t.Helper()
	w := newWorld(t, r, there)
	baked(t, w, there)
	return walk(t, w, step)
}

// walk lets an alert come and brings its incident to a step.
func walk(t *testing.T, w *scenario.World, step ledger.Step) *stepped {
	t.Helper()
	d, err := w.Flow.Dispatch(t.Context(), scenario.Alert("ManyErrors", "review", "prod", w.Now(), "firing"))
	must(t, err)
	s := &stepped{World: w, id: d.Opened[0], at: w.Now()}
	w.Flow.Now = func() time.Time { return s.at }
	for range 10 {
		if inc := s.incident(t); inc.Step == step {
			return s
		}
		s.step(t)
	}
	t.Fatalf("it does not come to %s, but stands at %s", step, s.incident(t).Step)
	return nil
}

func (s *stepped) incident(t *testing.T) ledger.Incident {
	t.Helper()
	inc, err := s.Ledger.Incident(t.Context(), s.id)
	must(t, err)
	return inc
}

// step runs the step at which the incident stands.
func (s *stepped) step(t *testing.T) remedy.Answer {
	t.Helper()
	answer, err := s.Flow.Handle(t.Context(), remedy.Task{ID: s.id, Step: s.incident(t).Step, Token: "token"})
	must(t, err)
	return answer
}

// told counts the entries of the timeline that say something.
func (s *stepped) told(t *testing.T, text string) int {
	t.Helper()
	return strings.Count(timeline(t, s.World, s.id), text)
}

func TestAnArgoCDThatIsOutOfReachIsToldOfOnceAndWaitedForTheSettleTimeLong(t *testing.T) {
	s := upTo(t, ledger.StepAct, rules{}, app())
	s.Argo.Down(true)
	begun := s.at
	for _, after := range []time.Duration{0, time.Second, time.Minute, 2 * time.Minute} {
		s.at = begun.Add(after)
		if a := s.step(t); a.Next != ledger.StepAct || a.Wait != 2 {
			t.Errorf("after %s: %+v", after, a)
		}
	}
	if n := s.told(t, "trying again"); n != 1 {
		t.Errorf("told %d times:\n%s", n, timeline(t, s.World, s.id))
	}
	s.at = begun.Add(2*time.Minute + time.Second)
	if a := s.step(t); a.Next != remedy.StepLook || s.told(t, "giving up on it") != 1 {
		t.Errorf("when its time is over: %+v\n%s", a, timeline(t, s.World, s.id))
	}
}

func TestAlertsThatJoinAreCountedOnceThoughAStepWritesTheIncidentAtTheSameMoment(t *testing.T) {
	s := upTo(t, ledger.StepConfirm, rules{}, app())
	conflicts := 0
	s.Store.SetFaults(func(op string, _ []ledger.Op) memledger.Fault {
		if op == "write" && conflicts < 3 {
			conflicts++
			return memledger.Fault{Lost: ledger.ErrConflict}
		}
		return memledger.Fault{}
	})
	d, err := s.Flow.Dispatch(t.Context(), scenario.Alert("Slow", "review", "prod", s.at, "firing"))
	must(t, err)
	if d.Joined != 1 || len(d.Opened) != 0 || conflicts != 3 || len(s.incident(t).Alerts) != 2 {
		t.Errorf("dispatched %+v after %d conflicts; the incident has %d alerts", d, conflicts, len(s.incident(t).Alerts))
	}
}
