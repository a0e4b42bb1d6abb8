package argocd_test

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/argoproj/argo-cd/v2/pkg/apiclient/application"
	"github.com/argoproj/argo-cd/v2/pkg/apis/application/v1alpha1"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	notification "github.com/cinegit/guardian/events/argocd"
	"github.com/cinegit/guardian/internal/deploy"
	"github.com/cinegit/guardian/internal/sandbox/argocd"
)

var (
	web      = deploy.Ref{Name: "web"}
	accounts = map[string]argocd.Account{"token": {Name: "guardian", Get: true, Sync: true, Update: true}}
)

func image(tag string) string { return "example.invalid/web:" + tag }

func commit(s *argocd.Server, tag string) {
	s.Commit(map[string]argocd.Manifests{"web": {Images: []string{image(tag)}}})
}

// inBubble gives a server in virtual time with application web, never synced.
func inBubble(t *testing.T, of argocd.App, test func(t *testing.T, s *argocd.Server)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := argocd.New(argocd.Options{Accounts: accounts})
		commit(s, "v1")
		of.Ref, of.Path = web, "web"
		s.Create(of)
		test(t, s)
	})
}

func object(t *testing.T, s *argocd.Server) v1alpha1.Application {
	t.Helper()
	app, err := s.Object(web)
	if err != nil {
		t.Fatal(err)
	}
	return app
}

// pass lets time go by, in a bubble at no cost.
func pass(t *testing.T, d time.Duration) {
	t.Helper()
	select {
	case <-t.Context().Done():
	case <-time.After(d):
	}
}

// release commits a tag, syncs it and gives it time to roll out.
func release(t *testing.T, s *argocd.Server, tag string) v1alpha1.Application {
	t.Helper()
	commit(s, tag)
	if err := s.Sync(web, "somebody"); err != nil {
		t.Fatal(err)
	}
	pass(t, time.Minute)
	return object(t, s)
}

func TestHealthIsThatOfBeforeForAMomentAfterASync(t *testing.T) {
	inBubble(t, argocd.App{}, func(t *testing.T, s *argocd.Server) {
		release(t, s, "v1")
		commit(s, "v2-bad")
		if err := s.Sync(web, "somebody"); err != nil {
			t.Fatal(err)
		}
		real := argocd.RealTimings()
		var seen []string
		for _, wait := range []time.Duration{0, real.PickUp, real.Sync, real.Stale, real.Deadline} {
			pass(t, wait)
			app := object(t, s)
			phase := "Pending"
			if state := app.Status.OperationState; state != nil {
				phase = string(state.Phase)
			}
			seen = append(seen, phase+" "+string(app.Status.Health.Status))
		}
		want := []string{"Pending Healthy", "Running Healthy", "Succeeded Healthy", "Succeeded Progressing", "Succeeded Degraded"}
		if !slices.Equal(seen, want) {
			t.Errorf("went %q", seen)
		}
	})
}

func TestOldPodsServeUntilNewOnesAreReady(t *testing.T) {
	inBubble(t, argocd.App{}, func(t *testing.T, s *argocd.Server) {
		release(t, s, "v1")
		for tag, want := range map[string]string{"v2-bad": "v1", "v3": "v3"} {
			app := release(t, s, tag)
			serving, err := s.Serving(web)
			if err != nil || !slices.Equal(serving, []string{image(want)}) {
				t.Errorf("%s: serving %v, error %v, images %v", tag, serving, err, app.Status.Summary.Images)
			}
			release(t, s, "v1")
		}
	})
}

func TestTheHistoryKeepsTheLastTenAndItsIDsGoOn(t *testing.T) {
	inBubble(t, argocd.App{}, func(t *testing.T, s *argocd.Server) {
		for range 12 {
			release(t, s, "v1")
		}
		history := object(t, s).Status.History
		if len(history) != 10 || history[0].ID != 2 || history[9].ID != 11 {
			t.Errorf("history has %d entries, from %d", len(history), history[0].ID)
		}
	})
}

func TestADryRunAppendsNothingAndChangesNothing(t *testing.T) {
	inBubble(t, argocd.App{}, func(t *testing.T, s *argocd.Server) {
		release(t, s, "v1")
		release(t, s, "v2")
		name, id, dry := "web", int64(0), true
		if _, err := s.Client("token").Rollback(t.Context(), &application.ApplicationRollbackRequest{Name: &name, Id: &id, DryRun: &dry}); err != nil {
			t.Fatal(err)
		}
		pass(t, time.Minute)
		app := object(t, s)
		if len(app.Status.History) != 2 || !slices.Equal(app.Status.Summary.Images, []string{image("v2")}) || !app.Status.OperationState.Operation.Sync.DryRun {
			t.Errorf("history %v, images %v", app.Status.History, app.Status.Summary.Images)
		}
	})
}

