package main

import (
	"bytes"
	"math"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cinegit/guardian/internal/health"
)

func TestTheOutcomeIsTheSameOnAnyNumberOfCores(t *testing.T) {
	all := []world{{"stationary", 5, 5}, {"bursts", 50, 2}, {"daily", 1, 1}}
	outcome := func(cores int) []row {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(cores))
		rows, err := play(t.Context(), all, contenders(), 7, 5, func() {})
		if err != nil {
			t.Fatal(err)
		}
		return rows
	}
	one := outcome(1)
	if diff := cmp.Diff(one, outcome(3), cmp.AllowUnexported(row{}, world{})); diff != "" {
		t.Error(diff)
	}
	other, err := play(t.Context(), all, contenders(), 8, 5, func() {})
	if err != nil {
		t.Fatal(err)
	}
	if cmp.Equal(one, other, cmp.AllowUnexported(row{}, world{})) {
		t.Error("another seed gives the very same")
	}
}

// A reading that ends with the bake says at once what 120 looks would have said one by one.
func TestGuardianIsJudgedAsItLooksEveryFifteenSeconds(t *testing.T) {
	for seed := range uint64(6) {
		b := world{"stationary", 50, []float64{1, 1.5, 2}[seed%3]}.bake(rand.New(rand.NewPCG(seed, 1)))
		for _, beside := range []bool{false, true} {
			rule := asDeployed()
			rule.beside = beside
			bad, well := rule.decide(b)
			firstBad, firstWell := firstLooks(b, rule)
			if bad > 0 { // what is called well first and bad later is bad
				firstWell = 0
			}
			if bad != firstBad || well != firstWell {
				t.Errorf("seed %d: bad at %d and well at %d, by looking at every window %d and %d", seed, bad, well, firstBad, firstWell)
			}
		}
	}
}

// firstLooks judges again with every window that comes in, knowing no later one.
func firstLooks(b bake, rule gate) (bad, well int) {
	g, reading := rule.reading(b)
	for n := 1; n <= looks; n++ {
		upTo := reading
		upTo.Since.Counts = reading.Since.Counts[:n]
		if rule.beside {
			upTo.Beside.Counts = reading.Beside.Counts[:n]
		}
		upTo.Looks = []health.Look{{At: reading.From.Add(time.Duration(n) * seconds(look)), Window: time.Minute, Bad: []float64{5}, Total: []float64{1000}}}
		e := g.Findings(upTo, alpha)[0].Evidence
		if e.Bad() && bad == 0 {
			bad = n
		}
		if e.Well() && well == 0 {
			well = n
		}
	}
	return bad, well
}

func TestStreamsAreWhatTheySay(t *testing.T) {
	for _, stream := range courseNames() {
		var times, before, after float64
		const runs = 400
		random := rand.New(rand.NewPCG(3, 1))
		for range runs {
			course := courses()[stream].begin(random)
			for at := -half; at < half; at += look {
				v := course(at, at+look)
				if v < 1-swing-1e-9 || v > burstTimes {
					t.Fatalf("%s: %g times the ratio", stream, v)
				}
				if at < 0 {
					before += v / looks / runs
				} else {
					after += v / looks / runs
				}
				times += v / (2 * looks) / runs
			}
		}
		want := map[string][2]float64{
			"stationary": {1, 1}, "daily": {1, 1}, "shift": {1, 1.15},
			// A burst takes 37.5s on average, of 637.5s; it is three times the ratio.
			"bursts": {1 + 2*37.5/637.5, 1 + 2*37.5/637.5},
		}[stream]
		if math.Abs(before-want[0]) > .02 || math.Abs(after-want[1]) > .02 {
			t.Errorf("%s: %g times before and %g after, want %v", stream, before, after, want)
		}
	}
}

func TestABakeHoldsTheTrafficAndErrorsOfItsWorld(t *testing.T) {
	b := world{"stationary", 100, 3}.bake(rand.New(rand.NewPCG(4, 1)))
	for name, tt := range map[string]struct {
		got, total, ratio float64
	}{
		"history":   {sum(b.history).Ratio(), sum(b.history).Total / 19800 / 100, base},
		"before":    {sum(b.before).Ratio(), sum(b.before).Total / half / 100, base},
		"after":     {sum(b.after).Ratio(), sum(b.after).Total / half / 100, 3 * base},
		"candidate": {sum(b.candidate).Ratio(), sum(b.candidate).Total / half / 50, 3 * base},
		"old":       {sum(b.old).Ratio(), sum(b.old).Total / half / 50, base},
	} {
		if math.Abs(tt.total-1) > .02 || math.Abs(tt.got/tt.ratio-1) > .15 {
			t.Errorf("%s: %g of the traffic, ratio %g, want %g", name, tt.total, tt.got, tt.ratio)
		}
	}
	if len(b.before) != looks || len(b.after) != looks || len(b.candidate) != looks || len(b.old) != looks || len(b.history) != 330 {
		t.Errorf("%d %d %d %d %d windows", len(b.history), len(b.before), len(b.after), len(b.candidate), len(b.old))
	}
}

func TestARunPrintsEveryStreamAndNoNonsense(t *testing.T) {
	var out bytes.Buffer
	path := t.TempDir() + "/judge.json"
	if err := run(t.Context(), options{Runs: 1, Seed: 1, json: path, markdown: true}, &out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Stationary", "Daily", "Shift", "Bursts", "Targets", "seed 1, 1 bakes", "| 500 | 10x |"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("it does not print %q", want)
		}
	}
	if strings.Contains(out.String(), "NaN") {
		t.Errorf("it prints NaN:\n%s", out.String())
	}
	if err := run(t.Context(), options{Runs: 0}, &out); err == nil || !strings.Contains(err.Error(), "-runs") {
		t.Errorf("no runs: %v", err)
	}
}
