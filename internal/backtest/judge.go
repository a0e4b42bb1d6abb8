package backtest

import (
	"context"
	"strings"
	"time"

	"github.com/cinegit/guardian/internal/health"
	"github.com/cinegit/guardian/internal/policy"
)

// judged is all that came of one bake. It is what progress keeps.
type judged struct {
	Outcomes []Outcome `json:"outcomes"`
	Plots    []Plot    `json:"plots,omitempty"`
	Err      string    `json:"-"` // why some question had no answer: worth asking again
}

// court judges bakes.
type court struct {
	metrics  *patient
	settings []Setting
	recorded map[string]bool // rules whose alerts are on record
}

// judge asks what a bake needs and judges it by every row in every setting.
func (c court) judge(ctx context.Context, b bake) judged {
	if c.metrics.bakesWithoutAnswer() >= hopeless {
		return c.unasked(b, errSilent)
	}
	found := b.read(ctx, c.metrics, c.settings)
	fired := map[string]time.Time{}
	err, answered := found.err()
	for _, rule := range b.rules {
		if !c.recorded[rule.Name] || !b.end.After(b.At) || err != nil {
			continue
		}
		if fired[rule.Name], err = b.fires(ctx, c.metrics, rule); err != nil {
			answered = false
		}
	}
	c.metrics.note(answered)
	if err != nil {
		return c.unasked(b, err)
	}
	return c.decide(b, found, fired)
}

// unasked is a bake that could not be asked about.
func (c court) unasked(b bake, err error) judged {
	out := judged{Err: err.Error()}
	for _, j := range b.juries() {
		for _, s := range c.settings {
			out.Outcomes = append(out.Outcomes, Outcome{Row: j.Row, Setting: s.Name, State: Error, Reason: err.Error()})
		}
	}
	return out
}

// decide judges what was read. It is pure.
func (c court) decide(b bake, found readings, fired map[string]time.Time) judged {
	bench := newBench(found)
	var out judged
	for _, j := range b.juries() {
		own := c.sit(bench, j, c.settings[0], fired)
		for i, s := range c.settings {
			one := own
			if i > 0 && s.changes(c.settings[0], j.gates) {
				one = c.sit(bench, j, s, fired)
			}
			one.Row, one.Setting = j.Row, s.Name
			out.Outcomes = append(out.Outcomes, one)
		}
		if j.Row == b.headline() {
			for _, w := range bench.watches(c.settings[0], j) {
				out.Plots = append(out.Plots, w.plot())
			}
		}
	}
	return out
}

// sit judges by one row in one setting.
func (c court) sit(bench *bench, j jury, s Setting, fired map[string]time.Time) Outcome {
	watches := bench.watches(s, j)
	if j.Kind == ByRule && c.recorded[j.Name] {
		return alertOut(watches, fired[j.Name])
	}
	out := bakeOut(watches)
	if j.Kind == ByGate {
		out.Reason = strings.TrimPrefix(out.Reason, j.Name+": ")
	}
	return out
}

// bench shares looks among the rows and settings that judge by the same.
type bench struct {
	readings readings
	shared   map[string][]*watch
}

func newBench(found readings) *bench { return &bench{readings: found, shared: map[string][]*watch{}} }

// watches are the gates of a row in a setting.
func (b *bench) watches(s Setting, j jury) []*watch {
	gates := health.GatesOf(s.policy, j.gates)
	if j.Kind == ByGate {
		gates[0].DryRun = false // by itself it is judged as it would decide
	}
	all := make([]*watch, len(gates))
	for i, g := range gates {
		all[i] = b.watch(g, g.AlphaAmong(gates))
	}
	return all
}

func (b *bench) watch(g health.Gate, alpha float64) *watch {
	key := question(g)
	for _, w := range b.shared[key] {
		if w.alpha == alpha && sameGate(w.gate.Gate, g.Gate) {
			return w
		}
	}
	w := newWatch(g, b.readings[key], alpha)
	b.shared[key] = append(b.shared[key], w)
	return w
}

// sameGate tells whether two gates that ask the same judge the same.
func sameGate(a, b policy.Gate) bool {
	return a.DryRun == b.DryRun && same(a.Max, b.Max) && same(a.Tolerance, b.Tolerance) && same(a.Alpha, b.Alpha) &&
		same(a.Min, b.Min) && same(a.FailureLimit, b.FailureLimit) && same(a.MinSampleCount, b.MinSampleCount)
}

func same[T comparable](a, b *T) bool { return a == b || a != nil && b != nil && *a == *b }
