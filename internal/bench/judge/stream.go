package main

import (
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/stat/distuv"

	"github.com/cinegit/guardian/internal/health/evidence"
)

// Times of a bake, in seconds from the change.
const (
	look     = 15.0   // between two looks, and the length of a window
	half     = 1800.0 // of the baseline before the change, and of the bake after it
	looks    = 120    // half / look
	sixHours = 21600.0
	minute   = 60.0
)

// base is the true ratio of bad requests before the change.
const base = 0.005

// bake is what the metrics hold of one change. The same change is shipped in two ways: to all of
// the service at once (after), or to half of the requests (candidate beside old).
type bake struct {
	history        []evidence.Counts // a minute each, from six hours before the change to where before begins
	before         []evidence.Counts // a window each
	after          []evidence.Counts
	candidate, old []evidence.Counts
}

// world is what bakes are drawn from. Requests arrive at random (Poisson), each is bad by itself.
type world struct {
	Stream string  `json:"stream"` // the name of a course
	RPS    float64 `json:"rps"`
	Factor float64 `json:"factor"` // how many times as many requests are bad after the change; 1 is a healthy one
}

func (w world) bake(random *rand.Rand) bake {
	times := courses()[w.Stream].begin(random)
	count := func(from, to, share, factor float64) evidence.Counts {
		ratio := base * factor * times(from, to)
		requests := w.RPS * share * (to - from)
		bad := poisson(random, requests*ratio)
		return evidence.Counts{Bad: bad, Total: bad + poisson(random, requests*(1-ratio))}
	}
	windows := func(from, to, length, share, factor float64) []evidence.Counts {
		all := make([]evidence.Counts, 0, int((to-from)/length))
		for at := from; at < to; at += length {
			all = append(all, count(at, at+length, share, factor))
		}
		return all
	}
	b := bake{
		history:   windows(-sixHours, -half, minute, 1, 1),
		before:    windows(-half, 0, look, 1, 1),
		candidate: windows(0, half, look, .5, w.Factor),
		old:       windows(0, half, look, .5, 1),
	}
	for i, rest := range windows(0, half, look, .5, w.Factor) {
		b.after = append(b.after, b.candidate[i].Plus(rest))
	}
	return b
}

func poisson(random *rand.Rand, mean float64) float64 {
	return distuv.Poisson{Lambda: mean, Src: random}.Rand()
}

// course is how the ratio of bad requests moves by itself, whatever is shipped.
type course struct {
	words string
	// begin draws one, as how many times base the ratio is on average between two moments.
	begin func(*rand.Rand) func(from, to float64) float64
}

func courses() map[string]course {
	return map[string]course{
		"stationary": {"the ratio stays where it is", func(*rand.Rand) func(from, to float64) float64 {
			return func(float64, float64) float64 { return 1 }
		}},
		"daily": {"the ratio swings by ±15% over a day, the change at a random hour", daily},
		"shift": {"the ratio rises by 15% at the very moment of the change, for another reason: the worst of ±15%", shift},
		"bursts": {"three times the ratio for 15 s to 60 s, about every ten minutes at random, " +
			"before and after the change, in candidate and baseline alike", bursts},
	}
}

// courseNames is their order in print.
func courseNames() []string { return []string{"stationary", "daily", "shift", "bursts"} }

const swing = 0.15

func daily(random *rand.Rand) func(from, to float64) float64 {
	hour := random.Float64()
	return func(from, to float64) float64 {
		return 1 + swing*math.Sin(2*math.Pi*((from+to)/2/86400+hour))
	}
}

func shift(*rand.Rand) func(from, to float64) float64 {
	return func(from, _ float64) float64 {
		if from < 0 {
			return 1
		}
		return 1 + swing
	}
}

const (
	burstEvery = 600.0 // from the end of one to the begin of the next, on average
	burstLeast = 15.0
	burstMost  = 60.0
	burstTimes = 3.0
)

func bursts(random *rand.Rand) func(from, to float64) float64 {
	var begins, ends []float64
	for at := -sixHours + random.ExpFloat64()*burstEvery; at < half; at += random.ExpFloat64() * burstEvery {
		begins = append(begins, at)
		at += burstLeast + random.Float64()*(burstMost-burstLeast)
		ends = append(ends, at)
	}
	return func(from, to float64) float64 {
		var within float64
		for i := range begins {
			within += max(min(to, ends[i])-max(from, begins[i]), 0)
		}
		return 1 + (burstTimes-1)*within/(to-from)
	}
}
