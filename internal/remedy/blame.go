package remedy

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/cinegit/guardian/internal/deploy"
	"github.com/cinegit/guardian/internal/ledger"
)

// scene is all that blame looks at.
type scene struct {
	incident string    // whose own changes are no suspects
	startsAt time.Time // of the first alert
	window   time.Duration
	app      deploy.Application
	runs     []ledger.Release               // the newest first
	flags    map[string][]ledger.FlagChange // the newest first
	unread   map[string]string              // flags that could not be read, and why
}

// slack is how far after the alert's start a change may be dated and still count as its cause:
// Argo CD's times are to the second, and clocks differ.
const slack = 5 * time.Second

// blame ranks what changed for the target before the alert, the likeliest first. The score
// falls by half with every eighth of the window that lies between change and alert, and with how
// often the same thing changed in the days before: what changes all the time seldom breaks.
func blame(s scene) []ledger.Suspect {
	suspects := append(releaseSuspects(s), flagSuspects(s)...)
	slices.SortStableFunc(suspects, func(a, b ledger.Suspect) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.ID, b.ID))
	})
	return suspects
}

// releaseSuspects are the release that runs and one that is stuck on its way, if they came
// within the window before the alert. Earlier releases in the window are gone already. Beside a stuck one
// the release before it comes second, and not at all where it proved good: the newest change is the
// likelier, however often releases come.
func releaseSuspects(s scene) []ledger.Suspect {
	running, runs := s.running()
	stuck, ok := stuckRelease(s.app)
	if !ok || !s.inWindow(stuck.at) {
		return running
	}
	stuck.from = liveLabel(s.app)
	first := s.release(stuck)
	if len(running) == 0 || s.proven(runs) {
		return []ledger.Suspect{first}
	}
	running[0].Score = min(running[0].Score, first.Score/2)
	return append(running, first)
}

func (s scene) proven(release string) bool {
	return slices.ContainsFunc(s.runs, func(r ledger.Release) bool { return r.ID == release && r.Proven() })
}

// running is the release that runs, as a suspect if it came within the window, and its identity.
func (s scene) running() (suspects []ledger.Suspect, release string) {
	live, ok := s.app.Live()
	if !ok || !s.inWindow(live.StartedAt) {
		return nil, ""
	}
	change := releaseChange{at: live.StartedAt, id: live.Identity(), name: live.Label(), kind: ledger.SuspectRelease}
	if before, ok := entryBefore(s.app.History, live.ID); ok {
		change.from = before.Label()
		if slices.Equal(before.Revisions, live.Revisions) {
			change.kind = ledger.SuspectParameter
		}
	}
	return []ledger.Suspect{s.release(change)}, change.id
}

type releaseChange struct {
	at             time.Time
	id, name, from string
	kind           ledger.SuspectKind
}

// stuckRelease is an operation that never became a history entry: still in progress, or failed
// after it may have applied some of its resources. A rollback is never one: it goes back to what was,
// and undoing it would be the revert of a revert.
func stuckRelease(app deploy.Application) (releaseChange, bool) {
	op := app.Operation
	if op == nil || op.DryRun || op.Rollback || op.Phase == deploy.PhaseSucceeded || len(op.Revisions) == 0 {
		return releaseChange{}, false
	}
	id := deploy.Identity(op.Sources, op.Revisions)
	if live, ok := app.Live(); ok && live.Identity() == id {
		return releaseChange{}, false
	}
	return releaseChange{at: op.StartedAt, id: id, name: deploy.Label(op.Sources, op.Revisions), kind: ledger.SuspectRelease}, true
}

func (s scene) release(c releaseChange) ledger.Suspect {
	often := 0
	for _, r := range s.runs {
		if r.From.Before(c.at) && s.startsAt.Sub(r.From) < 7*24*time.Hour {
			often++
		}
	}
	text := fmt.Sprintf("release %s came in %s", c.name, s.ago(c.at))
	switch {
	case c.kind == ledger.SuspectParameter:
		text = fmt.Sprintf("Helm parameters changed from %s to %s at the same revision %s", c.from, c.name, s.ago(c.at))
	case c.from != "":
		text = fmt.Sprintf("release %s replaced %s %s", c.name, c.from, s.ago(c.at))
	}
	return ledger.Suspect{
		Kind: c.kind, Name: c.name, ID: c.id, From: c.from, At: c.at,
		Score: s.score(c.at, often), Reason: text + frequency(often),
	}
}

func flagSuspects(s scene) []ledger.Suspect {
	var out []ledger.Suspect
	for key, changes := range s.flags {
		i := slices.IndexFunc(changes, func(c ledger.FlagChange) bool {
			if c.By != "" { // what Guardian does elsewhere as the alert begins is an answer to it, not its cause
				return c.By != s.incident && c.At.Before(s.startsAt)
			}
			return !c.At.After(s.startsAt.Add(slack))
		})
		if i < 0 || !s.inWindow(changes[i].At) || changes[i].By != "" {
			continue // nothing before the alert, too old, or our own doing
		}
		c, often := changes[i], len(changes)-i-1
		out = append(out, ledger.Suspect{
			Kind: ledger.SuspectFlag, Name: key, ID: key, From: c.From, At: c.At,
			Score:  s.score(c.At, often),
			Reason: fmt.Sprintf("flag %s went from %s to %s %s%s", key, c.From, c.To, s.ago(c.At), frequency(often)),
		})
	}
	return out
}

func (s scene) inWindow(at time.Time) bool {
	return !at.IsZero() && !at.After(s.startsAt.Add(slack)) && !at.Before(s.startsAt.Add(-s.window))
}

func (s scene) score(at time.Time, often int) float64 {
	gap := max(s.startsAt.Sub(at), 0)
	closeness := math.Exp2(-8 * gap.Seconds() / s.window.Seconds())
	return closeness / (1 + math.Log1p(float64(often)))
}

func (s scene) ago(at time.Time) string {
	gap := s.startsAt.Sub(at).Round(time.Second)
	if gap <= 0 {
		return "as the alert began"
	}
	return gap.String() + " before the alert began"
}

func frequency(often int) string {
	switch often {
	case 0:
		return "; no other change of it is on record for the week before"
	case 1:
		return "; it changed once in the week before"
	}
	return fmt.Sprintf("; it changed %d times in the week before", often)
}

func liveLabel(app deploy.Application) string {
	if live, ok := app.Live(); ok {
		return live.Label()
	}
	return ""
}

func entryBefore(history []deploy.Entry, id int64) (deploy.Entry, bool) {
	i := slices.IndexFunc(history, func(e deploy.Entry) bool { return e.ID == id })
	if i < 1 {
		return deploy.Entry{}, false
	}
	return history[i-1], true
}

// explain says why the first suspect is the first, or what is known beside there being none.
func explain(suspects []ledger.Suspect, window time.Duration, besides []string) string {
	if len(suspects) == 0 && len(besides) > 0 {
		return fmt.Sprintf("no suspect of the %s before the alert began: %s", window, strings.Join(besides, "; "))
	}
	if len(suspects) == 0 {
		return fmt.Sprintf("nothing changed in the %s before the alert began", window)
	}
	text := "most likely: " + suspects[0].Reason
	for _, s := range suspects[1:] {
		text += ". Also: " + s.Reason
	}
	if len(suspects) == 1 && len(besides) == 0 {
		text += ". Nothing else changed"
	}
	return text
}
