package remedy_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/cinegit/guardian/internal/deploy"
	"github.com/cinegit/guardian/internal/flag"
	"github.com/cinegit/guardian/internal/ledger"
	"github.com/cinegit/guardian/internal/policy"
	"github.com/cinegit/guardian/internal/remedy"
	"github.com/cinegit/guardian/internal/remedy/remedytest"
	"github.com/cinegit/guardian/internal/sandbox/scenario"
)

// broken gives a world with a bad release whose alert has just come.
func broken(t *testing.T, r rules, app remedytest.App) *scenario.World {
	t.Helper()
	w := newWorld(t, r, app)
	baked(t, w, app)
	fire(w)
	return w
}

// landed checks Guardian's changes that took effect in Argo CD.
func landed(t *testing.T, w *scenario.World, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, w.Argo.Landed(), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("other changes landed (-want +got):\n%s", diff)
	}
}

func TestEveryEffectIsDecidedInTheLedgerBeforeItIsMade(t *testing.T) {
	for name, s := range tales(t) {
		t.Run(name, func(t *testing.T) {
			var undecided []string
			_, w := s.play(t, func(w *scenario.World) {
				w.Argo.OnCall(func(method string) {
					kind := map[string]ledger.EffectKind{"rollback": ledger.EffectRollback, "terminate": ledger.EffectTerminate}[method]
					if method == "get" || method == "windows" {
						return
					}
					inc := latest(t, w)
					if len(inc.Effects) == 0 || kind != "" && inc.Effects[len(inc.Effects)-1].Kind != kind {
						undecided = append(undecided, method)
					}
				})
			})
			if len(undecided) > 0 {
				t.Errorf("%v came before their decision", undecided)
			}
			for _, e := range latest(t, w).Effects {
				if e.DecidedAt.IsZero() || len(e.Before) == 0 && !e.Refused {
					t.Errorf("effect %s has no decision or no before-image: %+v", e.Kind, e)
				}
			}
		})
	}
}

func TestObserveAndSuggestShowWhatActCarriesOut(t *testing.T) {
	plans := map[policy.Mode][]ledger.Remedy{}
	for _, mode := range []policy.Mode{policy.Act, policy.Suggest, policy.Observe} {
		w := newWorld(t, rules{mode: string(mode)})
		baked(t, w, app())
		must(t, w.Flags.Set("new-ranking", "on"))
		w.Until(t.Context(), minutes(9.5))
		fire(w)
		w.Until(t.Context(), minutes(10.5))
		events, err := w.Ledger.Events(t.Context(), latest(t, w).ID, -1)
		must(t, err)
		for _, e := range events {
			if len(e.Plan) > 0 && plans[mode] == nil {
				plans[mode] = e.Plan
			}
		}
		if mode != policy.Act && len(w.Argo.Landed())+w.Flags.Kills > 0 {
			t.Errorf("%s made an effect: %v", mode, w.Argo.Landed())
		}
	}
	plans[policy.Suggest][0].Ask = "" // that it asks is all that suggest adds
	for _, mode := range []policy.Mode{policy.Suggest, policy.Observe} {
		if diff := cmp.Diff(plans[policy.Act], plans[mode]); diff != "" || len(plans[mode]) != 2 {
			t.Errorf("%s shows another plan than act carries out:\n%s", mode, diff)
		}
	}
}

func TestAStricterServiceStageOrRuleHoldsGuardianBack(t *testing.T) {
	for name, r := range map[string]rules{
		"service": {service: "    mode: observe\n"},
		"rule":    {mute: "    mode: observe\n"},
	} {
		t.Run(name, func(t *testing.T) {
			w := broken(t, r, app())
			w.Until(t.Context(), minutes(12))
			wantEnd(t, w, ledger.StoodDown, "only observing; would have: revert release v42 to v41 (history id 0)")
			landed(t, w)
		})
	}
}

