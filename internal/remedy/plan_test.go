package remedy

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cinegit/guardian/internal/deploy"
	"github.com/cinegit/guardian/internal/ledger"
	"github.com/cinegit/guardian/internal/policy"
)

// planned gives the plan's remedies in a few words.
func planned(p []ledger.Remedy) string {
	var words []string
	for _, r := range p {
		switch {
		case r.Kind == policy.RemedyFlag:
			words = append(words, r.Flag+"="+r.Safe)
		case r.To == nil:
			words = append(words, r.BadName+">?")
		default:
			words = append(words, r.BadName+">"+r.ToName)
		}
	}
	return strings.Join(words, " ")
}

func TestThePlanTriesTheCheapestFirstButNotAgainstTheEvidence(t *testing.T) {
	for name, tt := range map[string]struct {
		remedies []policy.RemedyKind
		suspects []ledger.Suspect
		want     string
	}{
		"no suspect":                     {nil, nil, ""},
		"a release":                      {nil, []ledger.Suspect{suspect("v42", 0.8)}, "v42>v41"},
		"a flag that is little less so":  {nil, []ledger.Suspect{suspect("v42", 0.8), flagSuspect("ranking", 0.5)}, "ranking=off v42>v41"},
		"a flag of a tenth of the score": {nil, []ledger.Suspect{suspect("v42", 0.8), flagSuspect("ranking", 0.081)}, "ranking=off v42>v41"},
		"a flag of less than a tenth":    {nil, []ledger.Suspect{suspect("v42", 0.8), flagSuspect("ranking", 0.07)}, "v42>v41 ranking=off"},
		"two flags, the likelier first":  {nil, []ledger.Suspect{flagSuspect("cache", 0.9), flagSuspect("ranking", 0.5)}, "cache=on ranking=off"},
		"a rule that only reverts":       {[]policy.RemedyKind{policy.RemedyRevert}, []ledger.Suspect{flagSuspect("cache", 0.9), suspect("v42", 0.3)}, "v42>v41"},
		"a rule that reverts first":      {[]policy.RemedyKind{policy.RemedyRevert, policy.RemedyFlag}, []ledger.Suspect{flagSuspect("cache", 0.9), suspect("v42", 0.3)}, "v42>v41 cache=on"},
		"a rule that is gone":            {[]policy.RemedyKind{}, []ledger.Suspect{suspect("v42", 0.8)}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			got := plan(but(func(f *facts) {
				f.incident.Suspects = tt.suspects
				if tt.remedies != nil {
					f.rule.Remedies = tt.remedies
				}
			}))
			if planned(got) != tt.want {
				t.Errorf("planned %q, want %q", planned(got), tt.want)
			}
		})
	}
}

func TestARevertGoesToTheNewestReleaseThatProvedGood(t *testing.T) {
	history := func(revisions ...string) (all []deploy.Entry) {
		for i, r := range revisions {
			all = append(all, entry(int64(i), r, time.Duration(len(revisions)-i)*time.Hour))
		}
		return all
	}
	for name, tt := range map[string]struct {
		history     []deploy.Entry // the last is v42, which is suspected
		proven      string
		quarantined string
		unproven    policy.Unproven
		to          int64 // -1 is nowhere
		asks        bool
	}{
		"the one before":                             {history("v41", "v42"), "v41", "", "", 0, false},
		"not the one before, which never proved":     {history("v40", "v41", "v42"), "v40", "", "", 0, false},
		"the newest of two":                          {history("v40", "v41", "v42"), "v40 v41", "", "", 1, false},
		"the newer entry of the same content":        {history("v40", "v41", "v40", "v42"), "v40", "", "", 2, false},
		"history id 0 is an id":                      {history("v41", "v42"), "v41", "", "", 0, false},
		"not a quarantined one, though it proved":    {history("v40", "v41", "v42"), "v40 v41", "v41", "", 0, false},
		"not the same bad content under another id":  {history("v40", "v42", "v41", "v42"), "v40", "", "", 0, false},
		"not itself, though it proved good once":     {history("v41", "v42"), "v41 v42", "", "", 0, false},
		"none proved: the newest, and it asks":       {history("v40", "v41", "v42"), "", "", "", 1, true},
		"none proved: the newest, as the policy has": {history("v40", "v41", "v42"), "", "", policy.UnprovenAllow, 1, false},
		"none proved, one quarantined":               {history("v40", "v41", "v42"), "", "v41", "", 0, true},
		"nothing else was ever there":                {history("v42"), "", "", "", -1, false},
		"nothing else is free":                       {history("v41", "v42"), "v41", "v41", "", -1, false},
	} {
		t.Run(name, func(t *testing.T) {
			f := but(func(f *facts) {
				f.seen.Application.History, f.runs = tt.history, nil
				for _, e := range slices.Backward(tt.history) {
					f.runs = append(f.runs, run(e, slices.Contains(strings.Fields(tt.proven), e.Revisions[0])))
				}
				for _, q := range strings.Fields(tt.quarantined) {
					f.quarantined[identity(q)] = true
				}
				if tt.unproven != "" {
					f.service.Unproven = tt.unproven
				}
			})
			r := plan(f)[0]
			if tt.to < 0 {
				if r.To != nil || r.Refused == "" {
					t.Errorf("it goes to %+v, refused %q", r.To, r.Refused)
				}
				return
			}
			if r.To == nil || r.To.ID != tt.to || (r.Ask != "") != tt.asks {
				t.Errorf("it goes to %+v (asks %q), want id %d, asking: %t", r.To, r.Ask, tt.to, tt.asks)
			}
		})
	}
}

func TestAReleaseByHelmParameterIsToldFromTheOneBeforeAtTheSameRevision(t *testing.T) {
	helm := func(id int64, tag string) deploy.Entry {
		e := entry(id, "f88c0821cb16e449b0056cfd64d1a2ac154fcc81", time.Duration(3-id)*time.Hour)
		e.Sources = []byte(`{"path":"review","helm":{"parameters":[{"name":"image.tag","value":"` + tag + `"}]}}`)
		return e
	}
	old, bad := helm(0, "v41"), helm(1, "v42")
	p := plan(but(func(f *facts) {
		f.seen.Application.History = []deploy.Entry{old, bad}
		f.runs = []ledger.Release{run(bad, false), run(old, true)}
		f.incident.Suspects = []ledger.Suspect{{Kind: ledger.SuspectParameter, Name: bad.Label(), ID: bad.Identity(), Score: 1}}
	}))
	if planned(p) != "image.tag=v42>image.tag=v41" {
		t.Errorf("planned %q", planned(p))
	}
}

func TestWhatWasTriedIsKeptAndNotTriedAgain(t *testing.T) {
	f := but(func(f *facts) {
		f.incident.Suspects = []ledger.Suspect{suspect("v42", 0.8), flagSuspect("ranking", 0.7)}
	})
	f.incident.Plan = plan(f)
	f.incident.Plan[0].Tried, f.incident.Plan[0].Outcome = true, "it did not help"
	f.incident.Effects = []ledger.Effect{{Kind: ledger.EffectFlag}}
	again := plan(f)
	if got := ledger.Next(again); got != 1 || again[0].Outcome != "it did not help" {
		t.Errorf("next is %d of %+v", got, again)
	}
	again[1].Tried = true
	f.incident.Plan = again
	if got := ledger.Next(plan(f)); got != -1 {
		t.Errorf("next is %d when all was tried", got)
	}
}
