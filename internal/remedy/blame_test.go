package remedy

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/cinegit/guardian/internal/deploy"
	"github.com/cinegit/guardian/internal/ledger"
)

func sceneOf(history []deploy.Entry, op *deploy.Operation) scene {
	return scene{startsAt: noon(), window: time.Hour, app: deploy.Application{History: history, Operation: op, Sources: json.RawMessage(source)}}
}

// blamed are the suspects in a few words.
func blamed(suspects []ledger.Suspect) string {
	var words []string
	for _, s := range suspects {
		words = append(words, string(s.Kind)+" "+s.Name)
	}
	return strings.Join(words, ", ")
}

func TestBlameFindsWhatChangedBeforeTheAlert(t *testing.T) {
	old := entry(0, "v41", 5*time.Hour)
	helm := func(id int64, tag string, before time.Duration) deploy.Entry {
		e := entry(id, "v41", before)
		e.Sources = json.RawMessage(`{"helm":{"parameters":[{"name":"tag","value":"` + tag + `"}]}}`)
		return e
	}
	pending := rolling("v43", "bob", false, false, deploy.PhasePending, 0)
	pending.StartedAt = time.Time{}
	dry := rolling("v43", "bob", false, false, deploy.PhaseFailed, time.Minute)
	dry.DryRun = true
	for name, tt := range map[string]struct {
		history []deploy.Entry
		op      *deploy.Operation
		want    string
	}{
		"a release within the window":             {[]deploy.Entry{old, entry(1, "v42", 3*time.Minute)}, nil, "release v42"},
		"a release at the window's edge":          {[]deploy.Entry{old, entry(1, "v42", time.Hour)}, nil, "release v42"},
		"a release before the window":             {[]deploy.Entry{old, entry(1, "v42", time.Hour+time.Second)}, nil, ""},
		"a release as the alert began":            {[]deploy.Entry{old, entry(1, "v42", 0)}, nil, "release v42"},
		"a release that clocks put after it":      {[]deploy.Entry{old, entry(1, "v42", -5*time.Second)}, nil, "release v42"},
		"a release after the alert":               {[]deploy.Entry{old, entry(1, "v42", -6*time.Second)}, nil, ""},
		"one that is replaced is gone":            {[]deploy.Entry{entry(0, "v41", 9*time.Minute), entry(1, "v42", 3*time.Minute)}, nil, "release v42"},
		"the first ever":                          {[]deploy.Entry{entry(0, "v42", 3*time.Minute)}, nil, "release v42"},
		"Helm parameters at the same revision":    {[]deploy.Entry{helm(0, "a", time.Hour*5), helm(1, "b", 3*time.Minute)}, nil, "parameter tag=b"},
		"one that is stuck on its way":            {[]deploy.Entry{old}, rolling("v43", "ci", false, false, deploy.PhaseRunning, 2*time.Minute), "release v43"},
		"one that failed half way":                {[]deploy.Entry{old}, rolling("v43", "ci", false, false, deploy.PhaseFailed, 2*time.Minute), "release v43"},
		"one that ended in an error":              {[]deploy.Entry{old}, rolling("v43", "ci", false, false, deploy.PhaseError, 2*time.Minute), "release v43"},
		"one that nobody took up yet":             {[]deploy.Entry{old}, pending, ""},
		"a dry run":                               {[]deploy.Entry{old}, dry, ""},
		"a sync of what runs already":             {[]deploy.Entry{old}, rolling("v41", "ci", false, false, deploy.PhaseFailed, time.Minute), ""},
		"a rollback that failed is no suspect":    {[]deploy.Entry{old, entry(1, "v42", 2*time.Hour)}, rolling("v41", "guardian", true, false, deploy.PhaseFailed, time.Minute), ""},
		"a rollback that hangs is no suspect":     {[]deploy.Entry{old, entry(1, "v42", 2*time.Hour)}, rolling("v41", "bob", true, false, deploy.PhaseRunning, time.Minute), ""},
		"a rolled back release is what it is now": {[]deploy.Entry{old, entry(1, "v42", 9*time.Minute), entry(2, "v41", 3*time.Minute)}, nil, "release v41"},
		"nothing was ever deployed":               {nil, nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			if got := blamed(blame(sceneOf(tt.history, tt.op))); got != tt.want {
				t.Errorf("blamed %q, want %q", got, tt.want)
			}
		})
	}
}

