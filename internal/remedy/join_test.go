package remedy_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cinegit/guardian/events/alertmanager"
	"github.com/cinegit/guardian/internal/adapter/memledger"
	"github.com/cinegit/guardian/internal/ledger"
	"github.com/cinegit/guardian/internal/remedy"
	"github.com/cinegit/guardian/internal/sandbox/scenario"
)

// many is a message of so many alerts of one target, numbered from a number on.
func many(w *scenario.World, from, n int) alertmanager.Message {
	var m alertmanager.Message
	for i := range n {
		a := scenario.Alert("ManyErrors", "review", "prod", w.Now(), "firing").Alerts[0]
		a.Fingerprint = fmt.Sprintf("%016x", from+i)
		m.Alerts = append(m.Alerts, a)
	}
	return m
}

func dispatched(t *testing.T, w *scenario.World, m alertmanager.Message) remedy.Dispatched {
	t.Helper()
	d, err := w.Flow.Dispatch(t.Context(), m)
	must(t, err)
	return d
}

func TestAnAlertThatLeadsNowhereIsCountedAndRecordedWithTheReason(t *testing.T) {
	w := newWorld(t, rules{})
	m := scenario.Alert("ManyErrors", "nobody", "prod", w.Now(), "firing")
	m.Alerts = append(m.Alerts, scenario.Alert("Unheard", "review", "prod", w.Now(), "firing").Alerts[0])
	d := dispatched(t, w, m)
	ignored, err := w.Ledger.Ignored(t.Context(), 10)
	must(t, err)
	if d.Ignored["unknown target"] != 1 || d.Ignored["no rule"] != 1 || len(d.Opened) != 0 || len(ignored) != 2 {
		t.Fatalf("dispatched %+v, ignored %+v", d, ignored)
	}
	if told := ignored[1].Text + ignored[0].Text; !strings.Contains(told, `"nobody"`) || !strings.Contains(told, "alert Unheard ignored: no rule matches its labels") {
		t.Errorf("recorded %s", told)
	}
}

func TestAnAlertThatStandsTwiceInAMessageIsOne(t *testing.T) {
	w := newWorld(t, rules{})
	m := many(w, 0, 2)
	m.Alerts = append(m.Alerts, m.Alerts[0], m.Alerts[1], m.Alerts[0])
	if d := dispatched(t, w, m); len(d.Opened) != 1 || len(latest(t, w).Alerts) != 2 {
		t.Errorf("dispatched %+v, the incident has %d alerts", d, len(latest(t, w).Alerts))
	}
}

func TestAlertsJoinTheOpenIncidentHoweverManyTheyAreAndItKeepsTheFirst(t *testing.T) {
	for _, tt := range []struct{ opens, joins, kept, writes int }{
		{1, 1, 2, 2}, {1, 60, 50, 3}, {50, 1, 50, 2}, {51, 1, 50, 3}, {2, 120, 50, 4}, {49, 1, 50, 2},
	} {
		w := newWorld(t, rules{})
		before := w.Store.Writes()
		first := dispatched(t, w, many(w, 0, tt.opens))
		second := dispatched(t, w, many(w, tt.opens, tt.joins))
		inc := latest(t, w)
		if len(first.Opened) != 1 || first.Joined != 0 || second.Joined != tt.joins || len(second.Opened) != 0 {
			t.Errorf("%+v: first %+v, second %+v", tt, first, second)
		}
		if len(inc.Alerts) != tt.kept || inc.Alerts[0].Fingerprint != fmt.Sprintf("%016x", 0) || w.Store.Writes()-before != tt.writes {
			t.Errorf("%+v: it keeps %d alerts, in %d writes", tt, len(inc.Alerts), w.Store.Writes()-before)
		}
		if again := dispatched(t, w, many(w, 0, tt.opens+tt.joins)); again.Duplicates != tt.opens+tt.joins {
			t.Errorf("%+v: again %+v", tt, again)
		}
		more := min(max(tt.opens-3, 0), 1) + min(max(tt.joins-3, 0), 1)
		if told := timeline(t, w, inc.ID); strings.Count(told, "more alerts of this target") != more || strings.Count(told, "fires since") != min(tt.opens, 3)+min(tt.joins, 3) {
			t.Errorf("%+v: the timeline says\n%s", tt, told)
		}
	}
}