func TestAForgedAlertLeadsToNothing(t *testing.T) {
	w := newWorld(t, rules{})
	baked(t, w, app())
	w.Metrics.Breaks["v42"] = 0
	fire(w)
	w.Until(t.Context(), minutes(12))
	wantEnd(t, w, ledger.StoodDown, "the metrics say it is not bad now: errors: 0.001 does not meet the failureCondition")
	landed(t, w)
	if messages, err := w.Ledger.Outbox(t.Context()); err != nil || len(messages) != 0 {
		t.Errorf("a false alert bothers people: %v %v", messages, err)
	}
}

func TestWithoutAnAnswerFromTheMetricsNothingIsDoneAndPeopleAreTold(t *testing.T) {
	for name, silence := range map[string]func(m *scenario.Metrics){
		"Prometheus is down":      func(m *scenario.Metrics) { m.Down = true },
		"the query finds nothing": func(m *scenario.Metrics) { m.Silent = true },
	} {
		t.Run(name, func(t *testing.T) {
			w := broken(t, rules{}, app())
			silence(w.Metrics)
			w.Until(t.Context(), minutes(20))
			if inc := latest(t, w); inc.Step != ledger.StepConfirm {
				t.Errorf("it stands at %s", inc.Step)
			}
			w.Until(t.Context(), minutes(40))
			wantEnd(t, w, ledger.FailedClean, "the metrics gave no answer while the alert was young (20m)")
			landed(t, w)
			messages, err := w.Ledger.Outbox(t.Context())
			must(t, err)
			if len(messages) != 2 || messages[1].Urgency != policy.Page || !strings.Contains(messages[1].Title, "held") {
				t.Errorf("told %+v", messages)
			}
		})
	}
}

func TestAMetricsOutageDuringVerificationIsNeitherHealedNorAReasonForTheNextRemedy(t *testing.T) {
	w := broken(t, rules{}, app())
	w.Until(t.Context(), minutes(8)+10*time.Second)
	w.Metrics.Down = true
	w.Until(t.Context(), minutes(20))
	if inc := latest(t, w); inc.Step != ledger.StepVerify {
		t.Fatalf("it stands at %s: %s", inc.Step, inc.Reason)
	}
	w.Metrics.Down = false
	w.Until(t.Context(), minutes(22))
	wantEnd(t, w, ledger.Healed, "revert release v42")
	landed(t, w, "rollback review-prod 0")
}

func TestAVerificationThatNeverGetsAnAnswerEndsDirty(t *testing.T) {
	w := broken(t, rules{}, app())
	w.Until(t.Context(), minutes(8)+10*time.Second)
	w.Metrics.Down = true
	w.Until(t.Context(), minutes(60))
	wantEnd(t, w, ledger.FailedDirty, "whether that helped could not be measured")
}

func TestNothingChangedMeansNoRemedy(t *testing.T) {
	w := newWorld(t, rules{limits: "blameWindow: 1m"})
	baked(t, w, app())
	fire(w)
	w.Until(t.Context(), minutes(12))
	wantEnd(t, w, ledger.FailedClean, "nothing changed in the 1m0s before the alert began")
	landed(t, w)
}

func TestArgoCDThatIsDownTooLongEndsCleanAndSaysSo(t *testing.T) {
	w := broken(t, rules{}, app())
	w.Argo.Down(true)
	w.Until(t.Context(), minutes(40))
	wantEnd(t, w, ledger.FailedClean, "Argo CD could not be read: connection refused: "+deploy.ErrUnavailable.Error())
	landed(t, w)
}

func TestAServiceThatTheReloadedPolicyLostIsLeftAlone(t *testing.T) {
	w := broken(t, rules{mode: "suggest"}, app())
	w.Until(t.Context(), minutes(8.1))
	gone := rules{services: another("orders")}.policy(t)
	delete(gone.Services, "review")
	w.SetPolicy(gone)
	_ = w.Answer(t.Context(), latest(t, w).ID, ledger.Approval{Granted: true, By: "alice", At: w.Now()})
	w.Until(t.Context(), minutes(30))
	if inc := latest(t, w); inc.End != ledger.FailedClean {
		t.Errorf("it ended %s: %s", inc.End, inc.Reason)
	}
	landed(t, w)
}

