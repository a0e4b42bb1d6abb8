package remedy_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cinegit/guardian/internal/adapter/memledger"
	"github.com/cinegit/guardian/internal/deploy"
	"github.com/cinegit/guardian/internal/ledger"
	"github.com/cinegit/guardian/internal/policy"
	"github.com/cinegit/guardian/internal/remedy/remedytest"
	"github.com/cinegit/guardian/internal/sandbox/scenario"
)

// outcome is what the world and the ledger look like in the end: what a crash must not change.
type outcome struct {
	Ends        []ledger.End
	Effects     []string
	Runs        []string
	Flag        string
	Landed      []string
	Kills       int
	AutoSync    bool
	Quarantined []string
	Held        []string
	Told        []string
	Lease       string
}

func outcomeOf(t *testing.T, w *scenario.World, app remedytest.App) outcome {
	t.Helper()
	ctx := t.Context()
	w.Argo.Heal()
	o := outcome{Runs: w.Argo.Runs(app), Landed: w.Argo.Landed(), Kills: w.Flags.Kills}
	incidents, err := w.Ledger.Incidents(ctx, 0)
	must(t, err)
	for _, inc := range incidents {
		o.Ends = append(o.Ends, inc.End)
		for _, e := range inc.Effects {
			o.Effects = append(o.Effects, fmt.Sprintf("%s done=%t undone=%t refused=%t", e.Kind, !e.DoneAt.IsZero(), !e.UndoneAt.IsZero(), e.Refused))
		}
	}
	o.Flag, err = w.Flags.Serving(ctx, "new-ranking")
	must(t, err)
	now, err := w.Argo.Application(ctx, deploy.Ref{Name: app.Name})
	must(t, err)
	o.AutoSync = now.AutoSync != nil
	quarantines, err := w.Ledger.Quarantines(ctx)
	must(t, err)
	for _, q := range quarantines {
		o.Quarantined = append(o.Quarantined, q.Label)
	}
	holds, err := w.Ledger.Holds(ctx)
	must(t, err)
	for _, h := range holds {
		o.Held = append(o.Held, h.Target.String()+" "+string(h.AutoSync))
	}
	messages, err := w.Ledger.Outbox(ctx)
	must(t, err)
	for _, m := range messages {
		o.Told = append(o.Told, m.Title)
	}
	slices.Sort(o.Told)
	lease, err := w.Ledger.Lease(ctx, review())
	must(t, err)
	o.Lease = lease.Holder
	return o
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// tale is one remediation, played again and again with something going wrong at another place.
type tale struct {
	rules rules
	pol   *policy.Policy // of the rules
	app   remedytest.App
	more  func(t *testing.T, w *scenario.World) // what else happens, planned at minute 8
}

func approving(t *testing.T, w *scenario.World) {
	t.Helper()
	for at := minutes(9); at < minutes(12); at += 10 * time.Second { // a person clicks until it takes
		w.At(at, func(ctx context.Context) {
			all, err := w.Ledger.Incidents(ctx, 1)
			if err == nil && len(all) > 0 && all[0].Step == ledger.StepApprove && !all[0].AskedAt.IsZero() {
				_ = w.Answer(ctx, all[0].ID, ledger.Approval{Granted: true, By: "alice", At: w.Now()})
			}
		})
	}
}

func flagToo(t *testing.T, w *scenario.World) {
	t.Helper()
	must(t, w.Flags.Set("new-ranking", "on"))
}

func tales(t *testing.T) map[string]tale {
	t.Helper()
	all := map[string]tale{
		"a revert":               {app: app()},
		"a revert without hook":  {app: remedytest.App{Name: "review-prod", AutoSync: true}},
		"a Helm parameter":       {app: remedytest.App{Name: "review-prod", Helm: true}},
		"auto-sync and Helm":     {app: remedytest.App{Name: "review-prod", Helm: true, AutoSync: true}},
		"two sources":            {app: remedytest.App{Name: "review-prod", MultiFrom: true}},
		"a suggestion, approved": {rules: rules{mode: "suggest"}, app: app(), more: approving},
		"a flag, then a revert":  {app: app(), more: flagToo},
		"a flag": {app: app(), more: func(t *testing.T, w *scenario.World) {
			t.Helper()
			flagToo(t, w)
			w.Metrics.Breaks["new-ranking=on"], w.Metrics.Breaks["v42"] = 0.2, 0
		}},
		"nothing helps": {app: app(), more: func(t *testing.T, w *scenario.World) {
			t.Helper()
			w.Metrics.Breaks["v41"] = 0.2
		}},
		"a stuck operation": {app: app(), more: func(t *testing.T, w *scenario.World) {
			t.Helper()
			must(t, w.Argo.Set(app(), "hang", "on"))
			w.Metrics.Breaks["v43"] = 0.2
			w.Argo.Ship(app(), "v43", "argocd-image-updater")
			w.Metrics.Breaks["v42"] = 0
		}},
		"a window that closes in between": {app: app(), more: func(t *testing.T, w *scenario.World) {
			t.Helper()
			w.Argo.OnCall(func(method string) {
				if method == "rollback" {
					must(t, w.Argo.Set(app(), "window", "closed"))
				}
			})
		}},
		"a token without the right": {app: app(), more: func(t *testing.T, w *scenario.World) {
			t.Helper()
			must(t, w.Argo.Set(app(), "deny", "sync"))
		}},
	}
	for name, s := range all {
		s.pol = s.rules.policy(t)
		all[name] = s
	}
	return all
}

// play plays a tale to its end; spoil plans what goes wrong.
func (s tale) play(t *testing.T, spoil func(w *scenario.World)) (outcome, *scenario.World) {
	t.Helper()
	w := worldOf(t, s.pol, s.app)
	baked(t, w, s.app)
	if s.more != nil {
		s.more(t, w)
	}
	w.Until(t.Context(), minutes(8.2)) // what changes now is seen before the alert comes
	if spoil != nil {
		spoil(w)
	}
	fire(w)
	w.Until(t.Context(), minutes(14))
	return outcomeOf(t, w, s.app), w
}

func TestACrashAtAnyWriteLeadsToTheSameEnd(t *testing.T) {
	for name, s := range tales(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want, _ := s.play(t, nil)
			if len(want.Ends) != 1 || want.Ends[0] == "" || want.Lease != "" {
				t.Fatalf("the tale does not end: %+v", want)
			}
			for _, how := range []memledger.How{memledger.Lost, memledger.Landed} {
				for n := 0; ; n++ {
					got, w := s.play(t, func(w *scenario.World) {
						w.Store.SetFaults(memledger.CrashAtWrite(n, how))
						if how == memledger.Lost {
							w.Downtime = 10 * time.Second
						}
					})
					if w.Crashes == 0 {
						break
					}
					if diff := cmp.Diff(want, got); diff != "" {
						t.Errorf("killed at write %d (landed: %t), it ends otherwise (-want +got):\n%s\n%s", n, how, diff, timeline(t, w, latest(t, w).ID))
					}
				}
			}
		})
	}
}

