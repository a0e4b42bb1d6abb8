package reconcile_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/cinegit/guardian/internal/deploy"
	"github.com/cinegit/guardian/internal/health"
	"github.com/cinegit/guardian/internal/ledger"
	"github.com/cinegit/guardian/internal/policy"
	"github.com/cinegit/guardian/internal/reconcile"
	"github.com/cinegit/guardian/internal/remedy/remedytest"
	"github.com/cinegit/guardian/internal/sandbox/scenario"
)

func review() ledger.Target { return ledger.Target{Service: "review", Stage: "prod"} }

func app() remedytest.App { return remedytest.App{Name: "review-prod"} }

func newWorld(t *testing.T) *scenario.World {
	t.Helper()
	p, err := policy.Parse("policy.yaml", []byte(`apiVersion: guardian/v1
mode: act
connections:
  argocd: {server: argocd.example.org, token: env:TOKEN}
  prometheus: {url: http://prometheus.example.org}
  flags: {flagd: flags.json}
services:
  review:
    gates: [errors]
    flags: {new-ranking: {safe: "off"}}
    stages: [{name: prod, application: review-prod, bake: 10m}]
gates:
  errors: {query: 'ratio{service="$service",stage="$stage"}', failureCondition: result > 0.05}
rules:
  - match: '{alertname="ManyErrors"}'
    target: {service: label service, stage: label env}
    remedies: [flag, revert]
`))
	must(t, err)
	w, err := scenario.New(t.TempDir(), p, slog.New(slog.DiscardHandler))
	must(t, err)
	return w
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func until(t *testing.T, w *scenario.World, minutes int) {
	t.Helper()
	w.Until(t.Context(), time.Duration(minutes)*time.Minute)
}

func newest(t *testing.T, w *scenario.World) ledger.Release {
	t.Helper()
	runs, err := w.Ledger.Releases(t.Context(), review())
	must(t, err)
	if len(runs) == 0 {
		t.Fatal("nothing is journaled")
	}
	return runs[0]
}

func TestAReleaseProvesGoodAfterItsBakeAndNotBefore(t *testing.T) {
	w := newWorld(t)
	w.Argo.Ship(app(), "v41", "ci")
	until(t, w, 9)
	if r := newest(t, w); r.Proven() {
		t.Errorf("it proved good at %s", r.ProvenAt)
	}
	until(t, w, 12)
	if r := newest(t, w); !r.Proven() || r.Proof != "healthy through its bake of 10m" {
		t.Errorf("after its bake: %+v", r)
	}
}

func TestWhatIsNotShownToBeGoodDoesNotProveGood(t *testing.T) {
	for name, spoil := range map[string]func(w *scenario.World){
		"the gates fail":         func(w *scenario.World) { w.Metrics.Breaks["v41"] = 0.2 },
		"the metrics are silent": func(w *scenario.World) { w.Metrics.Silent = true },
		"the metrics are down":   func(w *scenario.World) { w.Metrics.Down = true },
		"Argo CD is down":        func(w *scenario.World) { w.Argo.Down(true) },
		"an incident is open": func(w *scenario.World) {
			_, err := w.Ledger.Hold(t.Context(), review(), "review-prod-1", w.Now(), time.Hour)
			must(t, err)
		},
		"another sync is going on": func(w *scenario.World) { _ = w.Argo.Set(app(), "hang", "on"); w.Argo.Ship(app(), "v42", "ci") },
		"it was Degraded for once": func(w *scenario.World) { w.Argo.Ship(app(), "bad", "ci") },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.Argo.Ship(app(), "v41", "ci")
			until(t, w, 5)
			spoil(w)
			until(t, w, 18)
			if r := newest(t, w); r.Proven() {
				t.Errorf("it proved good: %s", r.Proof)
			}
		})
	}
}

// slow is a Querier during whose answer something happens.
type slow struct {
	health.Querier
	meanwhile func()
}

func (s slow) Query(ctx context.Context, q string, at time.Time) ([]float64, error) {
	s.meanwhile()
	return s.Querier.Query(ctx, q, at)
}

func TestWhatIsJournaledWhileTheGatesAreMeasuredIsNotOverwritten(t *testing.T) {
	w := newWorld(t)
	w.Argo.Ship(app(), "v41", "ci")
	until(t, w, 9)
	at := w.Now().Add(time.Minute)
	w.Rec.Now = func() time.Time { return at } // the bake has just ended
	w.Rec.Health = health.Judge{Metrics: slow{w.Metrics, func() {
		runs, err := w.Ledger.Releases(t.Context(), review())
		must(t, err)
		runs[0].DegradedAt = w.Now()
		seen, err := w.Ledger.Seen(t.Context(), review())
		must(t, err)
		seen.Application.Health = "Degraded"
		must(t, w.Ledger.SaveSeen(t.Context(), seen, seen.At, runs[0]))
	}}}
	must(t, w.Rec.Prove(t.Context(), review()))
	seen, err := w.Ledger.Seen(t.Context(), review())
	must(t, err)
	if r := newest(t, w); r.Proven() || r.DegradedAt.IsZero() || seen.Application.Health != "Degraded" {
		t.Errorf("proved %t, degraded %s, seen %s", r.Proven(), r.DegradedAt, seen.Application.Health)
	}
}

