package dispatch_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cinegit/guardian/internal/adapter/memledger"
	"github.com/cinegit/guardian/internal/dispatch"
	"github.com/cinegit/guardian/internal/intake"
	"github.com/cinegit/guardian/internal/ledger"
	"github.com/cinegit/guardian/internal/policy"
	"github.com/cinegit/guardian/internal/remedy"
)

func noon() time.Time { return time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC) }

// desk is a dispatcher that notes what it does.
type desk struct {
	dispatch.Dispatcher
	store *memledger.Store

	mu      sync.Mutex
	did     []string
	fails   string // what cannot be done
	counted []remedy.Dispatched
}

func open(t *testing.T) *desk {
	t.Helper()
	p, err := policy.Parse("guardian.yaml", []byte(`apiVersion: guardian/v1
mode: act
connections:
  argocd: {server: argocd.example.org, token: env:TOKEN}
  prometheus: {url: http://prometheus.example.org}
gates: {errors: {query: up, failureCondition: result > 0.5}}
services:
  review: {gates: [errors], stages: [{name: dev, application: review-dev}, {name: prod, application: team/review}]}
  rating: {gates: [errors], stages: [{name: prod, application: rating}]}
  search: {gates: [errors], stages: [{name: prod, application: other/rating}]}
rules:
  - match: '{alertname="Bad"}'
    target: {service: label service, stage: label env}
    remedies: [revert]
`))
	must(t, err)
	d := &desk{store: memledger.New()}
	d.Dispatcher = dispatch.Dispatcher{
		Flow: &remedy.Flow{
			Policy: func() *policy.Policy { return p }, Ledger: &ledger.Ledger{Store: d.store}, Now: noon, Log: slog.New(slog.DiscardHandler),
		},
		Start: func(_ context.Context, id string) error { return d.does("start " + id[:strings.LastIndex(id, "-")]) },
		Look:  func(_ context.Context, target ledger.Target) error { return d.does("look " + target.String()) },
		Wake:  func(incident string) { _ = d.does("wake " + incident) },
		Count: func(done remedy.Dispatched) { d.counted = append(d.counted, done) },
	}
	return d
}

