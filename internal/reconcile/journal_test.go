package reconcile

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/cinegit/guardian/internal/deploy"
	"github.com/cinegit/guardian/internal/ledger"
)

func noon() time.Time { return time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC) }

func prod() ledger.Target { return ledger.Target{Service: "review", Stage: "prod"} }

// entry is a history entry that was deployed so many minutes after noon.
func entry(id int64, revision string, minute int) deploy.Entry {
	at := noon().Add(time.Duration(minute) * time.Minute)
	return deploy.Entry{ID: id, Revisions: []string{revision}, Sources: json.RawMessage(`{"path":"review"}`), StartedAt: at, DeployedAt: at}
}

func healthy(images []string, history ...deploy.Entry) deploy.Application {
	return deploy.Application{Health: "Healthy", ReconciledAt: noon().Add(time.Hour), Images: images, History: history}
}

// merge is what the ledger holds after a journaling: the newest first.
func merge(known, changed []ledger.Release) []ledger.Release {
	for _, c := range changed {
		known = slices.DeleteFunc(known, func(k ledger.Release) bool { return k.Entry.ID == c.Entry.ID && k.From.Equal(c.From) })
		known = append(known, c)
	}
	slices.SortFunc(known, func(a, b ledger.Release) int { return b.From.Compare(a.From) })
	return known
}

// told are runs in a few words.
func told(runs []ledger.Release) []string {
	var words []string
	for _, r := range runs {
		text := r.Label + " from " + r.From.Format("15:04")
		if !r.To.IsZero() {
			text += " to " + r.To.Format("15:04")
		}
		if r.Proven() {
			text += ", proved good"
		}
		if !r.DegradedAt.IsZero() {
			text += ", degraded"
		}
		for _, image := range r.Images {
			text += ", " + image
		}
		words = append(words, text)
	}
	return words
}

func TestTheJournalTellsWhichReleaseRanFromWhenToWhen(t *testing.T) {
	proven := ledger.Release{Target: prod(), ID: entry(0, "v41", 0).Identity(), Label: "v41", Entry: entry(0, "v41", 0), From: noon(), ProvenAt: noon().Add(10 * time.Minute), Images: []string{"a:41"}}
	degraded := healthy([]string{"a:42"}, entry(0, "v41", 0), entry(1, "v42", 20))
	degraded.Health = "Degraded"
	stale := healthy([]string{"a:41"}, entry(0, "v41", 0), entry(1, "v42", 20))
	stale.ReconciledAt = noon().Add(19 * time.Minute)
	busy := degraded
	busy.Operation = &deploy.Operation{Phase: deploy.PhaseRunning}
	for name, tt := range map[string]struct {
		app   deploy.Application
		known []ledger.Release
		want  []string
	}{
		"nothing ran":                      {deploy.Application{}, nil, nil},
		"the first":                        {healthy([]string{"a:41"}, entry(0, "v41", 0)), nil, []string{"v41 from 12:00, a:41"}},
		"nothing new":                      {healthy([]string{"a:41"}, entry(0, "v41", 0)), []ledger.Release{proven}, nil},
		"a second ends the first":          {healthy([]string{"a:42"}, entry(0, "v41", 0), entry(1, "v42", 20)), []ledger.Release{proven}, []string{"v41 from 12:00 to 12:20, proved good, a:41", "v42 from 12:20, a:42"}},
		"two came while nobody looked":     {healthy([]string{"a:43"}, entry(0, "v41", 0), entry(1, "v42", 20), entry(2, "v43", 30)), []ledger.Release{proven}, []string{"v41 from 12:00 to 12:20, proved good, a:41", "v42 from 12:20 to 12:30", "v43 from 12:30, a:43"}},
		"one that comes back keeps proof":  {healthy(nil, entry(0, "v41", 0), entry(1, "v42", 20), entry(2, "v41", 30)), []ledger.Release{proven}, []string{"v41 from 12:00 to 12:20, proved good, a:41", "v42 from 12:20 to 12:30", "v41 from 12:30, proved good, a:41"}},
		"degraded":                         {degraded, []ledger.Release{proven}, []string{"v41 from 12:00 to 12:20, proved good, a:41", "v42 from 12:20, degraded"}},
		"the health of before is not its":  {stale, []ledger.Release{proven}, []string{"v41 from 12:00 to 12:20, proved good, a:41", "v42 from 12:20"}},
		"nor that of while it is operated": {busy, []ledger.Release{proven}, []string{"v41 from 12:00 to 12:20, proved good, a:41", "v42 from 12:20"}},
		"an application made anew":         {healthy([]string{"a:50"}, entry(0, "v50", 40)), []ledger.Release{proven}, []string{"v50 from 12:40, a:50"}},
	} {
		t.Run(name, func(t *testing.T) {
			got := told(journal(prod(), tt.app, tt.known, noon().Add(time.Hour)))
			if diff := cmp.Diff(tt.want, got, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("journaled otherwise (-want +got):\n%s", diff)
			}
		})
	}
}