func TestACallOfArgoCDThatFailsIsMadeAgainAndTakesEffectOnce(t *testing.T) {
	for name, s := range tales(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want, clean := s.play(t, nil)
			for _, method := range []string{"get", "windows", "rollback", "terminate", "patch"} {
				before := map[string]int{"get": 15, "windows": 15}[method] // the slow reconcile's
				for n := range clean.Argo.Calls(method) - before {
					for _, landed := range []bool{false, true} {
						got, w := s.play(t, func(w *scenario.World) {
							w.Argo.Fail(method, append(make([]remedytest.Fault, n), remedytest.Fault{Err: deploy.ErrUnavailable, Landed: landed})...)
						})
						if diff := cmp.Diff(want, got); diff != "" {
							t.Errorf("call %d of %s failed (landed: %t), and it ends otherwise (-want +got):\n%s\n%s", n, method, landed, diff, timeline(t, w, latest(t, w).ID))
						}
					}
				}
			}
		})
	}
}

func TestDyingBetweenAnyTwoMomentsLeadsToTheSameEnd(t *testing.T) {
	for name, s := range tales(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want, _ := s.play(t, nil)
			for after := 500 * time.Millisecond; after < 2*time.Minute; after += 11300 * time.Millisecond {
				got, w := s.play(t, func(w *scenario.World) {
					w.At(minutes(8.2)+after, func(context.Context) { w.Kill() })
				})
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("killed %s after the alert, it ends otherwise (-want +got):\n%s\n%s", after, diff, timeline(t, w, latest(t, w).ID))
				}
			}
		})
	}
}
