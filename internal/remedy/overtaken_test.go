package remedy_test

import (
	"testing"
	"time"

	"github.com/cinegit/guardian/internal/ledger"
	"github.com/cinegit/guardian/internal/policy"
	"github.com/cinegit/guardian/internal/remedy"
	"github.com/cinegit/guardian/internal/remedy/remedytest"
)

// deployed lets bob deploy v43 while an incident verifies its revert, and Argo CD is read if seen says so.
func deployed(t *testing.T, there remedytest.App, share float64, seen bool) *stepped {
	t.Helper()
	s := upTo(t, ledger.StepSettle, rules{}, there)
	s.Until(t.Context(), minutes(8)+10*time.Second)
	s.at = s.Now()
	for s.incident(t).Step != ledger.StepVerify {
		s.step(t)
	}
	s.Metrics.Breaks["v43"] = share
	s.Argo.Ship(there, "v43", "bob")
	s.Until(t.Context(), minutes(8)+20*time.Second)
	s.at = s.Now()
	if seen {
		must(t, s.Rec.Target(t.Context(), review()))
	}
	return s
}

// looks lets so many intervals of the gate pass, with a step at the end of each.
func (s *stepped) looks(t *testing.T, n int) (a remedy.Answer) {
	t.Helper()
	for range n {
		a = s.step(t)
		s.at = s.at.Add(15 * time.Second)
	}
	return a
}

func TestWhatAPersonDeploysDuringVerificationIsWatchedAndLeftToThem(t *testing.T) {
	for name, tt := range map[string]struct {
		share   float64
		looks   int
		end     ledger.End
		urgency policy.Urgency
		reason  string
	}{
		"well": {0.001, 3, ledger.StoodDown, policy.All, "bob deployed v43 while it was verified: left to them, and it is well now: errors: 0.001 does not meet the failureCondition"},
		"bad":  {0.3, 4, ledger.FailedDirty, policy.Page, "bob deployed v43 while it was verified: left to them, and it is bad now: errors: 0.3 meets the failureCondition"},
	} {
		s := deployed(t, app(), tt.share, true)
		if a := s.looks(t, tt.looks-1); a.Next != ledger.StepVerify {
			t.Fatalf("%s: before the last look: %+v", name, a)
		}
		s.looks(t, 1)
		inc := wantEnd(t, s.World, tt.end, tt.reason)
		if m := told(t, s.World, "end"); m.Urgency != tt.urgency || m.Undo != "" {
			t.Errorf("%s: told %+v", name, m)
		}
		if s.told(t, "left to them; watching") != 1 || s.told(t, "did not help") != 0 || inc.Plan[inc.Current].Outcome == "it helped" {
			t.Errorf("%s:\n%s", name, timeline(t, s.World, s.id))
		}
		landed(t, s.World, "rollback review-prod 0")
	}
}

func TestWhatWasDeployedSinceArgoCDWasLastReadIsSeenBeforeTheRemedyIsBlamed(t *testing.T) {
	s := deployed(t, app(), 0.3, false)
	if a := s.looks(t, 3); a.Next != remedy.StepLook || s.told(t, "not healed") != 1 || s.told(t, "did not help") != 0 {
		t.Fatalf("after the verdict %+v\n%s", a, timeline(t, s.World, s.id))
	}
	must(t, s.Rec.Target(t.Context(), review()))
	if a := s.step(t); a.Next != ledger.StepVerify || s.told(t, "bob deployed v43 while it was verified: left to them") != 1 || s.told(t, "did not help") != 0 {
		t.Errorf("on fresh facts %+v\n%s", a, timeline(t, s.World, s.id))
	}
}

func TestWhatAPersonDeployedAndNobodyCanMeasureEndsDirtyAtItsTime(t *testing.T) {
	s := deployed(t, app(), 0.3, true)
	s.Metrics.Silent = true
	s.looks(t, 2)
	s.at = s.at.Add(24 * time.Minute)
	s.step(t)
	wantEnd(t, s.World, ledger.FailedDirty, "bob deployed v43 while it was verified: left to them, and what came of it could not be measured")
}

func TestPeopleAreToldThatAutoSyncStaysOffWhoeverDeployedMeanwhile(t *testing.T) {
	s := deployed(t, remedytest.App{Name: "review-prod", AutoSync: true}, 0.001, true)
	s.looks(t, 3)
	wantEnd(t, s.World, ledger.StoodDown, "left to them")
	m := told(t, s.World, "end")
	if last := m.Text[len(m.Text)-1]; last != "Auto-sync is off. Once a fix is in git, give it back: guardian release review prod" {
		t.Errorf("told %q", m.Text)
	}
}
