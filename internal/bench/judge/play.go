package main

import (
	"context"
	"math/rand/v2"
	"runtime"

	"golang.org/x/sync/errgroup"
)

// contender is a rule with the name that it has in print.
type contender struct {
	name  string
	words string
	rule  rule
}

// Names that the targets speak of.
const (
	beforeAfter = "before/after"
	sideBySide  = "side by side"
	knownRatio  = "known ratio"
)

func contenders() []contender {
	return []contender{
		{beforeAfter, "Guardian: the whole service against its half hour before the change", asDeployed()},
		{sideBySide, "Guardian: a candidate with half of the requests against the other half", againstOld()},
		{"line", "more than 1% bad in the last minute, failureLimit 0", threshold{line: .01, every: 1}},
		{"line, limit 2", "the same, failureLimit 2", threshold{line: .01, limit: 2, every: 1}},
		{"z-test", "two-proportion z-test at 5%, one-sided, repeated at every look", ztest{z: 1.6448536269514722}},
		{"Kayenta", "Kayenta's rank test at its defaults on the ratios of the windows", kayenta{}},
		{"burn rate", "14.4x over 1h and 5m, or 6x over 6h and 30m, of a budget of 0.5%", burnRate{budget: base}},
		{knownRatio, "Guardian's evidence, were the ratio before the change known: for Wald's bound only", known{}},
	}
}

// row is what came of one world, by the name of the rule.
type row struct {
	world
	Tallies map[string]tally `json:"rules"`
}

func worlds() []world {
	var all []world
	for _, stream := range courseNames() {
		for _, rps := range []float64{1, 5, 50, 500} {
			for _, factor := range []float64{1, 1.5, 2, 3, 5, 10} {
				all = append(all, world{Stream: stream, RPS: rps, Factor: factor})
			}
		}
	}
	return all
}

// play judges runs bakes of every world by every rule, on all cores, and tells done of every row.
// Every bake has a seed of its own, so that the outcome is the same however many cores there are.
func play(ctx context.Context, all []world, rules []contender, seed uint64, runs int, done func()) ([]row, error) {
	rows := make([]row, len(all))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i, w := range all {
		group.Go(func() error {
			rows[i] = row{world: w, Tallies: map[string]tally{}}
			for run := range runs {
				if ctx.Err() != nil {
					return ctx.Err()
				}
				rows[i].add(rules, w.bake(rand.New(rand.NewPCG(seed, uint64(i)<<32|uint64(run)))))
			}
			done()
			return nil
		})
	}
	return rows, group.Wait()
}

func (r row) add(rules []contender, b bake) {
	for _, c := range rules {
		t := r.Tallies[c.name]
		if g, ok := c.rule.(gate); ok {
			bad, well := g.decide(b)
			t.add(bad, well)
		} else {
			t.add(c.rule.judge(b), 0)
		}
		r.Tallies[c.name] = t
	}
}