func (d *desk) does(what string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.did = append(d.did, what)
	if what == d.fails {
		return errors.New("throttled")
	}
	return nil
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func envelope(t *testing.T, kind intake.Kind, body string) []byte {
	t.Helper()
	raw, err := json.Marshal(intake.Envelope{Kind: kind, ReceivedAt: noon(), Body: []byte(body)})
	must(t, err)
	return raw
}

// alerts is a message of firing alerts, one for each service/stage.
func alerts(t *testing.T, targets ...string) []byte {
	t.Helper()
	var all []string
	for _, target := range targets {
		service, stage, _ := strings.Cut(target, "/")
		all = append(all, fmt.Sprintf(`{"status":"firing","labels":{"alertname":"Bad","service":%q,"env":%q},"startsAt":"2026-11-23T11:59:00Z"}`, service, stage))
	}
	return envelope(t, intake.Alerts, fmt.Sprintf(`{"version":"4","groupKey":"g","alerts":[%s]}`, strings.Join(all, ",")))
}

func TestWhatCanNeverBeHandledSaysSoAndDoesNothing(t *testing.T) {
	for name, body := range map[string][]byte{
		"nothing":                       nil,
		"no JSON":                       []byte("FIRING"),
		"a list":                        []byte(`[]`),
		"a body that is not base64":     []byte(`{"kind":"alertmanager","body":"{}"}`),
		"an envelope nested too deep":   []byte(strings.Repeat("[", 100_000)),
		"no kind":                       []byte(`{}`),
		"an unknown kind":               envelope(t, "morse", "..."),
		"a very long kind":              envelope(t, intake.Kind(strings.Repeat("x", 10_000)), "{}"),
		"alerts of no version":          envelope(t, intake.Alerts, `{}`),
		"alerts nested too deep":        envelope(t, intake.Alerts, strings.Repeat(`{"alerts":`, 50_000)),
		"an empty list":                 envelope(t, intake.AlertList, `[]`),
		"a notification without a name": envelope(t, intake.ArgoCD, `{}`),
		"an empty notification":         envelope(t, intake.ArgoCD, ""),
	} {
		d := open(t)
		err := d.Handle(t.Context(), body)
		if !errors.Is(err, dispatch.ErrUnprocessable) || len(err.Error()) > 300 {
			t.Errorf("%s: %.400v", name, err)
		}
		if len(d.did) != 0 || len(d.counted) != 0 || d.store.Writes() != 0 {
			t.Errorf("%s: did %v, counted %v, wrote %d times", name, d.did, d.counted, d.store.Writes())
		}
	}
}

func TestEveryIncidentThatAlertsOpenIsStartedOnceAndTheSameMessageAgainChangesNothing(t *testing.T) {
	d := open(t)
	m := alerts(t, "review/prod", "rating/prod", "nobody/prod")
	must(t, d.Handle(t.Context(), m))
	must(t, d.Handle(t.Context(), m))
	if diff := cmp.Diff([]string{"start review-prod", "start rating-prod"}, d.did); diff != "" {
		t.Error(diff)
	}
	if len(d.counted) != 2 || len(d.counted[0].Opened) != 2 || d.counted[0].Ignored["unknown target"] != 1 || len(d.counted[1].Opened) != 0 || d.counted[1].Duplicates != 2 {
		t.Errorf("counted %+v", d.counted)
	}
}

func TestAnIncidentThatCannotBeStartedHoldsUpNoOtherAndIsCounted(t *testing.T) {
	d := open(t)
	d.fails = "start review-prod"
	m := alerts(t, "review/prod", "rating/prod")
	err := d.Handle(t.Context(), m)
	if err == nil || errors.Is(err, dispatch.ErrUnprocessable) {
		t.Errorf("got %v", err)
	}
	if diff := cmp.Diff([]string{"start review-prod", "start rating-prod"}, d.did); diff != "" || len(d.counted) != 1 || len(d.counted[0].Opened) != 2 {
		t.Errorf("counted %+v, %s", d.counted, diff)
	}
	must(t, d.Handle(t.Context(), m)) // upkeep starts it
}

func TestAlertsWhoseWriteIsLostOrLandedUnseenAreInTheLedgerAfterTheSecondTime(t *testing.T) {
	for _, how := range []memledger.How{memledger.Lost, memledger.Landed} {
		for n := range 2 {
			d := open(t)
			d.store.SetFaults(memledger.FailWrite(n, how))
			m := alerts(t, "review/prod", "rating/prod")
			if err := d.Handle(t.Context(), m); !errors.Is(err, memledger.ErrInjected) || errors.Is(err, dispatch.ErrUnprocessable) {
				t.Errorf("write %d (landed: %t): %v", n, how, err)
			}
			must(t, d.Handle(t.Context(), m))
			open, err := d.Flow.Ledger.OpenIncidents(t.Context())
			if err != nil || len(open) != 2 {
				t.Errorf("write %d (landed: %t): %d incidents, %v", n, how, len(open), err)
			}
		}
	}
}

func TestTheSameAlertsHandledByManyAtOnceOpenOneIncident(t *testing.T) {
	d := open(t)
	var all sync.WaitGroup
	m := alerts(t, "review/prod")
	failed := make([]error, 8)
	d.Count = func(remedy.Dispatched) {}
	for i := range failed {
		all.Go(func() { failed[i] = d.Handle(t.Context(), m) })
	}
	all.Wait()
	must(t, errors.Join(failed...))
	if diff := cmp.Diff([]string{"start review-prod"}, d.did); diff != "" {
		t.Error(diff)
	}
}

func TestAnAlertOfAListIsOverAsOfWhenItCameAndNotOfWhenItIsHandled(t *testing.T) {
	for ends, opened := range map[string]int{"2026-11-23T12:00:01Z": 1, "2026-11-23T12:00:00Z": 0} {
		d := open(t)
		d.Flow.Now = func() time.Time { return noon().Add(time.Minute) } // it waited in the queue
		must(t, d.Handle(t.Context(), envelope(t, intake.AlertList,
			fmt.Sprintf(`[{"labels":{"alertname":"Bad","service":"review","env":"prod"},"startsAt":"2026-11-23T11:59:00Z","endsAt":%q}]`, ends))))
		if len(d.did) != opened || d.counted[0].Resolved != 1-opened {
			t.Errorf("an end at %s: did %v, counted %+v", ends, d.did, d.counted)
		}
	}
}

func TestANotificationIsALookAtEveryTargetThatItConcerns(t *testing.T) {
	for body, want := range map[string][]string{
		`{"app":"review"}`:                       {"look review/prod"},
		`{"app":"review","namespace":"team"}`:    {"look review/prod"},
		`{"app":"review","namespace":"other"}`:   nil,
		`{"app":"rating"}`:                       {"look rating/prod", "look search/prod"},
		`{"app":"rating","namespace":"argocd"}`:  {"look rating/prod"},
		`{"app":"rating","namespace":"other"}`:   {"look rating/prod", "look search/prod"},
		`{"app":"review-dev","namespace":"any"}`: {"look review/dev"},
		`{"app":"unknown"}`:                      nil,
	} {
		d := open(t)
		must(t, d.Handle(t.Context(), envelope(t, intake.ArgoCD, body)))
		if diff := cmp.Diff(want, d.did); diff != "" {
			t.Errorf("%s: %s", body, diff)
		}
	}
}

func TestALookWakesTheIncidentThatWaitsThereAlsoWhenItFails(t *testing.T) {
	for _, fails := range []string{"", "look rating/prod"} {
		d := open(t)
		d.fails = fails
		_, err := d.Flow.Ledger.Hold(t.Context(), ledger.Target{Service: "rating", Stage: "prod"}, "rating-1", noon(), time.Hour)
		must(t, err)
		if err := d.Handle(t.Context(), envelope(t, intake.ArgoCD, `{"app":"rating"}`)); err != nil {
			t.Errorf("%q: it has done what it can: %v", fails, err)
		}
		if diff := cmp.Diff([]string{"look rating/prod", "wake rating-1", "look search/prod"}, d.did); diff != "" {
			t.Errorf("%q: %s", fails, diff)
		}
	}
}

func TestNobodyIsWokenWhereNobodyWaitsOrWakingIsNotKnown(t *testing.T) {
	target := ledger.Target{Service: "review", Stage: "dev"}
	free := open(t)
	lease, err := free.Flow.Ledger.Hold(t.Context(), target, "review-1", noon(), time.Hour)
	must(t, err)
	op, err := lease.FreeOp()
	must(t, err)
	must(t, free.Flow.Ledger.Write(t.Context(), op))
	unread := open(t)
	unread.store.SetFaults(func(op string, _ []ledger.Op) memledger.Fault {
		return memledger.Fault{Lost: map[string]error{"get": memledger.ErrInjected}[op]}
	})
	deaf := open(t)
	deaf.Wake = nil
	_, err = deaf.Flow.Ledger.Hold(t.Context(), target, "review-1", noon(), time.Hour)
	must(t, err)
	for name, d := range map[string]*desk{"a lease that is free": free, "a lease that cannot be read": unread, "no way to wake": deaf} {
		if err := d.Handle(t.Context(), envelope(t, intake.ArgoCD, `{"app":"review-dev"}`)); err != nil || !slices.Equal(d.did, []string{"look review/dev"}) {
			t.Errorf("%s: did %v, %v", name, d.did, err)
		}
	}
}