func TestAStepThatFailsForGoodEndsTheIncidentAndPages(t *testing.T) {
	w := broken(t, rules{}, app())
	w.Until(t.Context(), minutes(8)+2*time.Second)
	answer, err := w.Flow.Handle(t.Context(), remedy.Task{ID: latest(t, w).ID, Step: remedy.StepGiveUp, Error: []byte(`{"Error":"States.Timeout","Cause":"secret"}`)})
	must(t, err)
	if answer.End != ledger.FailedDirty {
		t.Errorf("it ends %s although the rollback stands", answer.End)
	}
	inc := wantEnd(t, w, ledger.FailedDirty, "failed for good (States.Timeout); see Guardian's log")
	if strings.Contains(timeline(t, w, inc.ID), "secret") {
		t.Error("the cause stands in the timeline")
	}
}

func TestAnUnknownIncidentAndAnUnknownStepAreErrors(t *testing.T) {
	w := broken(t, rules{}, app())
	if _, err := w.Flow.Handle(t.Context(), remedy.Task{ID: "none", Step: ledger.StepConfirm}); !errors.Is(err, ledger.ErrNotFound) {
		t.Errorf("got %v", err)
	}
	w.Until(t.Context(), minutes(8))
	answer, err := w.Flow.Handle(t.Context(), remedy.Task{ID: latest(t, w).ID, Step: "dance"})
	if err != nil || answer.Next == "dance" {
		t.Errorf("got %+v, %v", answer, err)
	}
}

func TestAStepThatIsRunAgainAfterTheEndAnswersTheEnd(t *testing.T) {
	w := broken(t, rules{}, app())
	w.Until(t.Context(), minutes(12))
	id := wantEnd(t, w, ledger.Healed, "").ID
	before := w.Store.Writes()
	for _, step := range []ledger.Step{ledger.StepConfirm, ledger.StepBlame, ledger.StepAct, ledger.StepVerify, remedy.StepGiveUp} {
		answer, err := w.Flow.Handle(t.Context(), remedy.Task{ID: id, Step: step})
		if err != nil || answer.End != ledger.Healed {
			t.Errorf("%s answers %+v, %v", step, answer, err)
		}
	}
	if w.Store.Writes() != before {
		t.Error("the ledger was written")
	}
	landed(t, w, "rollback review-prod 0")
}

func TestPruningIsAsThePolicySays(t *testing.T) {
	w := broken(t, rules{service: "    prune: true\n"}, app())
	w.Until(t.Context(), minutes(12))
	landed(t, w, "rollback review-prod 0 prune")
}

func TestAnotherNamespaceAndProjectAreSentWithEveryCall(t *testing.T) {
	r := rules{services: "  orders:\n    gates: [errors]\n    stages: [{name: prod, application: team-a/orders, project: shop, bake: 3m}]\n", limits: "share: 100%"}
	there := remedytest.App{Name: "team-a/orders", Project: "shop"}
	w := newWorld(t, r, there)
	baked(t, w, there)
	w.Receive(scenario.Alert("ManyErrors", "orders", "prod", w.Now(), "firing"))
	w.Until(t.Context(), minutes(12))
	wantEnd(t, w, ledger.Healed, "revert release v42")
	landed(t, w, "rollback team-a/orders 0")
}

func TestARightThatIsMissingInTheMiddleLeavesAnUndoBehind(t *testing.T) {
	there := remedytest.App{Name: "review-prod", AutoSync: true}
	w := broken(t, rules{}, there)
	must(t, w.Argo.Set(there, "deny", "sync"))
	w.Until(t.Context(), minutes(12))
	inc := wantEnd(t, w, ledger.FailedDirty, "permission denied")
	must(t, w.Argo.Set(there, "deny", ""))
	_, err := w.Flow.Undo(t.Context(), inc.ID, "alice", "")
	must(t, err)
	got, err := w.Argo.Application(context.Background(), deploy.Ref{Name: "review-prod"})
	must(t, err)
	if got.AutoSync == nil {
		t.Error("auto-sync is still off")
	}
}

