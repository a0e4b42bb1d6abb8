package gatetest_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cinegit/guardian/internal/gatetest"
)

const latency = `  latency:
    interval: 30s
    query: gauge{service="$service",env="$stage"}
    `

// around is a gauge that wanders a tenth around a value.
func around(value float64) func(*rand.Rand) float64 {
	return func(random *rand.Rand) float64 { return value * (0.9 + 0.2*random.Float64()) }
}

func TestAValueIsMultipliedTheWayThatItsConditionFails(t *testing.T) {
	for name, c := range map[string]struct {
		usual    float64
		settings string
		state    gatetest.State
		levels   []float64 // of 2x, 3x, 5x and 10x
		seen     []bool
		fails    float64
	}{
		"up":                     {0.2, "failureCondition: result > 0.5", gatetest.Tells, []float64{0.4, 0.6, 1, 2}, []bool{false, true, true, true}, 0.5},
		"up by success":          {0.2, "successCondition: result < 0.5", gatetest.Tells, []float64{0.4, 0.6, 1, 2}, []bool{false, true, true, true}, 0.5},
		"down":                   {600, "failureCondition: result < 250", gatetest.Tells, []float64{300, 200, 120, 60}, []bool{false, true, true, true}, 250},
		"a share":                {0.99, "successCondition: result >= 0.96", gatetest.Tells, []float64{0.98, 0.97, 0.95, 0.9}, []bool{false, false, true, true}, 0.96},
		"only ten times":         {0.1, "failureCondition: result > 0.8", gatetest.Weak, []float64{0.2, 0.3, 0.5, 1}, []bool{false, false, false, true}, 0.8},
		"not ten times":          {0.01, "failureCondition: result > 0.5", gatetest.CannotFail, []float64{0.02, 0.03, 0.05, 0.1}, []bool{false, false, false, false}, 0.5},
		"never":                  {0.2, "failureCondition: result > 1 && result < 0", gatetest.CannotFail, []float64{0.4, 0.6, 1, 2}, []bool{false, false, false, false}, 0},
		"always zero":            {0, "failureCondition: result > 10", gatetest.Tells, []float64{20, 30, 50, 100}, []bool{true, true, true, true}, 10},
		"many series, the worst": {0.2, "failureCondition: 'any(result, # > 0.5)'", gatetest.Tells, []float64{0.4, 0.6, 1, 2}, []bool{false, true, true, true}, 0.5},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wander := around(c.usual)
			if c.usual == 0.99 {
				wander = func(random *rand.Rand) float64 { return 0.989 + 0.002*random.Float64() }
			}
			r := tested(t, gauged(t, history, wander), withGates(t, "latency", latency+c.settings+"\n"), nil)
			if r.State != c.state {
				t.Errorf("%s, want %s: %s", r.State, c.state, r.Summary)
			}
			for i, d := range r.Seen {
				if near := cmp.Equal(d.Level, c.levels[i], within(0.03)); !near || (d.Rate() == 1) != c.seen[i] || (d.Seen > 0) != c.seen[i] {
					t.Errorf("%vx: %+v, want %v", d.Factor, d, c.levels[i])
				}
			}
			if r.Usual.Fails == nil != (c.fails == 0) || r.Usual.Fails != nil && !cmp.Equal(*r.Usual.Fails, c.fails, within(1e-6)) {
				t.Errorf("fails from %v, want %v", r.Usual.Fails, c.fails)
			}
		})
	}
}

// within compares numbers up to a share of them.
func within(share float64) cmp.Option {
	return cmp.Comparer(func(a, b float64) bool { return a-b <= share*b && b-a <= share*b })
}

func TestAComparedValueIsJudgedAgainstItsBaseline(t *testing.T) {
	t.Parallel()
	p := withGates(t, "latency", latency+"baseline: {before: 30m}\n    allowedIncrease: 20%\n")
	r := tested(t, gauged(t, history, around(0.2)), p, nil)
	if d := of(t, r, 2); r.State != gatetest.Tells || d.Rate() < 1 || d.Median.D() < 5*time.Minute { // five points, one a window
		t.Errorf("%s, 2x: %+v", r.State, d)
	}
}
