package remedy

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/cinegit/guardian/internal/deploy"
	"github.com/cinegit/guardian/internal/ledger"
	"github.com/cinegit/guardian/internal/policy"
)

// anyFacts draws a situation: any history, with any of it proved, quarantined, overridden or reverted to.
func anyFacts(t *rapid.T) facts {
	f := plain()
	revision := rapid.SampledFrom([]string{"v1", "v2", "v3", "v4"})
	f.seen.Application.History, f.runs = nil, nil
	for i, r := range rapid.SliceOfN(revision, 0, 6).Draw(t, "history") {
		e := entry(int64(i), r, time.Duration(60-9*i)*time.Minute)
		e.Automated = rapid.Bool().Draw(t, "automated")
		f.seen.Application.History = append(f.seen.Application.History, e)
		f.runs = append([]ledger.Release{run(e, rapid.Bool().Draw(t, "proven"))}, f.runs...)
	}
	f.incident.Suspects = nil
	for _, r := range rapid.SliceOfNDistinct(revision, 0, 2, rapid.ID).Draw(t, "suspects") {
		f.incident.Suspects = append(f.incident.Suspects, suspect(r, rapid.Float64Range(0.01, 1).Draw(t, "score")))
	}
	for _, key := range rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"ranking", "cache"}), 0, 2, rapid.ID).Draw(t, "flags") {
		f.incident.Suspects = append(f.incident.Suspects, flagSuspect(key, rapid.Float64Range(0.01, 1).Draw(t, "score")))
	}
	for _, r := range rapid.SliceOfDistinct(revision, rapid.ID).Draw(t, "quarantined") {
		f.quarantined[identity(r)] = true
	}
	for _, r := range rapid.SliceOfNDistinct(revision, 0, 2, rapid.ID).Draw(t, "overridden") {
		f.overrides = append(f.overrides, ledger.Override{Target: prod(), Change: identity(r), By: "alice"})
	}
	if rapid.Bool().Draw(t, "reverted") {
		f.revert = ledger.Revert{To: identity(revision.Draw(t, "to")), Incident: "review-prod-0", At: noon().Add(-3 * time.Hour)}
	}
	if rapid.Bool().Draw(t, "operation") {
		f.seen.Application.Operation = rolling(revision.Draw(t, "operating"), "bob", rapid.Bool().Draw(t, "rollback"),
			rapid.Bool().Draw(t, "automated"), rapid.SampledFrom([]string{deploy.PhaseRunning, deploy.PhaseSucceeded, deploy.PhaseFailed}).Draw(t, "phase"), time.Minute)
	}
	f.service.Unproven = rapid.SampledFrom([]policy.Unproven{policy.UnprovenSuggest, policy.UnprovenAllow}).Draw(t, "unproven")
	f.seen.SyncAllowed = rapid.Bool().Draw(t, "window")
	f.may = rapid.Float64().Draw(t, "may") > 0.1
	return f
}

// carriedOut are the reverts of a plan that Guardian would carry out, with or without asking.
func carriedOut(p []ledger.Remedy) []ledger.Remedy {
	return slices.DeleteFunc(slices.Clone(p), func(r ledger.Remedy) bool { return r.Refused != "" || r.Kind != policy.RemedyRevert })
}

func TestARevertNeverGoesToAQuarantinedRelease(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := anyFacts(t)
		for _, r := range carriedOut(plan(f)) {
			if f.quarantined[r.To.Identity()] {
				t.Fatalf("%s goes to %s", r.BadName, r.ToName)
			}
		}
	})
}

func TestARevertNeverGoesToAnUnprovenReleaseWithoutAskingUnlessThePolicyAllows(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := anyFacts(t)
		for _, r := range carriedOut(plan(f)) {
			if !f.proven(r.To.Identity()) && r.Ask == "" && f.service.Unproven != policy.UnprovenAllow {
				t.Fatalf("%s goes to %s", r.BadName, r.ToName)
			}
			better := slices.ContainsFunc(f.seen.Application.History, func(e deploy.Entry) bool {
				return f.proven(e.Identity()) && !f.quarantined[e.Identity()] && e.Identity() != r.Bad
			})
			if better && !f.proven(r.To.Identity()) {
				t.Fatalf("%s goes to %s although another proved good", r.BadName, r.ToName)
			}
		}
	})
}

func TestARevertNeverGoesWhereItComesFrom(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		for _, r := range carriedOut(plan(anyFacts(t))) {
			if r.To.Identity() == r.Bad {
				t.Fatalf("%s goes to itself", r.BadName)
			}
		}
	})
}

func TestARevertIsNeverReverted(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := anyFacts(t)
		live, ok := f.seen.Application.Live()
		for _, r := range carriedOut(plan(f)) {
			if !ok || live.Identity() != r.Bad {
				continue
			}
			if f.revert.To == r.Bad && !live.StartedAt.Before(f.revert.At) {
				t.Fatalf("%s is what %s reverted to", r.BadName, f.revert.Incident)
			}
			if op := f.seen.Application.Operation; op != nil && op.Rollback && deploy.Identity(op.Sources, op.Revisions) == r.Bad {
				t.Fatalf("%s was rolled back to", r.BadName)
			}
		}
	})
}

