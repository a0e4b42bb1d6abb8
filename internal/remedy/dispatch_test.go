package remedy_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/alertmanager/template"
	"pgregory.net/rapid"

	"github.com/cinegit/guardian/events/alertmanager"
	"github.com/cinegit/guardian/internal/adapter/memledger"
	"github.com/cinegit/guardian/internal/ledger"
	"github.com/cinegit/guardian/internal/remedy"
	"github.com/cinegit/guardian/internal/remedy/remedytest"
	"github.com/cinegit/guardian/internal/sandbox/scenario"
)

func incidents(t *testing.T, w *scenario.World) []ledger.Incident {
	t.Helper()
	all, err := w.Ledger.Incidents(t.Context(), 0)
	must(t, err)
	return all
}

func TestTheSameWebhookAgainChangesNothing(t *testing.T) {
	w := newWorld(t, rules{})
	baked(t, w, app())
	m := scenario.Alert("ManyErrors", "review", "prod", w.Now(), "firing")
	first, err := w.Flow.Dispatch(t.Context(), m)
	must(t, err)
	writes := w.Store.Writes()
	again, err := w.Flow.Dispatch(t.Context(), m)
	must(t, err)
	if len(first.Opened) != 1 || len(again.Opened) != 0 || again.Duplicates != 1 || w.Store.Writes() != writes {
		t.Errorf("first %+v, again %+v, %d writes more", first, again, w.Store.Writes()-writes)
	}
}

func TestFiringAndResolvedInOneMessageAreTakenEachByItsOwnStatus(t *testing.T) {
	w := newWorld(t, rules{})
	baked(t, w, app())
	m := scenario.Alert("ManyErrors", "review", "prod", w.Now(), "resolved")
	m.Status = "firing" // the group's, as another alert of it fires
	d, err := w.Flow.Dispatch(t.Context(), m)
	must(t, err)
	if d.Resolved != 1 || len(d.Opened) != 0 {
		t.Errorf("dispatched %+v", d)
	}
}

func TestTheSameAlertFiringAnewIsAnotherEpisode(t *testing.T) {
	w := broken(t, rules{limits: "cooldown: 1m"}, app())
	w.Until(t.Context(), minutes(10))
	fire(w) // the same labels, and so the same fingerprint, with another start
	w.Until(t.Context(), minutes(12))
	if all := incidents(t, w); len(all) != 2 || all[0].End != ledger.StoodDown {
		t.Errorf("%d incidents, the newest %s", len(all), all[0].End)
	}
}

func TestAlertsThatMaxAlertsCutOffAreToldOf(t *testing.T) {
	w := newWorld(t, rules{})
	d, err := w.Flow.Dispatch(t.Context(), alertmanager.Message{TruncatedAlerts: 12})
	must(t, err)
	ignored, err := w.Ledger.Ignored(t.Context(), 10)
	must(t, err)
	if d.Ignored["truncated"] != 12 || len(ignored) != 1 || !strings.Contains(ignored[0].Text, "12 alerts were cut off by the receiver's max_alerts") {
		t.Errorf("dispatched %+v, ignored %+v", d, ignored)
	}
}

func TestOneMessageOfManyTargetsOpensOneIncidentEach(t *testing.T) {
	names := []string{"a", "b", "c", "d", "e"}
	w := newWorld(t, rules{services: another(names...)})
	var m alertmanager.Message
	for i := range 300 { // five targets, sixty alerts each
		m.Alerts = append(m.Alerts, scenario.Alert(fmt.Sprintf("Slow%d", i/5), names[i%5], "prod", w.Now(), "firing").Alerts[0])
		m.Alerts[i].Labels["alertname"] = "Slow"
	}
	d, err := w.Flow.Dispatch(t.Context(), m)
	must(t, err)
	if len(d.Opened) != 5 || d.Joined+d.Duplicates != 0 {
		t.Errorf("opened %v, joined %d", d.Opened, d.Joined)
	}
	again, err := w.Flow.Dispatch(t.Context(), m)
	must(t, err)
	if len(again.Opened)+again.Joined != 0 || again.Duplicates != 300 {
		t.Errorf("again it opened %v and joined %d", again.Opened, again.Joined)
	}
}

