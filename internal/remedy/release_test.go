package remedy_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/cinegit/guardian/internal/deploy"
	"github.com/cinegit/guardian/internal/ledger"
	"github.com/cinegit/guardian/internal/remedy"
	"github.com/cinegit/guardian/internal/remedy/remedytest"
)

func TestReleaseGivesAutoSyncBackOnceAFixIsThere(t *testing.T) {
	there := remedytest.App{Name: "review-prod", AutoSync: true}
	w, _ := healed(t, rules{}, there)
	if _, err := w.Flow.Release(t.Context(), review(), "alice", false); !errors.Is(err, remedy.ErrQuarantined) || !strings.Contains(err.Error(), "auto-sync would ship v42 again at once") {
		t.Fatalf("got %v", err)
	}
	w.Argo.Ship(there, "v43", "ci")
	done, err := w.Flow.Release(t.Context(), review(), "alice", false)
	if err != nil || !done.AutoSync || len(done.Lifted) != 0 {
		t.Fatalf("got %+v, %v", done, err)
	}
	runs(t, w, there, "v43")
	if _, err := w.Flow.Release(t.Context(), review(), "alice", false); !errors.Is(err, remedy.ErrNotHeld) {
		t.Errorf("a second time: %v", err)
	}
}

func TestReleaseWithLiftShipsTheQuarantinedReleaseAgain(t *testing.T) {
	there := remedytest.App{Name: "review-prod", AutoSync: true}
	w, _ := healed(t, rules{}, there)
	done, err := w.Flow.Release(t.Context(), review(), "alice", true)
	if err != nil || !done.AutoSync || len(done.Lifted) != 1 || done.Lifted[0].LiftedBy != "alice" {
		t.Fatalf("got %+v, %v", done, err)
	}
	runs(t, w, there, "v42")
}

func TestReleaseOfAManualAppOnlyLifts(t *testing.T) {
	w, _ := healed(t, rules{}, app())
	if _, err := w.Flow.Release(t.Context(), review(), "alice", false); !errors.Is(err, remedy.ErrNotHeld) {
		t.Errorf("got %v", err)
	}
	done, err := w.Flow.Release(t.Context(), review(), "alice", true)
	if err != nil || done.AutoSync || len(done.Lifted) != 1 {
		t.Errorf("got %+v, %v", done, err)
	}
}

func TestReleaseIsRefusedWhileAnIncidentIsAtWork(t *testing.T) {
	there := remedytest.App{Name: "review-prod", AutoSync: true}
	w := broken(t, rules{}, there)
	w.Until(t.Context(), minutes(8)+time.Second)
	if _, err := w.Flow.Release(t.Context(), review(), "alice", true); !errors.Is(err, ledger.ErrHeld) {
		t.Errorf("got %v", err)
	}
	w.Until(t.Context(), minutes(12))
	wantEnd(t, w, ledger.Healed, "")
}

func TestAReleaseThatFailsKeepsWhatIsToGiveBack(t *testing.T) {
	there := remedytest.App{Name: "review-prod", AutoSync: true}
	w, _ := healed(t, rules{}, there)
	w.Argo.Ship(there, "v43", "ci")
	w.Argo.Fail("patch", remedytest.Fault{Err: deploy.ErrUnavailable})
	if _, err := w.Flow.Release(t.Context(), review(), "alice", false); !errors.Is(err, deploy.ErrUnavailable) {
		t.Errorf("got %v", err)
	}
	done, err := w.Flow.Release(t.Context(), review(), "alice", false)
	if err != nil || !done.AutoSync {
		t.Errorf("again: %+v, %v", done, err)
	}
}

// Plain manifests: the revision is a commit, and a pipeline knows the image's tag.
func TestAQuarantinedReleaseIsKnownByItsImagesAndTheirTagsAndNotByThoseItShares(t *testing.T) {
	there := remedytest.App{Name: "review-prod", AutoSync: true}
	w := newWorld(t, rules{remedies: "revert"}, there)
	w.Argo.Commit(there, "aaaaaaaaaa", "1.0")
	w.Until(t.Context(), minutes(6))
	w.Metrics.Breaks["bbbbbbbbbb"], w.Metrics.Breaks["2.0"] = 0.2, 0.2
	w.Argo.Commit(there, "bbbbbbbbbb", "2.0")
	w.Until(t.Context(), minutes(8))
	fire(w)
	w.Until(t.Context(), minutes(12))
	wantEnd(t, w, ledger.Healed, "")
	for release, admitted := range map[string]bool{
		"2.0": false, remedytest.Image(there, "2.0"): false, "bbbbbbb": false,
		"1.0": true, remedytest.Image(there, "1.0"): true, "0": true, "12.0": true,
	} {
		got, err := w.Flow.Admit(t.Context(), review(), release)
		if err != nil || got.Admitted != admitted {
			t.Errorf("%s: %+v, %v", release, got, err)
		}
	}
}

func TestAdmitAsksQuarantineAndFreeze(t *testing.T) {
	w, _ := healed(t, rules{services: another("orders")}, app())
	ask := func(service, release string) remedy.Admission {
		t.Helper()
		got, err := w.Flow.Admit(t.Context(), ledger.Target{Service: service, Stage: "prod"}, release)
		must(t, err)
		return got
	}
	for _, tt := range []struct {
		service, release string
		admitted         bool
		why              string
	}{
		{"review", "v42", false, "v42 is quarantined since incident review-prod-"},
		{"review", "v43", true, "neither quarantined nor frozen"},
		{"orders", "v42", true, "neither quarantined nor frozen"},
		{"reveiw", "v43", false, `the policy knows no stage "prod" of a service "reveiw"`},
	} {
		if got := ask(tt.service, tt.release); got.Admitted != tt.admitted || !strings.Contains(got.Why, tt.why) {
			t.Errorf("%s to %s: %+v", tt.release, tt.service, got)
		}
	}
	must(t, w.Ledger.SetFreeze(t.Context(), ledger.Freeze{Service: "orders", By: "bob", Why: "black friday", Until: w.Now().Add(time.Hour)}))
	if got := ask("orders", "v42"); got.Admitted || !strings.Contains(got.Why, "frozen by bob until 2026-11-23T10:12:00Z: black friday") {
		t.Errorf("frozen: %+v", got)
	}
	if got := ask("review", "v43"); !got.Admitted {
		t.Errorf("another's freeze: %+v", got)
	}
	must(t, w.Ledger.LiftFreeze(t.Context(), "orders", ""))
	if got := ask("orders", "v42"); !got.Admitted {
		t.Errorf("lifted: %+v", got)
	}
	must(t, w.Ledger.SetFreeze(t.Context(), ledger.Freeze{By: "bob", Until: w.Now().Add(time.Minute)}))
	w.Until(t.Context(), minutes(13))
	if got := ask("orders", "v42"); !got.Admitted {
		t.Errorf("run out: %+v", got)
	}
}
