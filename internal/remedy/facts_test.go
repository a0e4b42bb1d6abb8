package remedy

import (
	"encoding/json"
	"time"

	"github.com/cinegit/guardian/internal/deploy"
	"github.com/cinegit/guardian/internal/ledger"
	"github.com/cinegit/guardian/internal/policy"
)

// noon is when the alert of these tests began.
func noon() time.Time { return time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC) }

func prod() ledger.Target { return ledger.Target{Service: "review", Stage: "prod"} }

const source = `{"repoURL":"https://git.example/shop.git","path":"review","targetRevision":"main"}`

// entry is a history entry of a revision that was deployed so long before noon.
func entry(id int64, revision string, before time.Duration) deploy.Entry {
	at := noon().Add(-before)
	return deploy.Entry{ID: id, Revisions: []string{revision}, Sources: json.RawMessage(source), StartedAt: at, DeployedAt: at, Automated: true}
}

func identity(revision string) string {
	return deploy.Identity(json.RawMessage(source), []string{revision})
}

// run is a journaled run of an entry; proven if it proved good.
func run(e deploy.Entry, proven bool) ledger.Release {
	r := ledger.Release{Target: prod(), ID: e.Identity(), Label: e.Label(), Entry: e, From: e.DeployedAt, Images: []string{"review:" + e.Label()}}
	if proven {
		r.ProvenAt = e.DeployedAt.Add(10 * time.Minute)
	}
	return r
}

func suspect(revision string, score float64) ledger.Suspect {
	return ledger.Suspect{Kind: ledger.SuspectRelease, Name: revision, ID: identity(revision), At: noon().Add(-3 * time.Minute), Score: score}
}

func flagSuspect(key string, score float64) ledger.Suspect {
	return ledger.Suspect{Kind: ledger.SuspectFlag, Name: key, ID: key, At: noon().Add(-2 * time.Minute), Score: score}
}

// plain is the case that nothing speaks against: v41 proved good, v42 replaced it three minutes before
// the alert and is suspected.
func plain() facts {
	old, bad := entry(0, "v41", 5*time.Hour), entry(1, "v42", 3*time.Minute)
	return facts{
		now: noon().Add(time.Minute),
		incident: ledger.Incident{
			ID: "review-prod-1", Target: prod(), StartsAt: noon(), OpenedAt: noon().Add(30 * time.Second), Current: -1,
			Suspects: []ledger.Suspect{suspect("v42", 0.8)},
		},
		service: policy.Service{Unproven: policy.UnprovenSuggest, Flags: map[string]policy.Flag{"ranking": {Safe: "off"}, "cache": {Safe: "on"}}},
		rule:    policy.Rule{Name: "errors", Remedies: []policy.RemedyKind{policy.RemedyFlag, policy.RemedyRevert}},
		limits: policy.Limits{
			Cooldown: policy.Duration(30 * time.Minute), Fleet: policy.Rate{Count: 3, In: policy.Duration(15 * time.Minute)},
			Share: 0.5, AlertMaxAge: policy.Duration(20 * time.Minute), BlameWindow: policy.Duration(time.Hour),
		},
		services: 10,
		seen: ledger.Seen{Target: prod(), At: noon(), SyncAllowed: true, Application: deploy.Application{
			Ref: deploy.Ref{Name: "review-prod"}, Sources: json.RawMessage(source), Health: "Healthy", History: []deploy.Entry{old, bad},
		}},
		runs:        []ledger.Release{run(bad, false), run(old, true)},
		quarantined: map[string]bool{},
		may:         true,
	}
}

// but gives the plain case with a change.
func but(change func(f *facts)) facts {
	f := plain()
	change(&f)
	return f
}
