package remedy

import (
	"strings"
	"testing"
	"time"

	"github.com/cinegit/guardian/internal/deploy"
	"github.com/cinegit/guardian/internal/ledger"
	"github.com/cinegit/guardian/internal/policy"
)

// acts are acts of other incidents, each so long before now.
func acts(now time.Time, of map[string]time.Duration) ledger.Breaker {
	var b ledger.Breaker
	for service, ago := range of {
		b.Acts = append(b.Acts, ledger.Act{Target: ledger.Target{Service: service, Stage: "prod"}, Incident: service + "-9", At: now.Add(-ago)})
	}
	return b
}

func rolling(revision, by string, rollback, automated bool, phase string, before time.Duration) *deploy.Operation {
	return &deploy.Operation{
		Phase: phase, InitiatedBy: by, Rollback: rollback, Automated: automated, StartedAt: noon().Add(-before),
		Revisions: []string{revision}, Sources: []byte(source),
	}
}

func TestEachGuardRefusesARevertWithAReasonThatSaysWhatToDo(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(f *facts)
		reason string
	}{
		"nothing speaks against it":    {func(*facts) {}, ""},
		"Guardian's own switch is off": {func(f *facts) { f.may, f.mayWhy = false, "flag guardian.act is off" }, "flag guardian.act is off"},
		"a person rejected it": {func(f *facts) {
			f.overrides = []ledger.Override{{Change: identity("v42"), By: "alice", At: noon(), Why: "it is the database"}}
		}, "alice decided against it on 2026-11-23 12:00:00: it is the database"},
		"a person rejected another": {func(f *facts) {
			f.overrides = []ledger.Override{{Change: identity("v40"), By: "alice"}, {Change: "flag ranking", By: "alice"}}
		}, ""},
		"the target was changed before": {func(f *facts) { f.breaker = acts(f.now, map[string]time.Duration{"review": 29 * time.Minute}) }, "Guardian changed review/prod 29m0s ago (incident review-9) and its cooldown is 30m"},
		"its cooldown is over":          {func(f *facts) { f.breaker = acts(f.now, map[string]time.Duration{"review": 30 * time.Minute}) }, ""},
		"the fleet limit is reached": {func(f *facts) {
			f.breaker = acts(f.now, map[string]time.Duration{"a": 1, "b": 1, "c": 14 * time.Minute})
		}, "the fleet limit of 3 in 15m is reached"},
		"the fleet limit is not reached": {func(f *facts) {
			f.breaker = acts(f.now, map[string]time.Duration{"a": 1, "b": 1, "c": 15 * time.Minute})
		}, ""},
		"too many services":        {func(f *facts) { f.breaker, f.services = acts(f.now, map[string]time.Duration{"a": 1, "b": 1}), 4 }, "it would be the 3. of 4 services changed within 15m, and limits.share is 50%"},
		"at least one service may": {func(f *facts) { f.services = 1 }, ""},
		"it went on after its first act": {func(f *facts) {
			f.breaker = acts(f.now, map[string]time.Duration{"review": 1, "a": 1, "b": 1})
			f.incident.Effects = []ledger.Effect{{Kind: ledger.EffectFlag}}
		}, ""},
		"its own act does not count": {func(f *facts) {
			f.breaker = ledger.Breaker{Acts: []ledger.Act{{Target: prod(), Incident: f.incident.ID, At: f.now}}}
		}, ""},
		"Argo CD is out of reach":    {func(f *facts) { f.seen.Trouble = "connection refused" }, "Argo CD could not be read: connection refused"},
		"Argo CD was never read":     {func(f *facts) { f.seen.At = time.Time{} }, "Argo CD was never read"},
		"an ApplicationSet owns it":  {func(f *facts) { f.seen.Application.Owner = "ApplicationSet shop" }, "the application is made by ApplicationSet shop, which would undo the change: revert there"},
		"a parent app owns it":       {func(f *facts) { f.seen.Application.Owner = "Application root" }, "made by Application root"},
		"a sync window is closed":    {func(f *facts) { f.seen.SyncAllowed, f.seen.SyncWhy = false, "deny 0 9 * * *" }, "a sync window forbids it now (deny 0 9 * * *): open the window, or set manualSync on it"},
		"all others are quarantined": {func(f *facts) { f.quarantined[identity("v41")] = true }, "Argo CD's history holds no other release that is not quarantined: ship a fix"},
		"Guardian reverted to it": {func(f *facts) {
			f.revert = ledger.Revert{To: identity("v42"), Incident: "review-prod-0", At: noon().Add(-3 * time.Minute)}
		}, "v42 is what incident review-prod-0 reverted to: a revert is never reverted"},
		"Guardian reverted to it, and Argo CD's clock is behind": {func(f *facts) {
			f.revert = ledger.Revert{To: identity("v42"), Incident: "review-prod-0", At: noon().Add(-3*time.Minute + 4*time.Second)}
		}, "a revert is never reverted"},
		"it came again long before the revert that names it": {func(f *facts) {
			f.revert = ledger.Revert{To: identity("v42"), Incident: "review-prod-0", At: noon().Add(time.Hour)}
		}, ""},
		"a person rolled back to it": {func(f *facts) {
			f.seen.Application.Operation = rolling("v42", "bob", true, false, deploy.PhaseSucceeded, 3*time.Minute)
		}, "v42 was rolled back to by bob: a revert is never reverted"},
		"a person deployed it after the alert": {func(f *facts) {
			e := entry(2, "v42", -time.Minute)
			e.Automated, e.InitiatedBy = false, "bob"
			f.seen.Application.History = append(f.seen.Application.History, e)
		}, "bob deployed v42 after the alert began"},
		"a pipeline without a name deployed after the alert": {func(f *facts) {
			e := entry(2, "v42", -time.Minute)
			e.Automated = false
			f.seen.Application.History = append(f.seen.Application.History, e)
		}, "somebody deployed v42 after the alert began"},
		"a person is deploying a fix": {func(f *facts) {
			f.seen.Application.Operation = rolling("v43", "bob", false, false, deploy.PhaseRunning, 0)
		}, "bob is deploying v43 right now"},
		"auto-sync is deploying another": {func(f *facts) {
			f.seen.Application.Operation = rolling("v43", "", false, true, deploy.PhaseRunning, 0)
		}, ""},
		"the suspect itself is on its way": {func(f *facts) {
			f.seen.Application.Operation = rolling("v42", "bob", false, false, deploy.PhaseRunning, 4*time.Minute)
		}, ""},
		"an operation of a person has ended": {func(f *facts) {
			f.seen.Application.Operation = rolling("v43", "bob", false, false, deploy.PhaseFailed, time.Minute)
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			p := plan(but(tt.change))
			if len(p) != 1 {
				t.Fatalf("the plan is %+v", p)
			}
			if got := p[0].Refused; tt.reason == "" && got != "" || !strings.Contains(got, tt.reason) {
				t.Errorf("refused %q, want %q", got, tt.reason)
			}
		})
	}
}