func TestAutoSyncFollowsHeadAndDoesNotRetryAFailure(t *testing.T) {
	inBubble(t, argocd.App{AutoSync: true}, func(t *testing.T, s *argocd.Server) {
		pass(t, time.Minute)
		s.Commit(map[string]argocd.Manifests{"web": {Broken: "not YAML"}})
		pass(t, argocd.RealTimings().Poll+time.Minute)
		commit(s, "v2")
		pass(t, argocd.RealTimings().Poll+time.Minute)
		app := object(t, s)
		if n := len(app.Status.History); n != 2 || !app.Status.History[1].InitiatedBy.Automated {
			t.Errorf("history has %d entries: %v", n, app.Status.History)
		}
	})
}

func TestSelfHealUndoesWhatAPersonDidAndNothingElseDoes(t *testing.T) {
	for selfHeal, want := range map[bool]string{true: "v1", false: "v9"} {
		inBubble(t, argocd.App{AutoSync: true, SelfHeal: selfHeal}, func(t *testing.T, s *argocd.Server) {
			pass(t, time.Minute)
			if err := s.Drift(web, image("v9")); err != nil {
				t.Fatal(err)
			}
			pass(t, time.Hour)
			app := object(t, s)
			if !slices.Equal(app.Status.Summary.Images, []string{image(want)}) || len(app.Status.History) != 1 {
				t.Errorf("self-heal %t: images %v, history %v", selfHeal, app.Status.Summary.Images, app.Status.History)
			}
		})
	}
}

func TestAnOwnerPutsTheSpecBack(t *testing.T) {
	for name, tt := range map[string]struct {
		app  argocd.App
		want string
	}{
		"nobody":         {argocd.App{}, "other"},
		"ApplicationSet": {argocd.App{BySet: "shops"}, "web"},
		"parent":         {argocd.App{ByParent: "apps"}, "web"},
	} {
		inBubble(t, tt.app, func(t *testing.T, s *argocd.Server) {
			if err := s.Edit(web, func(spec *v1alpha1.ApplicationSpec) { spec.Source.Path = "other" }); err != nil {
				t.Fatal(err)
			}
			pass(t, time.Minute)
			if got := object(t, s).Spec.Source.Path; got != tt.want {
				t.Errorf("%s: path is %s", name, got)
			}
		})
	}
}

func TestAnApplicationIsOneOfItsNamespace(t *testing.T) {
	inBubble(t, argocd.App{}, func(t *testing.T, s *argocd.Server) {
		other := deploy.Ref{Name: "web", Namespace: "team"}
		s.Create(argocd.App{Ref: other, Path: "web"})
		if err := s.Sync(other, "somebody"); err != nil {
			t.Fatal(err)
		}
		pass(t, time.Minute)
		theirs, err := s.Object(other)
		if err != nil || len(theirs.Status.History) != 1 || len(object(t, s).Status.History) != 0 {
			t.Errorf("history %v, error %v", theirs.Status.History, err)
		}
	})
}

func TestRunTellsOfChangesAsTheyHappen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		changes := make(chan string, 100)
		var s *argocd.Server
		s = argocd.New(argocd.Options{OnChange: func(ref deploy.Ref) {
			app, err := s.Object(ref)
			if err != nil {
				t.Error(err)
			}
			changes <- string(app.Status.Health.Status)
		}})
		go s.Run(ctx)
		commit(s, "v1")
		s.Create(argocd.App{Ref: web, Path: "web"})
		if err := s.Sync(web, "somebody"); err != nil {
			t.Fatal(err)
		}
		pass(t, 10*time.Second)
		synctest.Wait()
		close(changes)
		var last string
		for health := range changes {
			last = health
		}
		if last != "Healthy" {
			t.Errorf("the last change told of is %q", last)
		}
	})
}

func TestANotificationIsOneThatGuardianReads(t *testing.T) {
	inBubble(t, argocd.App{}, func(t *testing.T, s *argocd.Server) {
		release(t, s, "v1")
		body, err := s.Notification(web)
		if err != nil {
			t.Fatal(err)
		}
		n, err := notification.Parse(body)
		if err != nil || n.Application != "web" || n.Project != "default" || n.Phase != "Succeeded" || n.FinishedAt.IsZero() {
			t.Errorf("notification is %+v, error %v", n, err)
		}
	})
}

func TestFaultsHitAsOftenAsTold(t *testing.T) {
	inBubble(t, argocd.App{}, func(t *testing.T, s *argocd.Server) {
		client, name := s.Client("token"), "web"
		get := func(ctx context.Context) codes.Code {
			_, err := client.Get(ctx, &application.ApplicationQuery{Name: &name})
			return status.Code(err)
		}
		s.Fail(argocd.Fault{Method: "Rollback"})
		s.Fail(argocd.Fault{Method: "Get", Times: 2, Code: codes.Internal})
		s.Fail(argocd.Fault{Method: "Get", Hang: true})
		soon, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		got := []codes.Code{get(t.Context()), get(t.Context()), get(soon), get(t.Context())}
		s.Down(true)
		got = append(got, get(t.Context()))
		s.Down(false)
		got = append(got, get(t.Context()))
		want := []codes.Code{codes.Internal, codes.Internal, codes.DeadlineExceeded, codes.OK, codes.Unavailable, codes.OK}
		if !slices.Equal(got, want) {
			t.Errorf("answers were %v", got)
		}
	})
}
