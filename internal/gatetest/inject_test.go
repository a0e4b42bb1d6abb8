package gatetest

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/cinegit/guardian/internal/health"
	"github.com/cinegit/guardian/internal/health/evidence"
	"github.com/cinegit/guardian/internal/policy"
)

var moment = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

const step = 15 * time.Second

// compared is a reading of 20 looks over the last minute each, with the windows between them.
func compared(t *rapid.T, total int, ratio float64) health.Reading {
	r := health.Reading{Subject: health.Subject{ChangedAt: moment}, From: moment}
	r.Since = health.Windows{From: moment, Step: step}
	r.Before = health.Windows{From: moment.Add(-time.Hour), Step: step, Counts: []evidence.Counts{{Bad: 1e6 * ratio, Total: 1e6}}}
	for i := range 20 {
		n := float64(rapid.IntRange(0, total).Draw(t, "total"))
		r.Since.Counts = append(r.Since.Counts, evidence.Counts{Bad: math.Round(n * ratio), Total: n})
		window := min(time.Duration(i+1)*step, time.Minute)
		last := r.Since.Counts[max(i-3, 0):]
		var sum evidence.Counts
		for _, c := range last {
			sum = sum.Plus(c)
		}
		r.Looks = append(r.Looks, health.Look{
			At: moment.Add(time.Duration(i+1) * step), Window: window, Bad: []float64{sum.Bad}, Total: []float64{sum.Total},
		})
	}
	return r
}

func bad(windows []evidence.Counts) (sum float64) {
	for _, w := range windows {
		sum += w.Bad
	}
	return sum
}

func TestInjectedEventsAreTheSameInWindowsAndLooksAndNeverMoreThanThereAre(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ratio := rapid.Float64Range(0, 0.2).Draw(t, "ratio")
		factor := rapid.SampledFrom([]float64{2, 3, 5, 10}).Draw(t, "factor")
		r := compared(t, 500, ratio)
		before := cmp.Diff(r, health.Reading{})
		c := countsOf(health.Gate{}, []health.Reading{r})
		worse := c.inject(r, factor, rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0)))
		if cmp.Diff(r, health.Reading{}) != before {
			t.Fatal("the reading that was given has changed")
		}
		for i, w := range worse.Since.Counts {
			if was := r.Since.Counts[i]; w.Total != was.Total || w.Bad < was.Bad || w.Bad > w.Total {
				t.Fatalf("window %d was %v and is %v", i, was, w)
			}
		}
		for i, l := range worse.Looks {
			inWindow := bad(worse.Since.Counts[max(i-3, 0) : i+1])
			if math.Abs(l.Bad[0]-inWindow) > 1e-6 {
				t.Fatalf("look %d has %v bad, its windows have %v", i, l.Bad[0], inWindow)
			}
		}
	})
}

func TestSoManyTimesTheUsualAreBad(t *testing.T) {
	r := health.Reading{Subject: health.Subject{ChangedAt: moment}, From: moment}
	r.Since = health.Windows{From: moment, Step: step}
	r.Before = health.Windows{From: moment, Step: step, Counts: []evidence.Counts{{Bad: 5000, Total: 1e6}}}
	for range 400 {
		r.Since.Counts = append(r.Since.Counts, evidence.Counts{Bad: 5, Total: 1000})
	}
	c := countsOf(health.Gate{}, []health.Reading{r})
	for _, factor := range factors() {
		got := bad(c.inject(r, factor, rand.New(rand.NewPCG(1, 1))).Since.Counts) / (400 * 1000)
		want := factor * 0.005
		if deviation := math.Sqrt(want / (400 * 1000)); math.Abs(got-want) > 4*deviation || c.level(factor) != want {
			t.Errorf("%vx comes to %v and is said to be %v, want %v", factor, got, c.level(factor), want)
		}
	}
}

func TestAGateWithoutEvidenceGetsItsEventsByTheNewPartOfEachLook(t *testing.T) {
	r := health.Reading{Subject: health.Subject{ChangedAt: moment}}
	for i := range 40 {
		window := min(time.Duration(i+1)*step, time.Minute)
		r.Looks = append(r.Looks, health.Look{At: moment.Add(time.Duration(i+1) * step), Window: window, Total: []float64{1000 * window.Seconds()}})
	}
	c := countsOf(health.Gate{Gate: policy.Gate{Max: new(policy.Percent(0.05))}}, []health.Reading{r})
	if c.unit != 0.05 || math.Abs(c.rate-1000) > 1e-6 {
		t.Errorf("%+v: without an error, max stands for the usual", c)
	}
	worse := c.inject(r, 2, rand.New(rand.NewPCG(1, 1)))
	for i, l := range worse.Looks {
		if got := l.Bad[0] / l.Total[0]; math.Abs(got-0.1) > 0.01 {
			t.Errorf("look %d has %v bad, want 0.1", i, got)
		}
	}
}

