package remedy

import (
	"fmt"
	"slices"
	"time"

	"github.com/cinegit/guardian/internal/deploy"
	"github.com/cinegit/guardian/internal/ledger"
	"github.com/cinegit/guardian/internal/policy"
)

// facts is all that choose looks at.
type facts struct {
	now      time.Time
	incident ledger.Incident
	service  policy.Service
	rule     policy.Rule
	limits   policy.Limits
	services int // how many the policy has

	seen        ledger.Seen
	runs        []ledger.Release // the newest first
	flags       map[string][]ledger.FlagChange
	quarantined map[string]bool // release identities, at this target
	overrides   []ledger.Override
	breaker     ledger.Breaker
	revert      ledger.Revert // the last one at this target
	may         bool          // Guardian's own switch
	mayWhy      string
}

// weak is the share of the best suspect's score below which a suspect waits until the
// remedies of the others are tried: the cheapest remedy first, but not against the evidence.
const weak = 0.1

// plan gives the remedies of the rule in the order in which they are to be tried, each with the
// reason where a guard refuses it. What the incident already tried stays marked so.
func plan(f facts) []ledger.Remedy {
	if len(f.incident.Suspects) == 0 {
		return nil
	}
	best := f.incident.Suspects[0].Score
	var strong, rest []ledger.Remedy
	for _, kind := range f.rule.Remedies {
		for _, suspect := range f.incident.Suspects {
			if !fits(kind, suspect) {
				continue
			}
			remedy := f.remedy(kind, suspect)
			if suspect.Score >= weak*best {
				strong = append(strong, remedy)
			} else {
				rest = append(rest, remedy)
			}
		}
	}
	return append(strong, rest...)
}

func fits(kind policy.RemedyKind, s ledger.Suspect) bool {
	return (kind == policy.RemedyFlag) == (s.Kind == ledger.SuspectFlag)
}

func (f facts) remedy(kind policy.RemedyKind, s ledger.Suspect) ledger.Remedy {
	r := ledger.Remedy{Kind: kind}
	if kind == policy.RemedyFlag {
		r.Flag, r.Safe = s.Name, f.service.Flags[s.Name].Safe
	} else {
		r.Bad, r.BadName = s.ID, s.Name
		f.aim(&r)
		r.BadImages = f.ownImages(r)
	}
	if before, ok := tried(f.incident.Plan, r); ok {
		return before
	}
	r.Refused = f.refusal(r)
	return r
}

func tried(plan []ledger.Remedy, r ledger.Remedy) (ledger.Remedy, bool) {
	i := slices.IndexFunc(plan, func(p ledger.Remedy) bool {
		return p.Tried && p.Kind == r.Kind && p.Flag == r.Flag && p.Bad == r.Bad
	})
	if i < 0 {
		return ledger.Remedy{}, false
	}
	return plan[i], true
}

// aim finds where a revert goes: the newest history entry that proved good here and is not
// quarantined. Where none proved good, the newest other one, to be asked about or allowed by policy.
// Entries are compared by content: after a rollback the entry before the newest is the bad one.
func (f facts) aim(r *ledger.Remedy) {
	unproven := -1
	history := f.seen.Application.History
	for i := len(history) - 1; i >= 0; i-- {
		id := history[i].Identity()
		if id == r.Bad || f.quarantined[id] {
			continue
		}
		if f.proven(id) {
			r.To, r.ToName, r.Images = &history[i], history[i].Label(), f.images(id)
			return
		}
		if unproven < 0 {
			unproven = i
		}
	}
	if unproven < 0 {
		return
	}
	entry := history[unproven]
	r.To, r.ToName, r.Images = &entry, entry.Label(), f.images(entry.Identity())
	if f.service.Unproven != policy.UnprovenAllow {
		r.Ask = entry.Label() + " never proved good here; no release did"
	}
}

func (f facts) proven(release string) bool {
	return slices.ContainsFunc(f.runs, func(r ledger.Release) bool { return r.ID == release && r.Proven() })
}

func (f facts) images(release string) []string {
	for _, r := range f.runs {
		if r.ID == release && len(r.Images) > 0 {
			return r.Images
		}
	}
	return nil
}

// ownImages are what the release that is left runs and the one gone back to does not: by their tags a pipeline
// may name it. None where it is not known what either runs.
func (f facts) ownImages(r ledger.Remedy) []string {
	if len(r.Images) == 0 {
		return nil
	}
	images, app := f.images(r.Bad), f.seen.Application
	if live, ok := app.Live(); len(images) == 0 && ok && live.Identity() == r.Bad {
		images = app.Images // it was never Healthy, so that they are in no journal
	}
	return slices.DeleteFunc(slices.Clone(images), func(image string) bool { return slices.Contains(r.Images, image) })
}

func hand(r ledger.Remedy) string {
	if r.Kind == policy.RemedyFlag {
		return HandFlag
	}
	return HandArgoCD
}

// inWords is the plan for a timeline: what comes first, and what was refused and why.
func inWords(p []ledger.Remedy, at int) string {
	var text string
	if at >= 0 {
		text = "chosen: " + p[at].What()
	} else {
		text = "no remedy is left"
	}
	for i, r := range p {
		switch {
		case i == at:
		case r.Refused != "":
			text += fmt.Sprintf("; refused: %s, because %s", r.What(), r.Refused)
		case r.Tried:
			text += fmt.Sprintf("; tried: %s, %s", r.What(), r.Outcome)
		default:
			text += "; kept for later: " + r.What()
		}
	}
	return text
}

// atWork names a person who has changed the release since the alert began; "" if nobody did.
func atWork(app deploy.Application, startsAt time.Time) string {
	if live, ok := app.Live(); ok && !live.Automated && live.StartedAt.After(startsAt.Add(slack)) {
		return fmt.Sprintf("%s deployed %s after the alert began", someone(live.InitiatedBy), live.Label())
	}
	return ""
}

// deployer names who deployed an entry.
func deployer(e deploy.Entry) string {
	if e.Automated {
		return "auto-sync"
	}
	return someone(e.InitiatedBy)
}

func someone(name string) string {
	if name == "" {
		return "somebody"
	}
	return name
}