func TestTheImagesOfAReleaseThatComesBackAreThoseOfARunThatShowedThem(t *testing.T) {
	seen := ledger.Release{ID: entry(0, "v41", 0).Identity(), Entry: entry(0, "v41", 0), From: noon(), Images: []string{"a:41"}}
	unseen := ledger.Release{ID: seen.ID, Entry: entry(1, "v41", 10), From: noon().Add(10 * time.Minute)}
	app := healthy(nil, seen.Entry, unseen.Entry, entry(2, "v42", 20), entry(3, "v41", 30))
	got := journal(prod(), app, []ledger.Release{unseen, seen}, noon().Add(time.Hour))
	if last := got[len(got)-1]; last.Entry.ID != 3 || !slices.Equal(last.Images, []string{"a:41"}) {
		t.Errorf("got %+v", last)
	}
}

func TestARunIsCalledDegradedFromTheFirstTimeOn(t *testing.T) {
	app := healthy(nil, entry(0, "v41", 0))
	app.Health = "Degraded"
	known := merge(nil, journal(prod(), app, nil, noon().Add(time.Minute)))
	app.Health = "Healthy"
	known = merge(known, journal(prod(), app, known, noon().Add(2*time.Minute)))
	app.Health = "Degraded"
	known = merge(known, journal(prod(), app, known, noon().Add(3*time.Minute)))
	if len(known) != 1 || !known[0].DegradedAt.Equal(noon().Add(time.Minute)) {
		t.Errorf("got %+v", known)
	}
}

// However often and seldom one looks, the journal comes out the same, and looking twice changes nothing.
func TestALostNotificationCostsTimeAndNeverTruth(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var history []deploy.Entry
		for i, r := range rapid.SliceOfN(rapid.SampledFrom([]string{"v1", "v2", "v3"}), 1, 9).Draw(t, "releases") {
			history = append(history, entry(int64(i), r, 10*i))
		}
		now := noon().Add(3 * time.Hour)
		var often, once []ledger.Release
		for i := range history {
			if i == len(history)-1 || rapid.Bool().Draw(t, "looked") {
				often = merge(often, journal(prod(), healthy(nil, history[:i+1]...), often, now))
			}
		}
		once = merge(nil, journal(prod(), healthy(nil, history...), nil, now))
		if diff := cmp.Diff(told(once), told(often)); diff != "" {
			t.Fatalf("looking often gives another journal:\n%s", diff)
		}
		if again := journal(prod(), healthy(nil, history...), once, now); len(again) != 0 {
			t.Fatalf("looking again changes %v", told(again))
		}
		for i := 1; i < len(once); i++ {
			if !once[i].To.Equal(once[i-1].From) {
				t.Fatalf("%v has a gap", told(once))
			}
		}
	})
}
