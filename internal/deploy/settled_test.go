package deploy_test

import (
	"encoding/json"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/cinegit/guardian/internal/deploy"
)

func noon() time.Time { return time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC) }

func entry(id int64, revision string) deploy.Entry {
	return deploy.Entry{ID: id, Revisions: []string{revision}, Sources: json.RawMessage(`{"path":"review"}`)}
}

// asked is an application at which a rollback from v42 (id 1) to v41 (id 0) was asked for at noon.
func asked(phase string, change func(a *deploy.Application)) deploy.Application {
	a := deploy.Application{
		Health: "Healthy", Images: []string{"review:v42"}, ReconciledAt: noon().Add(-time.Minute),
		History: []deploy.Entry{entry(0, "v41"), entry(1, "v42")},
		Operation: &deploy.Operation{
			Phase: phase, Rollback: true, StartedAt: noon(), Revisions: []string{"v41"}, Sources: json.RawMessage(`{"path":"review"}`),
		},
	}
	if phase == deploy.PhaseSucceeded {
		a.Operation.FinishedAt = noon().Add(time.Second)
		a.History = append(a.History, entry(2, "v41"))
	}
	if change != nil {
		change(&a)
	}
	return a
}

// live is asked when everything has come to rest.
func live(change func(a *deploy.Application)) deploy.Application {
	return asked(deploy.PhaseSucceeded, func(a *deploy.Application) {
		a.Images, a.ReconciledAt = []string{"review:v41"}, noon().Add(2*time.Second)
		if change != nil {
			change(a)
		}
	})
}

func mark() deploy.Mark {
	return deploy.Mark{LastHistoryID: 1, OperationStartedAt: noon().Add(-time.Hour)}
}

func TestARollbackHasLandedWhereItShowsSinceTheMark(t *testing.T) {
	for name, tt := range map[string]struct {
		app    deploy.Application
		landed bool
	}{
		"pending, which has no time yet":  {asked(deploy.PhasePending, func(a *deploy.Application) { a.Operation.StartedAt = time.Time{} }), true},
		"running":                         {asked(deploy.PhaseRunning, nil), true},
		"terminating":                     {asked(deploy.PhaseTerminating, nil), true},
		"failed":                          {asked(deploy.PhaseFailed, nil), true},
		"succeeded":                       {asked(deploy.PhaseSucceeded, nil), true},
		"only the history tells":          {asked(deploy.PhaseSucceeded, func(a *deploy.Application) { a.Operation = nil }), true},
		"another operation came after":    {asked(deploy.PhaseSucceeded, func(a *deploy.Application) { a.Operation.Rollback = false }), true},
		"an operation of before the mark": {asked(deploy.PhaseFailed, func(a *deploy.Application) { a.Operation.StartedAt = mark().OperationStartedAt }), false},
		"a sync, which is no rollback":    {asked(deploy.PhaseRunning, func(a *deploy.Application) { a.Operation.Rollback = false }), false},
		"a dry run":                       {asked(deploy.PhaseRunning, func(a *deploy.Application) { a.Operation.DryRun = true }), false},
		"a rollback to another":           {asked(deploy.PhaseRunning, func(a *deploy.Application) { a.Operation.Revisions = []string{"v40"} }), false},
		"other parameters":                {asked(deploy.PhaseRunning, func(a *deploy.Application) { a.Operation.Sources = json.RawMessage(`{"path":"x"}`) }), false},
		"nothing happened":                {asked(deploy.PhaseRunning, func(a *deploy.Application) { a.Operation = nil }), false},
		"never deployed":                  {deploy.Application{}, false},
		"it ran at the mark already": {asked(deploy.PhaseRunning, func(a *deploy.Application) {
			a.History, a.Operation = []deploy.Entry{entry(0, "v42"), entry(1, "v41")}, nil
		}), false},
		"it ran before the mark": {asked(deploy.PhaseRunning, func(a *deploy.Application) {
			a.History, a.Operation = []deploy.Entry{entry(0, "v41")}, nil
		}), false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := deploy.Landed(tt.app, mark(), entry(0, "v41")); got != tt.landed {
				t.Errorf("landed: %t", got)
			}
		})
	}
}