func TestTwoAlertmanagersAtTheSameMomentOpenOneIncident(t *testing.T) {
	w := newWorld(t, rules{})
	baked(t, w, app())
	m := scenario.Alert("ManyErrors", "review", "prod", w.Now(), "firing")
	inner := false
	w.Store.SetFaults(func(op string, _ []ledger.Op) memledger.Fault {
		if op == "write" && !inner {
			inner = true // the other one's message is dispatched whole before this one's first write
			_, err := w.Flow.Dispatch(t.Context(), m)
			must(t, err)
		}
		return memledger.Fault{}
	})
	d, err := w.Flow.Dispatch(t.Context(), m)
	must(t, err)
	all := incidents(t, w)
	if len(all) != 1 || len(all[0].Alerts) != 1 || len(d.Opened) != 0 {
		t.Errorf("%d incidents with %d alerts; the second opened %v", len(all), len(all[0].Alerts), d.Opened)
	}
}

// However webhooks are repeated and mixed up, there is one remediation of one episode.
func TestDuplicatesAndReorderingsLeadToOneRemediation(t *testing.T) {
	p := rules{}.policy(t)
	rapid.Check(t, func(rt *rapid.T) {
		w := worldOf(t, p)
		baked(t, w, app())
		w.Shuffle = func(n int) int { return rapid.IntRange(0, n-1).Draw(rt, "first") }
		since := w.Now()
		for range rapid.IntRange(1, 12).Draw(rt, "messages") {
			status := rapid.SampledFrom([]string{"firing", "firing", "resolved"}).Draw(rt, "status")
			m := scenario.Alert("ManyErrors", "review", "prod", since, status)
			if rapid.Bool().Draw(rt, "both") {
				m.Alerts = append(m.Alerts, scenario.Alert("Slow", "review", "prod", since, "firing").Alerts[0])
			}
			w.At(minutes(8)+time.Duration(rapid.IntRange(0, 90).Draw(rt, "second"))*time.Second, func(context.Context) { w.Receive(m) })
		}
		w.Until(t.Context(), minutes(16))
		all := incidents(t, w)
		acted := slices.DeleteFunc(slices.Clone(all), func(i ledger.Incident) bool { return !i.Acted() })
		if len(all) > 0 && len(acted) != 1 || len(w.Argo.Landed()) != len(acted) {
			rt.Fatalf("%d incidents of which %d acted: %v", len(all), len(acted), w.Argo.Landed())
		}
		for _, inc := range all {
			if inc.End == "" || inc.End == ledger.FailedDirty {
				rt.Fatalf("%s ended %q", inc.ID, inc.End)
			}
		}
	})
}

func TestOfTwoIncidentsThatSeeOneSlotLeftOnlyOneGetsIt(t *testing.T) {
	orders := remedytest.App{Name: "orders-prod"}
	r := rules{services: another("orders"), limits: "fleet: 1 in 15m, share: 100%"}
	w := newWorld(t, r, app(), orders)
	w.Argo.Ship(orders, "v41", "ci")
	baked(t, w, app())
	w.Argo.Ship(orders, "v42", "ci")
	w.Until(t.Context(), minutes(9.5))
	var ids []string
	for _, service := range []string{"review", "orders"} {
		d, err := w.Flow.Dispatch(t.Context(), scenario.Alert("ManyErrors", service, "prod", w.Now(), "firing"))
		must(t, err)
		ids = append(ids, d.Opened...)
	}
	for _, id := range ids { // both stand before their first effect
		w.Flow.Handle(t.Context(), remedy.Task{ID: id, Step: ledger.StepConfirm})
		w.Flow.Handle(t.Context(), remedy.Task{ID: id, Step: ledger.StepBlame})
		if a, err := w.Flow.Handle(t.Context(), remedy.Task{ID: id, Step: ledger.StepChoose}); err != nil || a.Next != ledger.StepAct {
			t.Fatalf("%s goes to %+v, %v", id, a, err)
		}
	}
	raced := false
	w.Argo.OnCall(func(method string) {
		if method == "get" && !raced {
			raced = true // the first has asked the limits; now the second acts, whole
			_, err := w.Flow.Handle(t.Context(), remedy.Task{ID: ids[1], Step: ledger.StepAct})
			must(t, err)
		}
	})
	if _, err := w.Flow.Handle(t.Context(), remedy.Task{ID: ids[0], Step: ledger.StepAct}); err == nil {
		t.Error("the first one acts too")
	}
	landed(t, w, "rollback orders-prod 0")
	a, err := w.Flow.Handle(t.Context(), remedy.Task{ID: ids[0], Step: ledger.StepAct})
	if err != nil || a.Next != remedy.StepLook {
		t.Errorf("run again it goes to %+v, %v", a, err)
	}
	landed(t, w, "rollback orders-prod 0")
}

