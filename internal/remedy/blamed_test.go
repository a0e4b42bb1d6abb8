package remedy

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cinegit/guardian/internal/deploy"
	"github.com/cinegit/guardian/internal/ledger"
)

// reasons are the names and reasons of suspects.
func reasons(suspects []ledger.Suspect) (all []string) {
	for _, s := range suspects {
		all = append(all, s.Name+": "+s.Reason)
	}
	return all
}

func TestBesideAStuckReleaseTheOneThatRunsComesSecondUnlessItProvedGood(t *testing.T) {
	old, running := entry(0, "v41", 5*time.Hour), entry(1, "v42", 3*time.Minute)
	stuck := rolling("v43", "ci", false, false, deploy.PhaseRunning, 2*time.Minute)
	for name, tt := range map[string]struct {
		history []deploy.Entry
		runs    []ledger.Release
		want    []string
	}{
		"not proved": {[]deploy.Entry{old, running}, []ledger.Release{run(running, false), run(old, true)}, []string{
			"v43: release v43 replaced v42 2m0s before the alert began; it changed 2 times in the week before",
			"v42: release v42 replaced v41 3m0s before the alert began; it changed once in the week before",
		}},
		"proved": {[]deploy.Entry{old, running}, []ledger.Release{run(running, true), run(old, false)}, []string{
			"v43: release v43 replaced v42 2m0s before the alert began; it changed 2 times in the week before",
		}},
		"of long ago": {[]deploy.Entry{old}, []ledger.Release{run(old, false)}, []string{
			"v43: release v43 replaced v41 2m0s before the alert began; it changed once in the week before",
		}},
		"none": {nil, nil, []string{"v43: release v43 came in 2m0s before the alert began; no other change of it is on record for the week before"}},
	} {
		s := sceneOf(tt.history, stuck)
		s.runs = tt.runs
		got := blame(s)
		if diff := cmp.Diff(tt.want, reasons(got)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		if len(got) == 2 && got[1].Score > got[0].Score/2 {
			t.Errorf("%s: the second has %v of %v", name, got[1].Score, got[0].Score)
		}
	}
}

func TestAChangeIsToldWithWhatItWasAndHowOftenItCameInTheWeekBefore(t *testing.T) {
	const week = 7 * 24 * time.Hour
	helm := func(id int64, tag string, before time.Duration) deploy.Entry {
		e := entry(id, "v41", before)
		e.Sources = []byte(`{"helm":{"parameters":[{"name":"tag","value":"` + tag + `"}]}}`)
		return e
	}
	for want, history := range map[string][]deploy.Entry{
		"Helm parameters changed from tag=a to tag=b at the same revision 3m0s before the alert began; it changed once in the week before": {helm(0, "a", 5*time.Hour), helm(1, "b", 3*time.Minute)},
		"release v42 replaced v41 as the alert began; it changed once in the week before":                                                  {entry(0, "v41", 5*time.Hour), entry(1, "v42", 0)},
		"release v43 replaced v42 as the alert began; it changed 2 times in the week before":                                               {entry(0, "v41", week-time.Second), entry(1, "v42", 5*time.Hour), entry(2, "v43", -slack)},
		"release v44 replaced v41 1s before the alert began; no other change of it is on record for the week before":                       {entry(0, "v41", week), entry(1, "v44", time.Second)},
		"release v45 came in 1s before the alert began; no other change of it is on record for the week before":                            {entry(0, "v45", time.Second)},
	} {
		s := sceneOf(history, nil)
		for _, e := range history {
			s.runs = append(s.runs, run(e, false))
		}
		if got := blame(s); len(got) != 1 || got[0].Reason != want {
			t.Errorf("got  %+v\nwant %s", got, want)
		}
	}
}

func TestAFlagThatGuardianTookElsewhereHidesWhatAPersonDidBeforeOnlyIfItCameFirst(t *testing.T) {
	by := func(incident string, before time.Duration) ledger.FlagChange {
		return ledger.FlagChange{Flag: "ranking", At: noon().Add(-before), From: "off", To: "on", By: incident}
	}
	person := by("", 2*time.Minute)
	for name, tt := range map[string]struct {
		newest ledger.FlagChange
		want   string
	}{
		"elsewhere, before the alert":   {by("another", time.Second), ""},
		"elsewhere, as the alert began": {by("another", 0), "flag ranking"},
		"elsewhere, just after it":      {by("another", -time.Second), "flag ranking"},
		"here":                          {by("i", time.Second), "flag ranking"},
		"here, after the alert began":   {by("i", -time.Second), "flag ranking"},
	} {
		s := sceneOf(nil, nil)
		s.incident, s.flags = "i", map[string][]ledger.FlagChange{"ranking": {tt.newest, person}}
		if got := blamed(blame(s)); got != tt.want {
			t.Errorf("%s: blamed %q, want %q", name, got, tt.want)
		}
	}
}

func TestTheExplanationNeverSaysThatNothingChangedWhereSomethingIsKnownBeside(t *testing.T) {
	one, two := suspect("v42", 1), suspect("v41", 0.5)
	one.Reason, two.Reason = "A", "B"
	for _, tt := range []struct {
		suspects []ledger.Suspect
		besides  []string
		want     string
	}{
		{nil, nil, "nothing changed in the 1h0m0s before the alert began"},
		{nil, []string{"x", "y"}, "no suspect of the 1h0m0s before the alert began: x; y"},
		{[]ledger.Suspect{one}, nil, "most likely: A. Nothing else changed"},
		{[]ledger.Suspect{one}, []string{"x"}, "most likely: A"},
		{[]ledger.Suspect{one, two}, nil, "most likely: A. Also: B"},
	} {
		if got := explain(tt.suspects, time.Hour, tt.besides); got != tt.want {
			t.Errorf("got %s\nwant %s", got, tt.want)
		}
	}
}