func TestNoRemedyGoesPastAPersonsDecision(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := anyFacts(t)
		for _, r := range carriedOut(plan(f)) {
			if slices.ContainsFunc(f.overrides, func(o ledger.Override) bool { return o.Change == r.Bad }) {
				t.Fatalf("%s, which a person decided to keep", r.BadName)
			}
			if who := atWork(f.seen.Application, f.incident.StartsAt); who != "" {
				t.Fatalf("%s, although %s", r.BadName, who)
			}
			if op := f.seen.Application.Operation; op.InProgress() && !op.Automated && deploy.Identity(op.Sources, op.Revisions) != r.Bad {
				t.Fatalf("%s, although %s is deploying", r.BadName, op.InitiatedBy)
			}
		}
	})
}

func TestNothingIsPlannedThatIsRefusedAndNotExplained(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := anyFacts(t)
		p := plan(f)
		if i := ledger.Next(p); i >= 0 && (p[i].Refused != "" || p[i].Tried) {
			t.Fatalf("next is %+v", p[i])
		}
		if len(p) != 0 && len(p) != len(f.incident.Suspects) {
			t.Fatalf("%d suspects and %d remedies", len(f.incident.Suspects), len(p))
		}
		if !f.may && ledger.Next(p) >= 0 {
			t.Fatal("Guardian's own switch is off")
		}
	})
}

func TestThePlanOfTheSameFactsIsTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := anyFacts(t)
		if diff := cmp.Diff(plan(f), plan(f)); diff != "" {
			t.Fatal(diff)
		}
	})
}

func TestThePlanDoesNotKnowTheMode(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := anyFacts(t)
		f.incident.Mode = policy.Act
		acting := plan(f)
		for _, mode := range []policy.Mode{policy.Suggest, policy.Observe} {
			f.incident.Mode = mode
			if diff := cmp.Diff(acting, plan(f)); diff != "" {
				t.Fatalf("%s plans otherwise than act:\n%s", mode, diff)
			}
		}
	})
}

// The limits bound what Guardian does over any sequence of incidents, however they come.
func TestCooldownAndFleetLimitsBoundTheActsOverAnySequenceOfIncidents(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limits := policy.Limits{
			Cooldown: policy.Duration(time.Duration(rapid.IntRange(0, 60).Draw(t, "cooldown")) * time.Minute),
			Fleet:    policy.Rate{Count: rapid.IntRange(1, 4).Draw(t, "count"), In: policy.Duration(time.Duration(rapid.IntRange(1, 60).Draw(t, "in")) * time.Minute)},
			Share:    policy.Percent(rapid.Float64Range(0.01, 1).Draw(t, "share")),
		}
		const services = 5
		now, breaker := noon(), ledger.Breaker{}
		var all []ledger.Act
		for i := range rapid.IntRange(1, 60).Draw(t, "incidents") {
			now = now.Add(time.Duration(rapid.IntRange(0, 20*60).Draw(t, "seconds")) * time.Second)
			target := ledger.Target{Service: rapid.SampledFrom([]string{"a", "b", "c", "d", "e"}).Draw(t, "service"), Stage: rapid.SampledFrom([]string{"dev", "prod"}).Draw(t, "stage")}
			c := course{now: now, acts: breaker, pol: &policy.Policy{Limits: limits}}
			c.inc = ledger.Incident{ID: string(rune('A' + i)), Target: target}
			at := facts{now: now, incident: c.inc, limits: limits, services: services, breaker: breaker}
			if at.limited(ledger.Remedy{}) != "" {
				continue
			}
			c.count()
			breaker = *c.breaker
			all = append(all, ledger.Act{Target: target, Incident: c.inc.ID, At: now})
			check(t, all, limits, services)
		}
	})
}

// check looks at all acts, which the breaker may have forgotten, from the newest one.
func check(t *rapid.T, all []ledger.Act, limits policy.Limits, services int) {
	newest := all[len(all)-1]
	recent, changed := 0, map[string]bool{}
	for _, a := range all {
		if newest.At.Sub(a.At) < limits.Fleet.In.D() {
			recent++
			changed[a.Target.Service] = true
		}
		if a.Incident != newest.Incident && a.Target == newest.Target && newest.At.Sub(a.At) < limits.Cooldown.D() {
			t.Fatalf("%s was changed twice within %s", a.Target, limits.Cooldown)
		}
	}
	if recent > limits.Fleet.Count {
		t.Fatalf("%d acts in %s", recent, limits.Fleet)
	}
	if len(changed) > max(1, int(float64(limits.Share)*float64(services))) {
		t.Fatalf("%d of %d services changed at a share of %s", len(changed), services, limits.Share)
	}
}
