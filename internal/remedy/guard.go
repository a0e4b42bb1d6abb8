package remedy

import (
	"fmt"
	"time"

	"github.com/cinegit/guardian/internal/deploy"
	"github.com/cinegit/guardian/internal/ledger"
	"github.com/cinegit/guardian/internal/policy"
)

// refusal gives the first reason why a remedy may not be carried out; "" if none speaks against it.
// Guards are decisions, not errors: each reason says what a person can do.
func (f facts) refusal(r ledger.Remedy) string {
	guards := []func(ledger.Remedy) string{f.ownSwitch, f.overridden, f.limited}
	if r.Kind == policy.RemedyFlag {
		guards = append(guards, f.flagTouched, f.flagSafe)
	} else {
		guards = append(guards, f.readable, f.owned, f.revertOfRevert, f.occupied, f.aimless, f.windowClosed)
	}
	for _, guard := range guards {
		if why := guard(r); why != "" {
			return why
		}
	}
	return ""
}

func (f facts) ownSwitch(ledger.Remedy) string {
	if f.may {
		return ""
	}
	return orElse(f.mayWhy, "Guardian's own switch is off")
}

// overridden: never past a human decision.
func (f facts) overridden(r ledger.Remedy) string {
	for _, o := range f.overrides {
		if o.Change == changeOf(r) {
			return fmt.Sprintf("%s decided against it on %s: %s", o.By, o.At.UTC().Format(time.DateTime), o.Why)
		}
	}
	return ""
}

// changeOf names what a remedy undoes, as ledger.Override does.
func changeOf(r ledger.Remedy) string {
	if r.Kind == policy.RemedyFlag {
		return "flag " + r.Flag
	}
	return r.Bad
}

// limited: cooldown of the target, breaker of the fleet, share of the services. An incident that
// has acted goes on to its next remedy.
func (f facts) limited(ledger.Remedy) string {
	if f.incident.Acted() {
		return ""
	}
	var recent int
	services := map[string]bool{f.incident.Target.Service: true}
	for _, act := range f.breaker.Acts {
		if act.Incident == f.incident.ID {
			continue
		}
		ago := f.now.Sub(act.At)
		if act.Target == f.incident.Target && ago < f.limits.Cooldown.D() {
			return fmt.Sprintf("Guardian changed %s %s ago (incident %s) and its cooldown is %s",
				act.Target, ago.Round(time.Second), act.Incident, f.limits.Cooldown)
		}
		if ago < f.limits.Fleet.In.D() {
			recent++
			services[act.Target.Service] = true
		}
	}
	if f.limits.Fleet.Count > 0 && recent >= f.limits.Fleet.Count {
		return fmt.Sprintf("the fleet limit of %s is reached: this may be no single release's doing", f.limits.Fleet)
	}
	if allowed := max(1, int(float64(f.limits.Share)*float64(f.services))); len(services) > allowed {
		return fmt.Sprintf("it would be the %d. of %d services changed within %s, and limits.share is %s",
			len(services), f.services, f.limits.Fleet.In, f.limits.Share)
	}
	return ""
}

func (f facts) flagTouched(r ledger.Remedy) string {
	for _, c := range f.flags[r.Flag] {
		if c.At.After(f.incident.StartsAt.Add(slack)) && c.By == "" {
			return fmt.Sprintf("somebody changed flag %s to %s after the alert began", r.Flag, c.To)
		}
	}
	return ""
}

// flagSafe: it was put to its safe variant before the alert began. One that Guardian has put there since, in
// another service's incident, may help here too.
func (f facts) flagSafe(r ledger.Remedy) string {
	changes := f.flags[r.Flag]
	if len(changes) == 0 || changes[0].To != r.Safe || changes[0].At.After(f.incident.StartsAt) {
		return ""
	}
	return "it was at its safe variant already when the alert began"
}

func (f facts) readable(ledger.Remedy) string {
	switch {
	case f.seen.Trouble != "":
		return "Argo CD could not be read: " + f.seen.Trouble
	case f.seen.At.IsZero():
		return "Argo CD was never read"
	}
	return ""
}

func (f facts) owned(ledger.Remedy) string {
	owner := f.seen.Application.Owner
	if owner == "" {
		return ""
	}
	return fmt.Sprintf("the application is made by %s, which would undo the change: revert there", owner)
}

// revertOfRevert: what runs was itself gone back to, by Guardian or by a person.
func (f facts) revertOfRevert(r ledger.Remedy) string {
	live, ok := f.seen.Application.Live()
	if !ok || live.Identity() != r.Bad {
		return ""
	}
	if f.revert.To == r.Bad && !live.StartedAt.Before(f.revert.At.Add(-slack)) {
		return fmt.Sprintf("%s is what incident %s reverted to: a revert is never reverted", r.BadName, f.revert.Incident)
	}
	op := f.seen.Application.Operation
	if op != nil && op.Rollback && deploy.Identity(op.Sources, op.Revisions) == live.Identity() {
		return fmt.Sprintf("%s was rolled back to by %s: a revert is never reverted", r.BadName, someone(op.InitiatedBy))
	}
	return ""
}

// occupied: a person is at work. An operation that ships the suspect itself may be terminated.
func (f facts) occupied(r ledger.Remedy) string {
	app := f.seen.Application
	if who := atWork(app, f.incident.StartsAt); who != "" {
		return who
	}
	op := app.Operation
	if !op.InProgress() || op.Automated || len(op.Revisions) == 0 && !op.Rollback {
		return ""
	}
	if deploy.Identity(op.Sources, op.Revisions) == r.Bad {
		return ""
	}
	return fmt.Sprintf("%s is deploying %s right now", someone(op.InitiatedBy), deploy.Label(op.Sources, op.Revisions))
}

func (f facts) aimless(r ledger.Remedy) string {
	if r.To != nil {
		return ""
	}
	return "Argo CD's history holds no other release that is not quarantined: ship a fix"
}

func (f facts) windowClosed(ledger.Remedy) string {
	if f.seen.SyncAllowed {
		return ""
	}
	return "a sync window forbids it now (" + f.seen.SyncWhy + "): open the window, or set manualSync on it"
}