func TestBlameFindsTheFlagThatAPersonFlippedBeforeTheAlert(t *testing.T) {
	change := func(before time.Duration, by string) ledger.FlagChange {
		return ledger.FlagChange{Flag: "ranking", At: noon().Add(-before), From: "off", To: "on", By: by}
	}
	for name, tt := range map[string]struct {
		changes []ledger.FlagChange // the newest first
		want    string
	}{
		"before the alert":                     {[]ledger.FlagChange{change(2*time.Minute, "")}, "flag ranking"},
		"too long ago":                         {[]ledger.FlagChange{change(2*time.Hour, "")}, ""},
		"after the alert":                      {[]ledger.FlagChange{change(-time.Minute, "")}, ""},
		"after it too":                         {[]ledger.FlagChange{change(-time.Minute, ""), change(2*time.Minute, "")}, "flag ranking"},
		"by Guardian itself":                   {[]ledger.FlagChange{change(2*time.Minute, "review-prod-0")}, ""},
		"by Guardian, and by a person earlier": {[]ledger.FlagChange{change(2*time.Minute, "review-prod-0"), change(9*time.Minute, "")}, ""},
		"never":                                {nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := sceneOf(nil, nil)
			s.flags = map[string][]ledger.FlagChange{"ranking": tt.changes}
			if got := blamed(blame(s)); got != tt.want {
				t.Errorf("blamed %q, want %q", got, tt.want)
			}
		})
	}
}

func TestTheExplanationIsASentenceWithTheOthersBehindIt(t *testing.T) {
	s := sceneOf([]deploy.Entry{entry(0, "v41", 5*time.Hour), entry(1, "v42", 3*time.Minute)}, nil)
	s.runs = []ledger.Release{run(s.app.History[1], false), run(s.app.History[0], true)}
	s.flags = map[string][]ledger.FlagChange{"ranking": {
		{At: noon().Add(-2 * time.Minute), From: "off", To: "on"},
		{At: noon().Add(-48 * time.Hour), From: "on", To: "off"}, {At: noon().Add(-49 * time.Hour), From: "off", To: "on"},
	}}
	want := "most likely: release v42 replaced v41 3m0s before the alert began; it changed once in the week before." +
		" Also: flag ranking went from off to on 2m0s before the alert began; it changed 2 times in the week before"
	if got := explain(blame(s), s.window, nil); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got := explain(nil, time.Hour, nil); got != "nothing changed in the 1h0m0s before the alert began" {
		t.Errorf("got %s", got)
	}
}

func TestScoresLieBetweenZeroAndOneAndFallWithDistanceAndFrequency(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := scene{startsAt: noon(), window: time.Duration(rapid.Int64Range(1, int64(24*time.Hour)).Draw(t, "window"))}
		gap := time.Duration(rapid.Int64Range(int64(-slack), int64(s.window)).Draw(t, "gap"))
		often := rapid.IntRange(0, 1000).Draw(t, "often")
		score := s.score(noon().Add(-gap), often)
		if score <= 0 || score > 1 || math.IsNaN(score) {
			t.Fatalf("score %v", score)
		}
		if further := s.score(noon().Add(-gap-time.Second), often); further > score {
			t.Fatalf("a second further away it rises from %v to %v", score, further)
		}
		if busier := s.score(noon().Add(-gap), often+1); busier >= score {
			t.Fatalf("once more it rises from %v to %v", score, busier)
		}
	})
}

func TestBlameNeverNamesAChangeAfterTheAlertOrBeforeTheWindowAndRanksTheRest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := sceneOf(nil, nil)
		minutes := rapid.SliceOfN(rapid.IntRange(-30, 120), 0, 5).Draw(t, "deployed")
		for i, m := range minutes {
			s.app.History = append(s.app.History, entry(int64(i), rapid.SampledFrom([]string{"v1", "v2", "v3"}).Draw(t, "revision"), time.Duration(m)*time.Minute))
		}
		s.flags = map[string][]ledger.FlagChange{}
		for _, key := range []string{"a", "b"} {
			for _, m := range rapid.SliceOfN(rapid.IntRange(-30, 120), 0, 3).Draw(t, "flipped") {
				s.flags[key] = append(s.flags[key], ledger.FlagChange{Flag: key, At: noon().Add(-time.Duration(m) * time.Minute)})
			}
		}
		last := 2.0
		for _, found := range blame(s) {
			if found.At.After(noon().Add(slack)) || found.At.Before(noon().Add(-s.window)) {
				t.Fatalf("%s changed at %s", found.Name, found.At)
			}
			if found.Score > last {
				t.Fatalf("%s with %v comes after one with %v", found.Name, found.Score, last)
			}
			last = found.Score
		}
	})
}