func TestTheSameAlertFromANewStartJoinsAsAnEpisodeOfItsOwn(t *testing.T) {
	w := newWorld(t, rules{})
	m := many(w, 0, 1)
	dispatched(t, w, m)
	m.Alerts[0].StartsAt = m.Alerts[0].StartsAt.Add(time.Second)
	if d := dispatched(t, w, m); d.Joined != 1 || len(latest(t, w).Alerts) != 2 {
		t.Errorf("dispatched %+v, the incident has %d alerts", d, len(latest(t, w).Alerts))
	}
}

func TestAResolvedAlertIsNotedOnceAndChangesNothingElse(t *testing.T) {
	w := newWorld(t, rules{})
	dispatched(t, w, many(w, 0, 2))
	resolved := many(w, 0, 1)
	resolved.Alerts[0].Status = "resolved"
	conflicts := 0
	w.Store.SetFaults(func(op string, _ []ledger.Op) memledger.Fault {
		if op == "write" && conflicts < 2 {
			conflicts++
			return memledger.Fault{Lost: ledger.ErrConflict}
		}
		return memledger.Fault{}
	})
	before := w.Store.Writes()
	for range 2 {
		if d := dispatched(t, w, resolved); d.Resolved != 1 || len(d.Opened) != 0 {
			t.Errorf("dispatched %+v", d)
		}
	}
	inc := latest(t, w)
	if !inc.Alerts[0].ResolvedAt.Equal(w.Now()) || !inc.Alerts[1].ResolvedAt.IsZero() || inc.End != "" || inc.Step != ledger.StepConfirm || w.Store.Writes()-before != 1 {
		t.Errorf("the incident is %+v after %d writes", inc, w.Store.Writes()-before)
	}
	if told := timeline(t, w, inc.ID); strings.Count(told, "alert ManyErrors is resolved") != 1 {
		t.Errorf("the timeline says\n%s", told)
	}
}

func TestAResolvedAlertOfNoIncidentOrThatItsIncidentDidNotKeepIsNothing(t *testing.T) {
	w := newWorld(t, rules{})
	dispatched(t, w, many(w, 0, 60))
	before := w.Store.Writes()
	for _, n := range []int{59, 1000} {
		m := many(w, n, 1)
		m.Alerts[0].Status = "resolved"
		if d := dispatched(t, w, m); d.Resolved != 1 || w.Store.Writes() != before {
			t.Errorf("alert %d: %+v, %d writes", n, d, w.Store.Writes()-before)
		}
	}
}

func TestWhatTheLedgerCannotTellStopsADispatchBeforeItDecides(t *testing.T) {
	firing := func(w *scenario.World) alertmanager.Message { return many(w, 5, 1) }
	resolved := func(w *scenario.World) alertmanager.Message {
		m := many(w, 0, 1)
		m.Alerts[0].Status = "resolved"
		return m
	}
	for name, message := range map[string]func(w *scenario.World) alertmanager.Message{"firing": firing, "resolved": resolved} {
		for n := range 4 {
			w := newWorld(t, rules{})
			dispatched(t, w, many(w, 0, 1))
			reads, before := 0, w.Store.Writes()
			w.Store.SetFaults(func(op string, _ []ledger.Op) memledger.Fault {
				if op == "get" {
					reads++
				}
				if op == "get" && reads-1 == n {
					return memledger.Fault{Lost: memledger.ErrInjected}
				}
				return memledger.Fault{}
			})
			_, err := w.Flow.Dispatch(t.Context(), message(w))
			if failed := reads > n; failed && (!errors.Is(err, memledger.ErrInjected) || w.Store.Writes() != before) || !failed && err != nil {
				t.Errorf("%s, read %d of %d fails: %v, %d writes", name, n, reads, err, w.Store.Writes()-before)
			}
		}
	}
}

func TestAnAlertThatLosesEveryTimeIsToldSo(t *testing.T) {
	for name, status := range map[string]string{"joins": "firing", "is resolved": "resolved"} {
		w := newWorld(t, rules{})
		dispatched(t, w, many(w, 0, 1))
		m := many(w, map[string]int{"firing": 1, "resolved": 0}[status], 1)
		m.Alerts[0].Status = status
		tries := 0
		w.Store.SetFaults(func(op string, _ []ledger.Op) memledger.Fault {
			if op != "write" {
				return memledger.Fault{}
			}
			tries++
			return memledger.Fault{Lost: ledger.ErrConflict}
		})
		if d, err := w.Flow.Dispatch(t.Context(), m); !errors.Is(err, ledger.ErrConflict) || tries != 8 || d.Joined != 0 {
			t.Errorf("an alert that %s: %+v, %v after %d tries", name, d, err, tries)
		}
	}
}
