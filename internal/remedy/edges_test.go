package remedy

import (
	"strings"
	"testing"
	"time"

	"github.com/cinegit/guardian/internal/deploy"
	"github.com/cinegit/guardian/internal/flag"
	"github.com/cinegit/guardian/internal/health"
	"github.com/cinegit/guardian/internal/ledger"
	"github.com/cinegit/guardian/internal/policy"
)

func TestGuardsAtTheirEdges(t *testing.T) {
	busy := func(rollback bool) func(f *facts) {
		return func(f *facts) {
			op := rolling("", "bob", rollback, false, deploy.PhasePending, 0)
			op.Revisions = nil
			f.seen.Application.Operation = op
		}
	}
	for name, tt := range map[string]struct {
		change func(f *facts)
		reason string
	}{
		"no fleet limit is none": {func(f *facts) { f.limits.Fleet = policy.Rate{} }, ""},
		"no fleet limit however many were changed": {func(f *facts) {
			f.limits.Fleet.Count, f.limits.Share = 0, 1
			f.breaker = acts(f.now, map[string]time.Duration{"a": 1, "b": 1, "c": 1, "d": 1})
		}, ""},
		"a suspect that does not run is no revert of a revert": {func(f *facts) {
			f.seen.Application.History = append(f.seen.Application.History, entry(2, "v43", time.Minute))
			f.revert = ledger.Revert{To: identity("v42"), Incident: "review-prod-0", At: noon().Add(-2 * time.Minute)}
		}, ""},
		"nor is one that was gone back to before another came": {func(f *facts) {
			f.seen.Application.History = append(f.seen.Application.History, entry(2, "v43", time.Minute))
			f.seen.Application.Operation = rolling("v42", "bob", true, false, deploy.PhaseSucceeded, 3*time.Minute)
		}, ""},
		"auto-sync deployed after the alert began": {func(f *facts) {
			f.seen.Application.History = append(f.seen.Application.History, entry(2, "v43", -time.Minute))
		}, ""},
		"a sync whose revision is not known yet": {busy(false), ""},
		"a rollback is a person's choice":        {busy(true), "bob is deploying unknown right now"},
	} {
		t.Run(name, func(t *testing.T) {
			p := plan(but(tt.change))
			if got := p[0].Refused; tt.reason == "" && got != "" || !strings.Contains(got, tt.reason) {
				t.Errorf("refused %q, want %q", got, tt.reason)
			}
		})
	}
}

func TestTheCheapestRemedyComesFirstButNotAgainstTheEvidence(t *testing.T) {
	for score, first := range map[float64]policy.RemedyKind{0.1: policy.RemedyFlag, 0.099: policy.RemedyRevert} {
		p := plan(but(func(f *facts) {
			f.incident.Suspects = []ledger.Suspect{suspect("v42", 1), flagSuspect("ranking", score)}
		}))
		if len(p) != 2 || p[0].Kind != first {
			t.Errorf("a flag of %v beside a release of 1: %+v", score, p)
		}
	}
}

func TestWhatWasOnlyRefusedIsJudgedAnewAndWhatWasTriedStays(t *testing.T) {
	p := plan(but(func(f *facts) {
		f.incident.Suspects = []ledger.Suspect{suspect("v42", 1), flagSuspect("ranking", 0.9), flagSuspect("cache", 0.8)}
		f.incident.Plan = []ledger.Remedy{
			{Kind: policy.RemedyFlag, Flag: "ranking", Tried: true, Outcome: "it did not help"},
			{Kind: policy.RemedyFlag, Flag: "cache", Refused: "the store was down"},
			{Kind: policy.RemedyRevert, Bad: identity("v42"), Refused: "Argo CD could not be read"},
		}
	}))
	if len(p) != 3 || !p[0].Tried || p[0].Outcome != "it did not help" || p[1].Tried || p[1].Refused != "" || p[2].Tried || p[2].Refused != "" {
		t.Errorf("the plan is %+v", p)
	}
}