func TestARemedyDoesNotTakeTheEffectOfTheOneBeforeForItsOwn(t *testing.T) {
	p := *rules{}.policy(t)
	s := p.Services["review"]
	s.Flags = map[string]policy.Flag{"new-ranking": {Safe: "off"}, "cache": {Safe: "off"}}
	p.Services = map[string]policy.Service{"review": s}
	w, err := scenario.New(t.TempDir(), &p, slog.New(slog.DiscardHandler))
	must(t, err)
	w.Argo.Ship(app(), "v41", "ci")
	w.Until(t.Context(), minutes(6))
	w.Metrics.Breaks["cache=on"] = 0.3
	must(t, w.Flags.Set("cache", "on"))
	w.Until(t.Context(), minutes(7))
	must(t, w.Flags.Set("new-ranking", "on"))
	w.Until(t.Context(), minutes(8.2))
	w.Flags.Fails = slicesOf(500, flag.ErrUnavailable)
	fire(w)
	for at := minutes(8.2); at < minutes(20); at += time.Second {
		w.Until(t.Context(), at)
		if inc := latest(t, w); len(inc.Plan) > 0 && inc.Plan[0].Outcome != "" {
			w.Flags.Fails = nil // the first was given up, and nobody knows whether it landed
		}
	}
	inc := wantEnd(t, w, ledger.Healed, "put flag cache to its safe variant off")
	if len(inc.Effects) != 2 || inc.Effects[0].Refused || !inc.Effects[0].DoneAt.IsZero() {
		t.Fatalf("effects are %+v", inc.Effects)
	}
	before, err := inc.Effects[1].FlagBefore()
	if err != nil || before.Key != "cache" || before.Serving != "on" {
		t.Errorf("the second's before-image is of %s serving %s, %v", before.Key, before.Serving, err)
	}
}

func TestALookIsTakenOncePerIntervalHoweverOftenTheStepIsRun(t *testing.T) {
	w := broken(t, rules{}, app())
	w.Until(t.Context(), minutes(8)+10*time.Second)
	inc := latest(t, w)
	if inc.Step != ledger.StepVerify {
		t.Fatalf("it stands at %s", inc.Step)
	}
	for range 5 {
		answer, err := w.Flow.Handle(t.Context(), remedy.Task{ID: inc.ID, Step: ledger.StepVerify})
		if err != nil || answer.Next != ledger.StepVerify || answer.Wait < 1 || answer.Wait > 15 {
			t.Errorf("answered %+v, %v", answer, err)
		}
	}
	if looks := latest(t, w).Judgement.Looks; looks != inc.Judgement.Looks {
		t.Errorf("%d looks became %d", inc.Judgement.Looks, looks)
	}
}

func TestAFlagThatAPersonChangesBetweenDecisionAndEffectIsNotOverwritten(t *testing.T) {
	w := badFlag(t, rules{})
	w.Flags.Fails = []error{flag.ErrUnavailable}
	w.Until(t.Context(), minutes(8.2)+time.Second)
	must(t, w.Flags.Set("new-ranking", "half"))
	w.Until(t.Context(), minutes(12))
	inc := wantEnd(t, w, ledger.FailedClean, "somebody changed the flag at the same moment")
	if !inc.Effects[0].Refused {
		t.Errorf("the effect is %+v", inc.Effects[0])
	}
	if got, err := w.Flags.Serving(t.Context(), "new-ranking"); err != nil || got != "half" {
		t.Errorf("it serves %s, %v", got, err)
	}
}

func TestAStepThatSleptThroughItsLeaseMayNotGoOn(t *testing.T) {
	w := broken(t, rules{}, app())
	w.Until(t.Context(), minutes(8)+time.Second)
	inc := latest(t, w)
	_, err := w.Ledger.Hold(t.Context(), review(), "another", w.Now().Add(2*time.Hour), time.Hour)
	must(t, err)
	if _, err := w.Flow.Handle(t.Context(), remedy.Task{ID: inc.ID, Step: inc.Step}); !errors.Is(err, ledger.ErrHeld) {
		t.Errorf("got %v", err)
	}
}