func TestAChangeIsSettledOnlyWhenItIsReallyLive(t *testing.T) {
	for name, tt := range map[string]struct {
		app    deploy.Application
		images []string
		want   deploy.Settling
	}{
		"live":                                  {live(nil), []string{"review:v41"}, deploy.Settling{Done: true, Reason: "Healthy on v41"}},
		"live, images unknown":                  {live(nil), nil, deploy.Settling{Done: true, Reason: "Healthy on v41"}},
		"live, of no images that anybody knows": {live(func(a *deploy.Application) { a.Images = nil }), nil, deploy.Settling{Done: true, Reason: "Healthy on v41"}},
		"live, and nothing of it runs":          {live(func(a *deploy.Application) { a.Images = nil }), []string{"review:v41"}, deploy.Settling{Reason: "nothing of it runs yet"}},
		"not to be seen yet":                    {deploy.Application{}, nil, deploy.Settling{Reason: "the operation does not show yet"}},
		"pending":                               {asked(deploy.PhasePending, nil), nil, deploy.Settling{Reason: "operation pending"}},
		"running":                               {asked(deploy.PhaseRunning, func(a *deploy.Application) { a.Operation.Message = "waiting for hook" }), nil, deploy.Settling{Reason: "operation running: waiting for hook"}},
		"parked by a window":                    {asked(deploy.PhaseRunning, func(a *deploy.Application) { a.Operation.Message = "Sync operation blocked by sync window" }), nil, deploy.Settling{Blocked: true, Reason: "held back by a closed sync window"}},
		"failed":                                {asked(deploy.PhaseFailed, func(a *deploy.Application) { a.Operation.Message = "boom" }), nil, deploy.Settling{Failed: true, Reason: "operation Failed: boom"}},
		"in an error":                           {asked(deploy.PhaseError, nil), nil, deploy.Settling{Failed: true, Reason: "operation Error"}},
		"Healthy of before":                     {asked(deploy.PhaseSucceeded, nil), []string{"review:v41"}, deploy.Settling{Reason: "Argo CD has not looked again since the operation"}},
		"Healthy of before, images unknown":     {asked(deploy.PhaseSucceeded, nil), nil, deploy.Settling{Reason: "Argo CD has not looked again since the operation"}},
		"looked in the same second, images unknown":   {live(func(a *deploy.Application) { a.ReconciledAt = a.Operation.FinishedAt }), nil, deploy.Settling{Reason: "Argo CD has not looked again since the operation"}},
		"looked in the same second, no images at all": {live(func(a *deploy.Application) { a.ReconciledAt, a.Images = a.Operation.FinishedAt, nil }), nil, deploy.Settling{Reason: "Argo CD has not looked again since the operation"}},
		"looked in the same second, new images":       {live(func(a *deploy.Application) { a.ReconciledAt = a.Operation.FinishedAt }), []string{"review:v41"}, deploy.Settling{Done: true, Reason: "Healthy on v41"}},
		"looked in the same second, old images":       {live(func(a *deploy.Application) { a.ReconciledAt, a.Images = a.Operation.FinishedAt, []string{"review:v42"} }), []string{"review:v41"}, deploy.Settling{Reason: "Argo CD has not looked again since the operation"}},
		"the old drains beside the new":               {live(func(a *deploy.Application) { a.Images = []string{"review:v41", "review:v42"} }), []string{"review:v41"}, deploy.Settling{Beside: true, Reason: "still running review:v42"}},
		"images of before that are the same":          {asked(deploy.PhaseSucceeded, func(a *deploy.Application) { a.Images = []string{"review:v41"} }), []string{"review:v41"}, deploy.Settling{Reason: "Argo CD has not looked again since the operation"}},
		"an image of a job that does not run now":     {live(nil), []string{"review:v41", "review-cron:v41"}, deploy.Settling{Done: true, Reason: "Healthy on v41"}},
		"a job of before has not gone":                {live(func(a *deploy.Application) { a.Images = []string{"review-cron:v42", "review:v41"} }), []string{"review-cron:v41", "review:v41"}, deploy.Settling{Beside: true, Reason: "still running review-cron:v42"}},
		"no pod at all":                               {live(func(a *deploy.Application) { a.Images = nil }), []string{"review:v41"}, deploy.Settling{Reason: "nothing of it runs yet"}},
		"progressing":                                 {live(func(a *deploy.Application) { a.Health = "Progressing" }), nil, deploy.Settling{Reason: "application is Progressing"}},
		"degraded":                                    {live(func(a *deploy.Application) { a.Health = "Degraded" }), nil, deploy.Settling{Reason: "application is Degraded"}},
		"suspended":                                   {live(func(a *deploy.Application) { a.Health = "Suspended" }), nil, deploy.Settling{Reason: "application is Suspended"}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := deploy.Settled(tt.app, mark(), entry(0, "v41"), tt.images); got != tt.want {
				t.Errorf("got  %+v\nwant %+v", got, tt.want)
			}
		})
	}
}