func TestLooksThatAreNoCountsStayAsTheyAre(t *testing.T) {
	odd := []health.Look{
		{Window: time.Minute, Total: nil},
		{Window: time.Minute, Total: []float64{1, 2}, Bad: []float64{1}},
		{Window: time.Minute, Total: []float64{math.NaN()}},
		{Window: time.Minute, Total: []float64{math.Inf(1)}, Bad: []float64{1}},
		{Window: time.Minute, Total: []float64{100}, Bad: []float64{-1}},
		{Window: 0, Total: []float64{100}},
	}
	r := health.Reading{Subject: health.Subject{ChangedAt: moment}}
	for i, l := range odd {
		l.At = moment.Add(time.Duration(i+1) * step)
		r.Looks = append(r.Looks, l)
	}
	got := counts{usual: evidence.Counts{Bad: 1, Total: 10}}.inject(r, 10, rand.New(rand.NewPCG(1, 1)))
	if diff := cmp.Diff(r.Looks, got.Looks, cmp.Comparer(func(a, b float64) bool { return a == b || math.IsNaN(a) && math.IsNaN(b) })); diff != "" {
		t.Errorf("changed (-was +is):\n%s", diff)
	}
}

func TestABakeThatIsJudgedInPartsEndsAsTheWholeDoes(t *testing.T) {
	g := health.Gate{Name: "errors", Gate: policy.Gate{Bad: "bad", Total: "total", Tolerance: new(policy.Percent(0.25))}}
	ends := map[ending]int{}
	for seed := range uint64(40) {
		random := rand.New(rand.NewPCG(seed, 1))
		r := health.Reading{Subject: health.Subject{ChangedAt: moment}, From: moment}
		r.Before = health.Windows{From: moment.Add(-time.Hour), Step: time.Hour, Counts: []evidence.Counts{{Bad: 500, Total: 100_000}}}
		r.Since = health.Windows{From: moment, Step: step}
		ratio := 0.005 * (1 + random.Float64())
		for i := range 300 {
			c := evidence.Counts{Total: 200}
			for range 200 {
				if random.Float64() < ratio {
					c.Bad++
				}
			}
			r.Since.Counts = append(r.Since.Counts, c)
			look := health.Look{At: r.Since.End(i + 1), Window: step, Bad: []float64{c.Bad}, Total: []float64{c.Total}}
			r.Looks = append(r.Looks, look)
		}
		parts, whole := judge(g, r, 0.05), bake(g, r, 0.05)
		if parts.ending != whole.ending || parts.after != whole.after {
			t.Errorf("seed %d: %d after %s in parts, %d after %s as a whole", seed, parts.ending, parts.after, whole.ending, whole.after)
		}
		ends[whole.ending]++
	}
	if len(ends) < 2 {
		t.Errorf("all bakes end alike: %v", ends)
	}
}

func TestReleasesFitTheTrafficAndDoNotOverlap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		minutes := func(name string, most int) time.Duration {
			return time.Duration(rapid.IntRange(0, most).Draw(t, name)) * time.Minute
		}
		room, before, bake := minutes("room", 20_000), minutes("before", 120), minutes("bake", 600)+time.Minute
		from, until := moment.Add(-room), moment
		broken := Span{from.Add(minutes("incident", 20_000)), until}
		s := spread(from, until, before, bake, step, []Span{broken})
		if len(s.at)+s.excluded > most || len(s.at)+s.excluded != s.count {
			t.Fatalf("%d releases and %d excluded of %d", len(s.at), s.excluded, s.count)
		}
		if (s.count == 0) != (room < before+bake) {
			t.Fatalf("%d releases in %s", s.count, room)
		}
		for i, at := range s.at {
			switch {
			case at.Add(-before).Before(from), at.Add(bake).After(until), at.Add(bake).After(broken.From):
				t.Fatalf("release at %s", at)
			case i > 0 && (at.Sub(s.at[i-1]) < bake || at.Sub(s.at[i-1])%step != 0):
				t.Fatalf("%s after the one before", at.Sub(s.at[i-1]))
			}
		}
		if picked := s.some(5, bake, until); len(picked) > 5 || !slices.IsSortedFunc(picked, time.Time.Compare) {
			t.Fatalf("picked %v", picked)
		}
	})
}

func TestQuantilesCountTheUnseenAsEndless(t *testing.T) {
	times := []time.Duration{4, 1, endless, 3, 2, endless, 5, 6, 7, 8}
	for q, want := range map[float64]time.Duration{0.5: 5, 0.8: 8, 0.81: endless, 0.95: endless, 0: 1} {
		if got := quantile(times, q); got != want {
			t.Errorf("%v: %d, want %d", q, got, want)
		}
	}
	if quantile(nil, 0.5) != endless || within(endless) != 0 {
		t.Error("the unseen are seen")
	}
}

func TestTheReasonThatIsMostFrequentIsTold(t *testing.T) {
	got := mostOften(map[string]int{"there were 6 events": 2, "there were 7.5 events": 3, "total finds no series": 4})
	if got != "there were 7.5 events" {
		t.Errorf("got %q", got)
	}
	if got := mostOften(nil); got != "" {
		t.Errorf("got %q of none", got)
	}
}