func TestTheImagesOfWhatIsGoneBackToAreThoseOfARunThatShowedThem(t *testing.T) {
	old := entry(0, "v41", 5*time.Hour)
	unseen, seen, other := run(old, true), run(old, false), run(entry(1, "v42", time.Minute), false)
	unseen.Images = nil
	p := plan(but(func(f *facts) { f.runs = []ledger.Release{other, unseen, seen} }))
	if got := strings.Join(p[0].Images, " "); got != "review:v41" {
		t.Errorf("its images are %q", got)
	}
	p = plan(but(func(f *facts) { f.runs = []ledger.Release{other, unseen} }))
	if len(p[0].Images) != 0 {
		t.Errorf("images that nobody saw: %q", p[0].Images)
	}
}

func TestAPlanInWordsTellsOfEveryRemedyOnce(t *testing.T) {
	p := []ledger.Remedy{
		{Kind: policy.RemedyFlag, Flag: "a", Safe: "off"}, {Kind: policy.RemedyFlag, Flag: "b", Safe: "off", Refused: "bob is at work"},
		{Kind: policy.RemedyFlag, Flag: "c", Safe: "off", Tried: true, Outcome: "it did not help"}, {Kind: policy.RemedyRevert, BadName: "v42"},
	}
	for at, want := range map[int]string{
		0:  "chosen: put flag a to its safe variant off; refused: put flag b to its safe variant off, because bob is at work; tried: put flag c to its safe variant off, it did not help; kept for later: revert release v42",
		3:  "chosen: revert release v42; kept for later: put flag a to its safe variant off; refused: put flag b to its safe variant off, because bob is at work; tried: put flag c to its safe variant off, it did not help",
		-1: "no remedy is left; kept for later: put flag a to its safe variant off; refused: put flag b to its safe variant off, because bob is at work; tried: put flag c to its safe variant off, it did not help; kept for later: revert release v42",
	} {
		if got := inWords(p, at); got != want {
			t.Errorf("at %d:\n got %s\nwant %s", at, got, want)
		}
	}
}

func TestARemedyIsCarriedOutByTheHandThatReachesIt(t *testing.T) {
	p := []ledger.Remedy{{Kind: policy.RemedyFlag}, {Kind: policy.RemedyRevert}}
	for current, want := range map[int]string{-1: "", 0: HandFlag, 1: HandArgoCD, 2: ""} {
		c := course{inc: ledger.Incident{ID: "i", Step: ledger.StepAct, Plan: p, Current: current}}
		if got := c.answer(1500 * time.Millisecond); got != (Answer{ID: "i", Next: ledger.StepAct, Wait: 2, Hand: want}) {
			t.Errorf("remedy %d: %+v", current, got)
		}
	}
}

func TestWhatLiesBeforeTheChangeThatARemedyUndoesIsWhatHealthyLookedLike(t *testing.T) {
	suspects := []ledger.Suspect{suspect("v43", 1), suspect("v42", 0.8), flagSuspect("ranking", 0.7)}
	for i := range suspects {
		suspects[i].At = noon().Add(-time.Duration(i+1) * time.Minute)
	}
	for name, tt := range map[string]struct {
		remedy ledger.Remedy
		want   time.Duration
	}{
		"a release": {ledger.Remedy{Kind: policy.RemedyRevert, Bad: identity("v42")}, -2 * time.Minute},
		"a flag":    {ledger.Remedy{Kind: policy.RemedyFlag, Flag: "ranking"}, -3 * time.Minute},
		"neither":   {ledger.Remedy{Kind: policy.RemedyFlag, Flag: "cache"}, 0},
	} {
		c := course{inc: ledger.Incident{StartsAt: noon(), Suspects: suspects, Plan: []ledger.Remedy{tt.remedy}}}
		if got := c.changedAt(); !got.Equal(noon().Add(tt.want)) {
			t.Errorf("%s: %s", name, got)
		}
	}
}