func TestNothingIsSettledThatHasNotLandedOrRunsAnotherImage(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := asked(rapid.SampledFrom([]string{deploy.PhasePending, deploy.PhaseRunning, deploy.PhaseFailed, deploy.PhaseError, deploy.PhaseSucceeded}).Draw(t, "phase"), nil)
		a.Health = rapid.SampledFrom([]string{"Healthy", "Degraded", "Progressing"}).Draw(t, "health")
		a.Images = rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"review:v41", "review:v42"}), 0, 2, rapid.ID).Draw(t, "images")
		a.ReconciledAt = noon().Add(time.Duration(rapid.IntRange(-2, 4).Draw(t, "looked")) * time.Second)
		if rapid.Bool().Draw(t, "other") {
			a.Operation.Revisions = []string{"v40"}
		}
		want := []string{"review:v41"}
		s := deploy.Settled(a, mark(), entry(0, "v41"), want)
		if s.Reason == "" || s.Done && (s.Blocked || s.Failed) {
			t.Fatalf("%+v", s)
		}
		if s.Done && (!deploy.Landed(a, mark(), entry(0, "v41")) || a.Health != "Healthy" || len(a.Images) != 1 || a.Images[0] != want[0]) {
			t.Fatalf("settled: %+v", a)
		}
	})
}

func TestAMarkKnowsAnEmptyHistoryFromHistoryIDZero(t *testing.T) {
	if got := deploy.MarkOf(deploy.Application{}); got.LastHistoryID != -1 || !got.OperationStartedAt.IsZero() {
		t.Errorf("of nothing: %+v", got)
	}
	one := deploy.Application{History: []deploy.Entry{entry(0, "v41")}, Operation: &deploy.Operation{StartedAt: noon()}}
	if got := deploy.MarkOf(one); got.LastHistoryID != 0 || !got.OperationStartedAt.Equal(noon()) {
		t.Errorf("of one: %+v", got)
	}
	if !deploy.Landed(one, deploy.MarkOf(deploy.Application{}), entry(0, "v41")) {
		t.Error("history id 0 is not seen as newer than none")
	}
}

func TestOnlyAnOperationThatArgoCDIsBusyWithIsInProgress(t *testing.T) {
	var none *deploy.Operation
	if none.InProgress() {
		t.Error("none is in progress")
	}
	for phase, want := range map[string]bool{
		deploy.PhasePending: true, deploy.PhaseRunning: true, deploy.PhaseTerminating: true,
		deploy.PhaseFailed: false, deploy.PhaseError: false, deploy.PhaseSucceeded: false, "": false,
	} {
		if got := (&deploy.Operation{Phase: phase}).InProgress(); got != want {
			t.Errorf("%q is in progress: %t", phase, got)
		}
	}
}