func TestWhatCouldNotBeReadIsJournaledBesideWhatWasKnown(t *testing.T) {
	for name, tt := range map[string]struct {
		fault  error
		denied bool
	}{
		"out of reach":      {deploy.ErrUnavailable, false},
		"without the right": {deploy.ErrDenied, true},
		"without a token":   {deploy.ErrUnauthenticated, true},
		"gone":              {deploy.ErrNotFound, true},
	} {
		for _, method := range []string{"get", "windows"} {
			t.Run(name+" "+method, func(t *testing.T) {
				w := newWorld(t)
				w.Argo.Ship(app(), "v41", "ci")
				until(t, w, 2)
				w.Argo.Fail(method, remedytest.Fault{Err: fmt.Errorf("call: %w", tt.fault)})
				if err := w.Rec.Target(t.Context(), review()); !errors.Is(err, tt.fault) {
					t.Errorf("got %v", err)
				}
				seen, err := w.Ledger.Seen(t.Context(), review())
				must(t, err)
				if !strings.Contains(seen.Trouble, tt.fault.Error()) || seen.Denied != tt.denied || len(seen.Application.History) != 1 {
					t.Errorf("seen %+v", seen)
				}
				must(t, w.Rec.Target(t.Context(), review()))
				if seen, err = w.Ledger.Seen(t.Context(), review()); err != nil || seen.Trouble != "" || seen.Denied {
					t.Errorf("after a good read: %q, %v", seen.Trouble, err)
				}
			})
		}
	}
}

func TestATargetThatThePolicyLacksIsAnError(t *testing.T) {
	w := newWorld(t)
	none := ledger.Target{Service: "reveiw", Stage: "prod"}
	for _, err := range []error{w.Rec.Target(t.Context(), none), w.Rec.Prove(t.Context(), none)} {
		if err == nil || !strings.Contains(err.Error(), "reveiw/prod is not in the policy") {
			t.Errorf("got %v", err)
		}
	}
}

func changes(t *testing.T, w *scenario.World) []ledger.FlagChange {
	t.Helper()
	all, err := w.Ledger.FlagChanges(t.Context(), "new-ranking", time.Time{})
	must(t, err)
	return all
}

func TestAFlagChangeIsJournaledOnceAndDatedByItsDocument(t *testing.T) {
	w := newWorld(t)
	until(t, w, 3)
	if all := changes(t, w); len(all) != 0 {
		t.Errorf("the first sight is called a change: %+v", all)
	}
	w.Until(t.Context(), 3*time.Minute+10*time.Second)
	must(t, w.Flags.Set("new-ranking", "on"))
	until(t, w, 8)
	all := changes(t, w)
	if len(all) != 1 || all[0].From != "off" || all[0].To != "on" || all[0].By != "" {
		t.Fatalf("changes are %+v", all)
	}
	if want := scenario.Start().Add(3*time.Minute + 10*time.Second); !all[0].At.Equal(want) {
		t.Errorf("dated %s, want %s", all[0].At, want)
	}
}

func TestGuardiansOwnFlipIsKnownAsItsOwnAndSoIsItsUndo(t *testing.T) {
	w := newWorld(t)
	w.Argo.Ship(app(), "v41", "ci")
	until(t, w, 3)
	w.Metrics.Breaks["new-ranking=on"] = 0.2
	must(t, w.Flags.Set("new-ranking", "on"))
	until(t, w, 5)
	w.Receive(scenario.Alert("ManyErrors", "review", "prod", w.Now(), "firing"))
	until(t, w, 8)
	all, err := w.Ledger.Incidents(t.Context(), 1)
	must(t, err)
	_, err = w.Flow.Undo(t.Context(), all[0].ID, "alice", "")
	must(t, err)
	until(t, w, 10)
	got := changes(t, w)
	if len(got) != 3 || got[0].By != all[0].ID || got[1].By != all[0].ID || got[2].By != "" {
		t.Errorf("changes are %+v", got)
	}
}

func TestAFlagThatCannotBeReadDoesNotHideTheOthers(t *testing.T) {
	w := newWorld(t)
	p := *w.Policy()
	s := p.Services["review"]
	s.Flags = map[string]policy.Flag{"new-ranking": {Safe: "off"}, "gone": {Safe: "off"}}
	p.Services = map[string]policy.Service{"review": s}
	w.SetPolicy(&p)
	if err := w.Rec.ServiceFlags(t.Context(), "review"); err == nil || !strings.Contains(err.Error(), "gone") {
		t.Errorf("got %v", err)
	}
	if _, known, err := w.Ledger.FlagSeen(t.Context(), "new-ranking"); err != nil || !known {
		t.Errorf("the other was seen: %t, %v", known, err)
	}
}

var _ reconcile.Deployer = (*remedytest.ArgoCD)(nil)

// longMemory is an Argo CD whose application has a revisionHistoryLimit of hundreds.
type longMemory struct{ entries int64 }

func (a longMemory) Application(_ context.Context, ref deploy.Ref) (deploy.Application, error) {
	app := deploy.Application{Ref: ref, Health: "Healthy", ReconciledAt: scenario.Start()}
	for id := range a.entries {
		at := scenario.Start().Add(time.Duration(id-a.entries) * time.Minute)
		app.History = append(app.History, deploy.Entry{ID: id, Revisions: []string{fmt.Sprint("v", id)}, StartedAt: at, DeployedAt: at})
	}
	return app, nil
}

func (longMemory) SyncAllowed(context.Context, deploy.Ref) (allowed bool, why string, err error) {
	return true, "", nil
}

func TestAHistoryLongerThanABatchOfTheLedgerIsReadFromItsNewestEntries(t *testing.T) {
	w := newWorld(t)
	w.Rec.Deployer = longMemory{300}
	must(t, w.Rec.Target(t.Context(), review()))
	seen, err := w.Ledger.Seen(t.Context(), review())
	must(t, err)
	live, ok := seen.Application.Live()
	if run := newest(t, w); !ok || live.ID != 299 || run.Entry.ID != 299 {
		t.Errorf("live is %+v (%t), the newest run %+v", live, ok, run)
	}
}
