package backtest

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/cinegit/guardian/internal/ledger"
	"github.com/cinegit/guardian/internal/policy"
)

func noon() time.Time { return time.Date(2026, 8, 1, 12, 0, 0, 0, time.UTC) }

func after(minutes int) time.Time { return noon().Add(time.Duration(minutes) * time.Minute) }

func review() ledger.Target { return ledger.Target{Service: "review", Stage: "prod"} }

func TestAnIncidentMakesAReleaseBadThatItBeganInTheBakeOf(t *testing.T) {
	incident := func(from, to int) Incident { return Incident{review(), after(from), after(to)} }
	for name, test := range map[string]struct {
		incidents []Incident
		want      Truth
		earlier   int
	}{
		"nobody knows":             {nil, Unknown, 0},
		"none":                     {[]Incident{}, Good, 0},
		"in the bake":              {[]Incident{incident(10, 20)}, Bad, 0},
		"with the release":         {[]Incident{incident(0, 20)}, Bad, 0},
		"beyond the bake's end":    {[]Incident{incident(29, 90)}, Bad, 0},
		"as the bake ends":         {[]Incident{incident(30, 40)}, Good, 0},
		"over before":              {[]Incident{incident(-20, -10)}, Good, 0},
		"over with the release":    {[]Incident{incident(-20, 0)}, Good, 0},
		"begun before":             {[]Incident{incident(-1, 10)}, Good, 1},
		"begun before, and anew":   {[]Incident{incident(-1, 10), incident(12, 20)}, Bad, 1},
		"of another target":        {[]Incident{{ledger.Target{Service: "review", Stage: "dev"}, after(1), after(2)}}, Good, 0},
		"two, of which one counts": {[]Incident{incident(5, 10), incident(12, 20)}, Bad, 0},
	} {
		got, fault, earlier := truth(Release{Target: review(), At: noon()}, after(30), test.incidents)
		if got != test.want || (fault != nil) != (test.want == Bad) || len(earlier) != test.earlier {
			t.Errorf("%s: %q, %+v, %d earlier", name, got, fault, len(earlier))
		}
		if fault != nil && fault.From.Before(noon()) {
			t.Errorf("%s: it is the fault of %+v", name, fault)
		}
	}
}

func TestEveryOutcomeHasItsVerdict(t *testing.T) {
	for _, test := range []struct {
		state State
		truth Truth
		want  Verdict
	}{
		{Reverted, Bad, Caught}, {Reverted, Good, False}, {Reverted, Unknown, Revert},
		{Passed, Bad, Missed}, {Passed, Good, Rightly}, {Passed, Unknown, Left},
		{NoData, Bad, Missed}, {NoData, Good, NotJudged}, {NoData, Unknown, NotJudged},
		{Error, Bad, Failed}, {Error, Good, Failed}, {Error, Unknown, Failed},
	} {
		if got := verdict(test.state, test.truth); got != test.want {
			t.Errorf("%s and %q is %s, want %s", test.state, test.truth, got, test.want)
		}
	}
}

func TestTimeToDetectCountsFromTheIncidentOrTheLaterRelease(t *testing.T) {
	r := Result{Release: Release{Target: review(), At: noon()}}
	o := Outcome{State: Reverted, At: after(5)}
	for from, want := range map[int]time.Duration{0: 5 * time.Minute, 2: 3 * time.Minute, 8: -3 * time.Minute} {
		r.Fault = &Incident{review(), after(from), after(60)}
		if got := detected(o, r); got != want {
			t.Errorf("an incident after %dm: %s, want %s", from, got, want)
		}
	}
	times := make([]time.Duration, 20)
	for i := range times {
		times[i] = time.Duration(20-i) * time.Second
	}
	if diff := cmp.Diff(&Detect{Median: 10, P95: 19, Of: 20}, detect(times)); diff != "" {
		t.Error(diff)
	}
	if detect(nil) != nil {
		t.Error("nothing was detected in some time")
	}
}

func TestReasonsAreCountedTogetherWithoutTheirNumbers(t *testing.T) {
	var results []Result
	for _, reason := range []string{"there were 12 events, fewer than 30", "there were 7 events, fewer than 30", "total finds no series"} {
		results = append(results, Result{Outcomes: []Outcome{{Row: allGates(), Setting: AsInPolicy, State: NoData, Reason: reason}}})
	}
	want := []Reason{{"there were 12 events, fewer than 30", 2}, {"total finds no series", 1}}
	if diff := cmp.Diff(want, score(allGates(), AsInPolicy, results).Reasons); diff != "" {
		t.Error(diff)
	}
}

// Whatever the releases are, bakes of one target never overlap, none is longer than its stage's, and
// none goes on beyond now; so an incident is the fault of one release at most.
func TestBakesOfATargetNeverOverlap(t *testing.T) {
	p := &policy.Policy{Services: map[string]policy.Service{"review": {
		Gates: []string{"errors"}, Stages: []policy.Stage{{Name: "prod", Bake: policy.Duration(30 * time.Minute)}, {Name: "dev", Bake: policy.Duration(time.Minute)}},
	}}}
	rapid.Check(t, func(t *rapid.T) {
		minute := rapid.IntRange(-50, 250)
		var releases []Release
		for _, at := range rapid.SliceOf(minute).Draw(t, "releases") {
			stage := rapid.SampledFrom([]string{"prod", "dev"}).Draw(t, "stage")
			releases = append(releases, Release{Target: ledger.Target{Service: "review", Stage: stage}, At: after(at)})
		}
		from, to, now := noon(), after(200), after(rapid.IntRange(0, 300).Draw(t, "now"))
		bakes := plan(p, releases, from, to, now)
		last := map[string]bake{}
		for _, b := range bakes {
			if b.At.Before(from) || !b.At.Before(to) || b.end.After(now) && b.end.After(b.At) || b.end.Sub(b.At) > b.stage.Bake.D() {
				t.Fatalf("a bake from %s to %s", b.At, b.end)
			}
			if before, has := last[b.Target.String()]; has && before.end.After(b.At) {
				t.Fatalf("a bake until %s and one from %s", before.end, b.At)
			}
			last[b.Target.String()] = b
		}
		i := Incident{review(), after(minute.Draw(t, "from")), after(300)}
		bad := 0
		for _, b := range bakes {
			if got, _, _ := truth(b.Release, b.end, []Incident{i}); got == Bad {
				bad++
			}
		}
		if once := countAt(bakes, i.From); bad > max(once, 1) {
			t.Fatalf("one incident is the fault of %d releases", bad)
		}
	})
}

// countAt is how many releases of the incident's target there were at exactly one moment.
func countAt(bakes []bake, at time.Time) (n int) {
	for _, b := range bakes {
		if b.Target == review() && b.At.Equal(at) {
			n++
		}
	}
	return n
}