func TestAFlagThatAPersonTouchedSinceTheAlertIsTheirs(t *testing.T) {
	for name, tt := range map[string]struct {
		change  ledger.FlagChange
		refused bool
	}{
		"a person, after the alert":  {ledger.FlagChange{At: noon().Add(time.Minute), To: "50%"}, true},
		"a person, before the alert": {ledger.FlagChange{At: noon().Add(-time.Minute), To: "on"}, false},
		"Guardian, after the alert":  {ledger.FlagChange{At: noon().Add(time.Minute), To: "off", By: "review-prod-1"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			p := plan(but(func(f *facts) {
				f.incident.Suspects = []ledger.Suspect{flagSuspect("ranking", 0.9)}
				f.flags = map[string][]ledger.FlagChange{"ranking": {tt.change}}
			}))
			if got := p[0].Refused != ""; got != tt.refused {
				t.Errorf("refused: %q", p[0].Refused)
			}
		})
	}
}

func TestTheGuardsOfARevertDoNotHoldAFlagBack(t *testing.T) {
	p := plan(but(func(f *facts) {
		f.incident.Suspects = []ledger.Suspect{flagSuspect("ranking", 0.9)}
		f.seen = ledger.Seen{Trouble: "connection refused", Application: deploy.Application{Owner: "ApplicationSet shop"}}
	}))
	if p[0].Kind != policy.RemedyFlag || p[0].Refused != "" || p[0].Safe != "off" {
		t.Errorf("the plan is %+v", p)
	}
}