func TestALookIsTooEarlyUntilItsIntervalIsOver(t *testing.T) {
	at := func(before time.Duration) []health.Finding { return []health.Finding{{At: noon().Add(-before)}} }
	for name, tt := range map[string]struct {
		looks    int
		verified []health.Finding
		early    bool
	}{
		"never looked":              {0, nil, false},
		"only another remedy's":     {0, at(time.Second), false},
		"a look of no gate":         {1, nil, false},
		"a second ago":              {1, at(time.Second), true},
		"just under its interval":   {3, at(15*time.Second - 1), true},
		"its interval ago":          {3, at(15 * time.Second), false},
		"longer than that":          {3, at(time.Hour), false},
		"by a clock that was ahead": {1, at(-time.Second), true},
	} {
		c := course{now: noon(), inc: ledger.Incident{Judgement: health.Judgement{Looks: tt.looks}, Verified: tt.verified}}
		if got := c.early(15 * time.Second); (got > 0) != tt.early {
			t.Errorf("%s: %s", name, got)
		}
	}
}

func TestOnlyAYesToJustThisRemedyApprovesIt(t *testing.T) {
	revert := ledger.Remedy{Kind: policy.RemedyRevert, Bad: "b"}
	for name, tt := range map[string]struct {
		approval *ledger.Approval
		approved bool
	}{
		"nobody asked":   {nil, false},
		"yes":            {&ledger.Approval{Granted: true, Change: "b"}, true},
		"no":             {&ledger.Approval{Change: "b"}, false},
		"yes to another": {&ledger.Approval{Granted: true, Change: "c"}, false},
		"yes to a flag":  {&ledger.Approval{Granted: true, Change: "flag b"}, false},
		"yes to nothing": {&ledger.Approval{Granted: true}, false},
	} {
		if got := approved(ledger.Incident{Approval: tt.approval}, revert); got != tt.approved {
			t.Errorf("%s: %t", name, got)
		}
	}
}

func TestOnlyWhatAnIncidentTriedIsTakenForItsDoing(t *testing.T) {
	old := entry(0, "v41", time.Hour)
	safe, on := flag.Definition{Key: "ranking", Serving: "off", Enabled: true}, flag.Definition{Key: "ranking", Serving: "on", Enabled: true}
	put := ledger.Remedy{Kind: policy.RemedyFlag, Flag: "ranking", Safe: "off", Tried: true}
	reverted := ledger.Remedy{Kind: policy.RemedyRevert, To: &old, Tried: true}
	untried := func(r ledger.Remedy) ledger.Remedy { r.Tried = false; return r }
	other := put
	other.Flag = "cache"
	for name, tt := range map[string]struct {
		plan []ledger.Remedy
		now  flag.Definition
		ours bool
	}{
		"put":                  {[]ledger.Remedy{reverted, put}, safe, true},
		"not at its safe one":  {[]ledger.Remedy{put}, on, false},
		"only planned":         {[]ledger.Remedy{untried(put)}, safe, false},
		"another flag's":       {[]ledger.Remedy{other}, safe, false},
		"nothing was to be it": {nil, safe, false},
	} {
		if got := putToSafe(ledger.Incident{Plan: tt.plan}, tt.now); got != tt.ours {
			t.Errorf("a flag that was %s: %t", name, got)
		}
	}
	for name, tt := range map[string]struct {
		remedy ledger.Remedy
		went   bool
	}{
		"tried": {reverted, true}, "only planned": {untried(reverted), false}, "of a flag": {put, false},
	} {
		if got := wentTo(ledger.Incident{Plan: []ledger.Remedy{tt.remedy}}, old.Identity()); got != tt.went {
			t.Errorf("a revert %s: %t", name, got)
		}
	}
}
