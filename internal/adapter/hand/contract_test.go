package hand_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/cinegit/guardian/internal/adapter/flagd"
	"github.com/cinegit/guardian/internal/adapter/hand"
	"github.com/cinegit/guardian/internal/deploy"
	"github.com/cinegit/guardian/internal/deploy/deploytest"
	"github.com/cinegit/guardian/internal/flag"
	"github.com/cinegit/guardian/internal/flag/flagtest"
	"github.com/cinegit/guardian/internal/ledger"
	"github.com/cinegit/guardian/internal/remedy/remedytest"
)

// through is a world of which everybody sees Argo CD through a hand.
type through struct{ deploytest.World }

func (w through) As(role deploytest.Role) deploytest.Deployer {
	return hand.ArgoCD{Invoke: hand.Server{Deployer: w.World.As(role)}.Serve}
}

func TestArgoCDThroughAHandKeepsTheContract(t *testing.T) {
	deploytest.Run(t, func(t *testing.T, test func(t *testing.T, w deploytest.World)) {
		t.Helper()
		synctest.Test(t, func(t *testing.T) { test(t, through{remedytest.NewWorld()}) })
	})
}

// document is a flag store on disk that also says what it serves.
type document struct{ *flagd.Store }

func (d document) Serving(ctx context.Context, key string) (string, error) {
	now, err := d.Flag(ctx, key)
	return now.Serving, err
}

func flags(t *testing.T, text string) hand.Flags {
	t.Helper()
	path := filepath.Join(t.TempDir(), "flags.json")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	store := document{flagd.New(path)}
	return hand.Flags{Invoke: hand.Server{Flags: store, Store: store, Switch: friday{}}.Serve}
}

func TestAFlagStoreThroughAHandKeepsTheContract(t *testing.T) {
	flagtest.Run(t, func(t *testing.T, all ...flagtest.Flag) flag.Store {
		t.Helper()
		return flags(t, flagtest.FlagdDocument(t, all...))
	})
}

// friday is a switch that keeps Guardian from acting in prod.
type friday struct{}

func (friday) MayAct(_ context.Context, t ledger.Target) (may bool, why string) {
	if t.Stage == "prod" {
		return false, "not on a Friday"
	}
	return true, ""
}

func TestServingAndTheSwitchAreAskedThroughTheHand(t *testing.T) {
	f := flags(t, `{"flags": {"a": {"state": "ENABLED", "variants": {"on": true, "off": false}, "defaultVariant": "on"}}}`)
	if got, err := f.Serving(t.Context(), "a"); err != nil || got != "on" {
		t.Errorf("serving %q, %v", got, err)
	}
	if _, err := f.Serving(t.Context(), "b"); !errors.Is(err, flag.ErrNotFound) {
		t.Errorf("serving of an unknown flag: %v", err)
	}
	for stage, want := range map[string]string{"prod": "not on a Friday", "dev": ""} {
		may, why := f.MayAct(t.Context(), ledger.Target{Service: "review", Stage: stage})
		if may != (want == "") || why != want {
			t.Errorf("%s: %v %q", stage, may, why)
		}
	}
}

// failing is an Argo CD that answers everything with one error.
type failing struct {
	deploytest.Deployer
	err error
}

func (f failing) Application(context.Context, deploy.Ref) (deploy.Application, error) {
	return deploy.Application{}, f.err
}

func TestAnErrorCrossesWithItsTextAndEveryKindItIs(t *testing.T) {
	all := []error{
		deploy.ErrDenied, deploy.ErrUnauthenticated, deploy.ErrNotFound, deploy.ErrBusy, deploy.ErrAutoSync, deploy.ErrGone,
		deploy.ErrUnavailable, deploy.ErrRefused, flag.ErrNotFound, flag.ErrConflict, flag.ErrNoVariant, flag.ErrUnavailable,
		flag.ErrInvalid, flag.ErrDenied,
	}
	for _, kind := range all {
		sent := errors.Join(errors.New("why"), kind)
		a := hand.ArgoCD{Invoke: hand.Server{Deployer: failing{err: sent}}.Serve}
		_, got := a.Application(t.Context(), deploy.Ref{Name: "review"})
		if got == nil || got.Error() != sent.Error() {
			t.Fatalf("%v came as %v", sent, got)
		}
		for _, other := range all {
			if errors.Is(got, other) != errors.Is(sent, other) {
				t.Errorf("%v came as %v", sent, got)
			}
		}
	}
}

func TestAHandThatGivesNoAnswerLeavesOpenWhatLanded(t *testing.T) {
	gone := errors.New("throttled")
	for name, invoke := range map[string]hand.Invoke{
		"no answer":   func(context.Context, []byte) ([]byte, error) { return nil, gone },
		"half of one": func(context.Context, []byte) ([]byte, error) { return []byte(`{"appl`), nil },
	} {
		a, f := hand.ArgoCD{Invoke: invoke}, hand.Flags{Invoke: invoke}
		ref := deploy.Ref{Name: "review"}
		_, read := a.Application(t.Context(), ref)
		_, _, windows := a.SyncAllowed(t.Context(), ref)
		for what, err := range map[string]error{
			"application": read, "windows": windows, "rollback": a.Rollback(t.Context(), ref, 1, false),
			"terminate": a.Terminate(t.Context(), ref), "patch": a.Patch(t.Context(), ref, []byte("{}")),
		} {
			if !errors.Is(err, deploy.ErrUnavailable) {
				t.Errorf("%s, %s: %v", name, what, err)
			}
		}
		_, flagged := f.Flag(t.Context(), "a")
		_, killed := f.Kill(t.Context(), flag.Definition{Key: "a"}, "off")
		_, all := f.All(t.Context())
		for what, err := range map[string]error{
			"flag": flagged, "kill": killed, "all": all, "restore": f.Restore(t.Context(), flag.Definition{}, flag.Definition{}),
		} {
			if !errors.Is(err, flag.ErrUnavailable) {
				t.Errorf("%s, %s: %v", name, what, err)
			}
		}
		if may, why := f.MayAct(t.Context(), ledger.Target{}); may || !strings.Contains(why, "cannot be read") {
			t.Errorf("%s: may act, %q", name, why)
		}
		if hand.Probe(t.Context(), invoke) == nil {
			t.Errorf("%s: the probe passes", name)
		}
	}
}

func TestAHandAnswersOnlyWhatItReaches(t *testing.T) {
	onlyFlags := flags(t, `{"flags": {}}`).Invoke
	if err := (hand.ArgoCD{Invoke: onlyFlags}).Terminate(t.Context(), deploy.Ref{Name: "a"}); err == nil {
		t.Error("the flag hand terminates an operation")
	}
	onlyArgoCD := hand.Invoke(hand.Server{Deployer: failing{}}.Serve)
	if err := (hand.Flags{Invoke: onlyArgoCD}).Restore(t.Context(), flag.Definition{}, flag.Definition{}); err == nil {
		t.Error("Argo CD's hand restores a flag")
	}
	probe := errors.New("down")
	probed := hand.Server{Probe: func(context.Context) error { return probe }}
	if err := hand.Probe(t.Context(), probed.Serve); err == nil || err.Error() != "down" {
		t.Errorf("probe: %v", err)
	}
	for payload, want := range map[string]bool{`{"call":"flag"}`: true, `{"id":"i","step":"act"}`: false, `[]`: false, ``: false} {
		if hand.IsCall([]byte(payload)) != want {
			t.Errorf("%s: want %v", payload, want)
		}
	}
}