func TestAStormOverManyTargetsRemediesEachOnceWithinTheLimits(t *testing.T) {
	names := []string{"a", "b", "c", "d", "e", "f"}
	p := rules{services: another(names...), limits: "fleet: 4 in 15m, share: 100%"}.policy(t)
	for seed := range uint64(20) {
		w := worldOf(t, p)
		for _, release := range []string{"v41", "v42"} {
			for _, name := range names {
				w.Argo.Ship(remedytest.App{Name: name + "-prod"}, release, "ci")
			}
			w.Until(t.Context(), minutes(4))
		}
		w.Metrics.Breaks["v42"] = 0.2
		w.Until(t.Context(), minutes(5))
		w.Shuffle = rand.New(rand.NewPCG(seed, seed)).IntN
		for range 2 {
			for _, name := range names {
				w.Receive(scenario.Alert("ManyErrors", name, "prod", w.Now(), "firing"))
			}
		}
		w.Until(t.Context(), minutes(9))
		rolled := w.Argo.Landed()
		slices.Sort(rolled)
		if len(rolled) != 4 || len(slices.Compact(rolled)) != 4 {
			t.Errorf("seed %d: landed %v", seed, rolled)
		}
		for _, inc := range incidents(t, w) {
			if inc.End != ledger.Healed && inc.End != ledger.FailedClean {
				t.Errorf("seed %d: %s ended %q at %s", seed, inc.ID, inc.End, inc.Step)
			}
		}
	}
}

func TestHugeMessagesAreTakenInPieces(t *testing.T) {
	w := newWorld(t, rules{})
	baked(t, w, app())
	var m alertmanager.Message
	for i := range 1000 {
		a := scenario.Alert("ManyErrors", "review", "prod", w.Now(), "firing").Alerts[0]
		a.Fingerprint = fmt.Sprintf("%016x", i)
		m.Alerts = append(m.Alerts, a)
	}
	for i := range 500 {
		m.Alerts = append(m.Alerts, template.Alert{Status: "firing", StartsAt: w.Now(), Labels: template.KV{"x": fmt.Sprint(i)}, Fingerprint: fmt.Sprint(i)})
	}
	d, err := w.Flow.Dispatch(t.Context(), m)
	must(t, err)
	if len(d.Opened) != 1 || d.Ignored["no rule"] != 500 {
		t.Errorf("dispatched %+v", d)
	}
	if inc := latest(t, w); len(inc.Alerts) != 50 {
		t.Errorf("the incident keeps %d alerts", len(inc.Alerts))
	}
	again, err := w.Flow.Dispatch(t.Context(), m)
	must(t, err)
	if again.Duplicates != 1000 {
		t.Errorf("again: %+v", again)
	}
}

func TestAlertsWaitWhileAPersonsChangeIsAtWorkAndNoLonger(t *testing.T) {
	w := newWorld(t, rules{})
	baked(t, w, app())
	_, err := w.Ledger.Hold(t.Context(), review(), "undo review-prod-0", w.Now(), 5*time.Minute)
	must(t, err)
	m := scenario.Alert("ManyErrors", "review", "prod", w.Now(), "firing")
	if _, err := w.Flow.Dispatch(t.Context(), m); err == nil {
		t.Error("it was dispatched in the midst of an undo")
	}
	w.Until(t.Context(), minutes(14)) // the process died in the midst of it; its lease runs out
	d, err := w.Flow.Dispatch(t.Context(), m)
	if err != nil || len(d.Opened) != 1 {
		t.Errorf("dispatched %+v, %v", d, err)
	}
}
